/* What a CTL says of itself, for logs and history. Pure. */
#ifndef SERVER_CLUSTER_CTL_FACTS_H
#define SERVER_CLUSTER_CTL_FACTS_H

#include "server/store/store.h"
#include "trustfile/list.h"

struct ctl_facts {
	bool mixed;                 /* the security mode that goes with it */
	struct store_signer signer; /* printable; empty if the list could not be read */
	struct buf difference;      /* text of tl_diff_text(); owned */
};

/* Mode and signer. */
void ctl_facts_note(struct ctl_facts *facts, const struct tl *neu);

/* The difference to the list before (NULL: there was none). */
int ctl_facts_compare(struct ctl_facts *facts, const struct tl *present, const struct tl *neu,
		      struct err *e);

/* All of it, from bytes; present is empty if there was no list before. *facts is the caller's in
 * any case (ctl_facts_free). */
int ctl_facts_read(struct ctl_facts *facts, struct span present, struct span neu, struct err *e);
void ctl_facts_free(struct ctl_facts *facts);

/* Text of a list (a name) as a printable string, cut to size. */
void ctl_facts_text(char *to, size_t size, struct span name);

#endif
