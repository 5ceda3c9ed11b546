/* The certificates on the tokens that are at this desk now: who of a list is here, and how. */
#ifndef CTLCLIENT_AT_DESK_H
#define CTLCLIENT_AT_DESK_H

#include "ctlclient/desk.h"

struct at_desk {
	struct desk_cert *certs; /* n of them, owned */
	size_t n;
};

/* Looks at all tokens. One that does not answer is left out: this only tells, it decides nothing.
 * End with at_desk_free(), also after an error. */
int at_desk_look(struct at_desk *a, struct desk *d, struct err *e);
void at_desk_free(struct at_desk *a);

/* Where the certificate is, or NULL if no token at this desk has it. */
const struct desk_cert *at_desk_has(const struct at_desk *a, const X509 *cert);

#endif
