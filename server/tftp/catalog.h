/*
 * What there is to be had, by name, for every protocol alike: content in memory at once, or later,
 * when a worker has made it.
 *
 * Nothing is made twice at the same time, whoever asks. What was made is kept while it is right:
 * when the store has changed, a worker compares the tag of what a file was made from, and makes it
 * again only if that is another one. That a file does not exist is remembered in the same way.
 * Memory has a limit: what was asked for the longest time ago goes first, and while transfers hold
 * more than the limit, further files are not begun.
 *
 * Everything here is called on the event loop; only the make functions run on workers.
 */
#ifndef SERVER_TFTP_CATALOG_H
#define SERVER_TFTP_CATALOG_H

#include "server/net/worker.h"
#include "server/tftp/content.h"
#include "server/tftp/name.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	CATALOG_TAG = 72,         /* bytes of a tag */
	CATALOG_ENTRIES = 131072, /* names that are remembered, a power of two */
	CATALOG_IN_FLIGHT = 64,   /* files of one source that are with its workers */
	CATALOG_RETRY_MS = 2000,  /* how long a failure is remembered */
};

/* ---- where files come from ---- */

enum catalog_made {
	CATALOG_FAILED,    /* nobody knows; e says why */
	CATALOG_NONE,      /* there is no such file */
	CATALOG_FOREIGN,   /* this source has nothing to say about it: the next one is asked */
	CATALOG_UNCHANGED, /* what it was made from is as the tag says */
	CATALOG_MADE,
};

struct catalog_tag {
	uint8_t bytes[CATALOG_TAG]; /* zeros: what was not made yet, or is not there */
};

/* One file to be made. */
struct catalog_job {
	struct name name;
	struct catalog_tag was; /* of the content that is there */

	/* What the make function says. */
	enum catalog_made made;
	struct catalog_tag tag;
	struct content *content; /* with CATALOG_MADE, a reference */
	struct err e;
};

/* Called on a worker with what its thread calls its own. */
typedef void catalog_make_fn(struct catalog_job *j, void *own);

struct catalog_source {
	struct worker_pool *pool;
	catalog_make_fn *make;
	bool (*takes)(const struct name *n); /* NULL: every name */
	/* What is known stays good for so long without a look; afterwards, up to stale_ms, it is
	 * still given, but a worker looks meanwhile. 0: it is good until catalog_changed(), and
	 * never given afterwards. */
	unsigned fresh_ms, stale_ms;
};

/* ---- asking ---- */

struct catalog;
struct catalog_entry;

/* Somebody who waits; a member of it. All zeros: not waiting. */
struct catalog_waiter {
	TAILQ_ENTRY(catalog_waiter) link;
	struct catalog_entry *entry;
	void *arg;

	/* c is borrowed; NULL if there is no such file or, with e, nobody could find out. The
	 * waiter does not wait any more. */
	void (*ready)(struct catalog_waiter *w, struct content *c, const struct err *e);
};

enum catalog_answer { CATALOG_HERE, CATALOG_ABSENT, CATALOG_LATER, CATALOG_TROUBLE };

struct catalog_opts {
	size_t memory_max;                    /* bytes */
	const struct catalog_source *sources; /* nsources of them, asked in this order; borrowed */
	size_t nsources;
};

/* NULL if out of memory or randomness. */
struct catalog *catalog_new(const struct catalog_opts *opts);

/* Nobody may wait and no job may run any more. */
void catalog_free(struct catalog *c);

/* The active trust list from now on; takes the reference over. NULL: there is none. */
void catalog_set_ctl(struct catalog *c, struct content *ctl);

/* Something in the store is different: what was made from it has to be looked at. */
void catalog_changed(struct catalog *c);

/* Asks for a file. CATALOG_HERE: *out is borrowed until the loop goes on. CATALOG_LATER: w->ready
 * will be called, unless catalog_leave(w); without w, nothing
 * is done about it. CATALOG_TROUBLE: it cannot be found out now; *e says
 * why. Nothing is called from here. */
enum catalog_answer catalog_find(struct catalog *c, const struct name *n, uint64_t now_ms,
				 struct catalog_waiter *w, struct content **out,
				 const struct err **e);

/* w no longer waits; nothing happens if it does not. */
void catalog_leave(struct catalog_waiter *w);

/* Transfers have let go of content: begins what had to wait for memory. */
void catalog_go_on(struct catalog *c);

/* Bytes in memory, those that transfers hold included. */
size_t catalog_memory(const struct catalog *c);

#endif
