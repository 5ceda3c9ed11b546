/*
 * What a security officer reads before signing: what changes, who may sign from now on, which
 * servers phones trust, which phones follow, and the digest in hexadecimal and in words.
 */
#ifndef CTLCLIENT_REVIEW_H
#define CTLCLIENT_REVIEW_H

#include "ctlclient/at_desk.h"
#include "trustfile/list.h"

#include <jansson.h>

struct review {
	const struct tl *old;       /* NULL for none */
	const struct tl *neu;       /* what is to be signed: a preview */
	json_t *history;            /* GET /ctl/history, or NULL */
	const struct at_desk *here; /* tokens at this desk */
	const char *signer;         /* where the signer's key is */
};

/* Appends the whole review. */
int review_text(struct buf *b, const struct review *r, struct err *e);

#endif
