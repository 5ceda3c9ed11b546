/*
 * What of the cluster goes into every configuration file, read from the store and kept while
 * nothing there changes.
 */
#ifndef SERVER_CONFIG_CLUSTER_H
#define SERVER_CONFIG_CLUSTER_H

#include "server/store/store.h"
#include "trustfile/list.h"

enum { CLUSTER_DIGEST_LEN = 32 };

struct cluster {
	bool mixed;
	int64_t generation;       /* of the active list; 0: there is none */
	struct buf file;          /* the list; owned */
	struct tl *list;          /* the same, taken apart; owned; NULL: there is none */
	struct store_node *nodes; /* n of them, the first node first; owned */
	size_t n;
	uint8_t digest[CLUSTER_DIGEST_LEN]; /* SHA-256 of all of it */
	int64_t counter;                    /* store_change_counter() when it was read */
	bool known;
};

/* Reads the store again if anything has changed there. Start c as {0}; cluster_free() it. *fresh
 * tells whether it did. */
int cluster_refresh(struct cluster *c, struct store *s, bool *fresh, struct err *e);

void cluster_free(struct cluster *c);

#endif
