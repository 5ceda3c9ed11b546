/*
 * What CAPF will do with a phone next, in sentences for the administrator: what is pending, who has
 * to connect to whom, what the phone must know for that, what happened last time, what to press.
 * Pure.
 */
#ifndef SERVER_PROVIDER_CAPF_EXPLAIN_H
#define SERVER_PROVIDER_CAPF_EXPLAIN_H

#include "common/conf.h"
#include "server/store/store_capf.h"

struct capf_situation {
	const struct store_capf_case *c;
	const struct store_phone *phone;     /* NULL: an instance of a user */
	const struct store_profile *profile; /* of the phone */
	const char *host, *address;          /* of the node that CAPF runs on */
	const struct conf_capf *conf;
	int64_t now, generation; /* of the active list; 0: there is none */
	bool listed;             /* it has this CAPF's certificate */
};

void capf_explain(const struct capf_situation *s, void (*tell)(const char *sentence, void *arg),
		  void *arg);

/* "Install/Upgrade pending", "Delete successful", "No Pending Operation": as the vendor's pages
 * say. */
void capf_status_words(char text[48], const struct store_capf *c);

#endif
