/*
 * TFTP servers outside the cluster that a change puts into the list, or takes out. The provider
 * keeps them as part of the cluster once a list with them is accepted. As JSON, in bundles and in
 * PUT /ctl (doc/api.md): { "add": [ { name, address, certificate } ], "remove": [ name ] }.
 */
#ifndef CTLCLIENT_TFTP_WISH_H
#define CTLCLIENT_TFTP_WISH_H

#include "common/json.h"
#include "ctlclient/draft.h"

enum { TFTP_WISH_MAX = 16 };

struct tftp_wish {
	struct draft_server added[TFTP_WISH_MAX]; /* of role TL_TFTP, with certificate; owned */
	size_t n_added;
	char removed[TFTP_WISH_MAX][256]; /* names */
	size_t n_removed;
};

bool tftp_wish_is_empty(const struct tftp_wish *w);

/* Reads "host=H,ip=A,cert=FILE" into s, whose certificate is the caller's. ERR_USAGE "server-spec",
 * also if a role is named; errors of reading the file. */
int tftp_wish_parse(struct draft_server *s, const char *text, struct err *e);

/* The same from parts that were typed: ip may be empty. */
int tftp_wish_make(struct draft_server *s, const char *host, const char *ip, const char *cert_file,
		   struct err *e);

/* Takes s on (a reference to its certificate is kept); one of the same name is replaced. ERR_USAGE
 * "too-many". */
int tftp_wish_add(struct tftp_wish *w, const struct draft_server *s, struct err *e);
int tftp_wish_remove(struct tftp_wish *w, const char *name, struct err *e);

/* Take a wish back; nothing happens if there is none. */
void tftp_wish_drop(struct tftp_wish *w, const char *name);
void tftp_wish_keep(struct tftp_wish *w, const char *name);

bool tftp_wish_adds(const struct tftp_wish *w, const char *name);
bool tftp_wish_removes(const struct tftp_wish *w, const char *name);

/* NULL if there is no wish, or no memory. */
json_t *tftp_wish_json(const struct tftp_wish *w);

/* Reads one back, from a stranger; w is empty before, and NULL is no wish. False if it is not as it
 * should be; w can be freed in any case. */
bool tftp_wish_read(struct tftp_wish *w, json_t *v);

void tftp_wish_free(struct tftp_wish *w);

#endif
