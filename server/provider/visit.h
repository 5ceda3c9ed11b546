/*
 * One visit to another node. The first node asks a node what it is and has, and brings what it
 * lacks; another node tells the first who and where it is. What came of it is noted in the store
 * (store_dist_list).
 */
#ifndef SERVER_PROVIDER_VISIT_H
#define SERVER_PROVIDER_VISIT_H

#include "common/log.h"
#include "server/store/store.h"

#include <stdatomic.h>

/* Who visits; borrowed for the call. */
struct visitor {
	const char *state; /* folder */
	const struct log *log;
	const char *cert, *chain, *key; /* paths; chain is there after a renewal only */
	const atomic_bool *stop;        /* breaks a visit off */
};

/* Goes to the node of that id. *generation is what it was visited with: set as soon as it is known.
 * 0 if there is nothing more to do there now (also if there is no such node any more); an error
 * calls for another visit. s is the caller's own handle. */
int visit_node(const struct visitor *who, struct store *s, int64_t id, int64_t *generation,
	       struct err *e);

#endif
