/*
 * Answers that are kept until the store changes, so that a client that asks for the same again is
 * served from memory. On the loop only: looking whether the store has changed reads a few bytes of
 * memory that SQLite shares, and never waits for a writer.
 */
#ifndef SERVER_PROVIDER_KEPT_H
#define SERVER_PROVIDER_KEPT_H

#include "server/store/store.h"

enum {
	KEPT_MAX = 8,
	KEPT_MS = 60 * 1000, /* some of them tell of days, too */
};

struct kept_answer {
	const void *route; /* NULL: free */
	int64_t moment, ends_ms;
	const char *type;
	int64_t generation;
	struct buf body; /* owned */
};

struct kept;

/* Opens a handle of its own to the store below state. */
int kept_new(struct kept **out, const char *state, struct err *e);
void kept_free(struct kept *k);

/* A number for the present content of the store: what was read after it was taken is at least that
 * new, and good for as long as it stays the same. False if it cannot be had. */
bool kept_moment(struct kept *k, int64_t *moment);

/* The answer to that route that was read at the moment, or NULL. */
const struct kept_answer *kept_find(const struct kept *k, const void *route, int64_t moment,
				    int64_t now_ms);

/* Keeps a copy of it; route, type and generation are stored as they are. */
void kept_put(struct kept *k, const struct kept_answer *a, int64_t now_ms);

#endif
