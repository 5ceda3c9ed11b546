/*
 * The store as the TFTP service follows it: the active trust list of this node, and whether
 * anything has changed that files are made from. A thread of its own reads the store, when another
 * service says that something changed and every few seconds; the event loop is told through a
 * descriptor and never waits for the disk. The thread also writes what phones asked for.
 */
#ifndef SERVER_TFTP_SOURCE_H
#define SERVER_TFTP_SOURCE_H

#include "common/err.h"
#include "common/log.h"
#include "server/config/device_file.h"
#include "server/store/store_phone.h"
#include "server/tftp/content.h"

#include <stdbool.h>

enum { SOURCE_LOOK_MS = 3000 }; /* how often the store is looked at unasked */

struct source;

struct source_setup {
	const char *state;
	const struct log *log;
	struct file_key *key; /* as the makers have it: a change of it is a change */
};

/* Opens the store, reads the list for the first time and starts the thread. What setup points to
 * must outlive the source. Errors are those of store_open() and notify_listen(). */
int source_open(struct source **out, const struct source_setup *setup, struct err *e);

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

/* Hands over what phones asked for, to be written soon; list is n elements on the heap, the
 * source's from now on. False, and list stays the caller's, while it is still busy with the ones
 * before. */
bool source_note(struct source *s, struct store_seen *list, size_t n);

#endif
