/* Phones as JSON (doc/api.md), both ways. */
#ifndef SERVER_PROVIDER_PHONE_JSON_H
#define SERVER_PROVIDER_PHONE_JSON_H

#include "server/store/store_phone.h"

#include <jansson.h>

/* The phone with its profile; mixed is the cluster's mode. With details, certificates are there as
 * PEM and sentences of advice; without, only what a list needs. NULL if out of memory. */
json_t *phone_json(const struct store_phone *p, const struct store_profile *profile, bool mixed,
		   bool details);

/* What may be written of a phone, to see whether a change would change anything. NULL if out of
 * memory. */
json_t *phone_json_writable(const struct store_phone *p);

/* What a phone can be given along with what is in struct store_phone. Members that were not there
 * are NULL or false; borrowed from the document. */
struct phone_extras {
	bool has_key, has_auth_string, has_lsc, has_mic;
	const char *key;         /* hexadecimal digits, "generate", or NULL: take it away */
	const char *auth_string; /* digits, "generate", or NULL: take it away */
	const char *lsc, *mic;   /* PEM, or NULL: take it away */
	const char *digest_password;
	int auth_mode, key_size; /* of the profile the phone shall have; 0: not said */
};

/* Takes the members of doc over into p, which says what is not in doc, and notes the others.
 * ERR_USAGE "bad-request", "device-name", "parameter", "parameter-value". */
int phone_take(struct store_phone *p, struct phone_extras *x, const json_t *doc, struct err *e);

/* True if there is anything in x that changes the phone. */
bool phone_extras_any(const struct phone_extras *x);

#endif
