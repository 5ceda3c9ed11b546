/*
 * Where the bytes come from: the active trust list of this node, kept in memory. A thread of its
 * own reads the store, when another service says that something changed and every few seconds; the
 * event loop is told through a descriptor and never waits for the disk.
 */
#ifndef SERVER_TFTP_SOURCE_H
#define SERVER_TFTP_SOURCE_H

#include "common/err.h"
#include "common/log.h"
#include "server/tftp/content.h"

#include <stdbool.h>

enum { SOURCE_LOOK_MS = 3000 }; /* how often the store is looked at unasked */

struct source;

/* Opens the store below state, reads the list for the first time and starts the thread. state and
 * log must outlive the source. Errors are those of store_open() and notify_listen(). */
int source_open(struct source **out, const char *state, const struct log *log, struct err *e);

/* Stops the thread and waits for it. */
void source_close(struct source *s);

/* Readable when source_take() has something. */
int source_fd(const struct source *s);

/* What is new since the last call. */
struct source_news {
	bool changed;        /* something in the store is another than before */
	bool has_ctl;        /* the active list is */
	struct content *ctl; /* the caller's reference to it; NULL: no list is active */
};

struct source_news source_take(struct source *s);

#endif
