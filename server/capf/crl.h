/*
 * The list of revoked certificates (RFC 5280 section 5): STATE/capf/capf.crl, DER. Only this
 * service has the key to sign it; others serve the file.
 */
#ifndef SERVER_CAPF_CRL_H
#define SERVER_CAPF_CRL_H

#include "server/capf/authority.h"

/* Writes it anew if what is in the store differs from what it was made from, or if it gets old.
 * *mark is what it was made from last; start it as {0}. */
struct crl_mark {
	uint64_t sum;    /* of the rows */
	int64_t written; /* seconds since 1970; 0: never */
};

int crl_update(const char *state, const struct authority *a, struct store *s, struct crl_mark *mark,
	       struct err *e);

#endif
