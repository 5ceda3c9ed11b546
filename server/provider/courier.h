/*
 * The couriers: threads of their own that bring what the first node has to every other node, and
 * from there the word of how it went. On another node than the first they tell the first who and
 * where this node is.
 *
 * A visit that fails is tried again after COURIER_FIRST_MS, then with twice the pause each time, up
 * to COURIER_MOST_MS, until it succeeds; every wake-up begins anew. What is known of each node is
 * in the store (store_dist_list), so that nothing is lost with the process.
 */
#ifndef SERVER_PROVIDER_COURIER_H
#define SERVER_PROVIDER_COURIER_H

#include "common/log.h"
#include "server/store/store.h"

enum {
	COURIERS = 4,
	COURIER_FIRST_MS = 1000,
	COURIER_MOST_MS = 5 * 60 * 1000,
	COURIER_CHECK_MS = 30 * 1000, /* between looks at a node that has everything */
};

struct courier;

/* Starts them. state (a folder) and log are borrowed. */
int courier_new(struct courier **out, const char *state, const struct log *log, struct err *e);

/* Breaks off what is under way and waits for the threads. */
void courier_free(struct courier *c);

/* Something may have changed, in the cluster or with a node: everybody is visited at once. Any
 * thread. */
void courier_wake(struct courier *c);

/* What of the store the couriers have been woken for. */
struct courier_news {
	_Atomic int64_t revision, generation;
};

/* Whether the store s has anything for other nodes that it had not when this was asked before with
 * n (all zero at first). When that cannot be read, it may. Any thread. */
bool courier_is_news(struct courier_news *n, struct store *s);

/* True when every other node has been visited with that generation since, well or not. Any thread.
 */
bool courier_settled(struct courier *c, int64_t generation);

/* The pause after so many failures in a row. */
unsigned courier_pause_ms(unsigned failures);

#endif
