/*
 * What each phone asked for last, on its way into the store: collected on the event loop, written
 * by somebody else, many at once.
 */
#ifndef SERVER_TFTP_ASKED_H
#define SERVER_TFTP_ASKED_H

#include "server/store/store_phone.h"
#include "server/tftp/content.h"
#include "server/tftp/name.h"

enum { ASKED_MAX = 32768 }; /* phones that are remembered until they are written */

struct asked;

/* NULL if out of memory or randomness. */
struct asked *asked_new(void);
void asked_free(struct asked *a);

/* One request and what came of it: "not-found", "broken-off"; NULL: the outcome of content, which
 * the phone has now. Names that speak of no device are not noted; nor is anything when memory is
 * short. */
struct asked_note {
	const struct name *name;
	const char *address; /* as text, without the port */
	const char *outcome;
	const struct content *content; /* NULL with "not-found" */
};

void asked_note(struct asked *a, const struct asked_note *note);

/* All that was noted since the last call: *list is *n elements, free() it; *n may be 0. */
void asked_take(struct asked *a, struct store_seen **list, size_t *n);

#endif
