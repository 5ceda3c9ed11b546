/* Accepting a new CTL: the check and the one transaction. On a worker. */
#ifndef SERVER_PROVIDER_COMMIT_H
#define SERVER_PROVIDER_COMMIT_H

#include "common/log.h"
#include "server/store/store.h"

struct signers;

struct commit {
	const char *user, *address; /* who asks, and from where */
	int64_t expected;           /* the generation the list was made from */
	struct span list;
	/* TFTP servers outside the cluster that come (or change) and go together with the list:
	 * ntftps of store_tftp.h, ngone names. */
	const struct store_node *tftps;
	size_t ntftps;
	const char *const *gone;
	size_t ngone;
	const struct signers *signers; /* policy for new tokens; NULL: none */
	int64_t present;               /* out: the generation before, also where the commit fails */
	int64_t generation;            /* out: of the list, if it was accepted */
	bool mixed;                    /* out: the security mode that goes with it */
};

/* The list and the TFTP servers, both or neither. ERR_CONFLICT "stale-generation", and
 * "stale-cluster" if nodes keep changing meanwhile; the errors of ctl_check(), store_tftp_put() and
 * store_tftp_remove(); those of the store. Every decision is logged. Nothing is stored on failure.
 */
int commit_ctl(struct commit *c, struct store *s, const struct log *log, struct err *e);

#endif
