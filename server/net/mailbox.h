/*
 * Letters to an event loop: any thread says what is to be called there. Several loops of a process
 * tell each other, and their workers them, what has come of something.
 */
#ifndef SERVER_NET_MAILBOX_H
#define SERVER_NET_MAILBOX_H

#include "common/err.h"

#include <event2/event.h>

struct mailbox;

typedef void mailbox_fn(void *arg);

/* A letter's memory, part of what its sender allocated anyway; until fn is called it stays. */
struct letter {
	mailbox_fn *fn;
	void *arg;
	struct letter *next;
};

/* On the thread of base. ERR_FAILED "mailbox". */
int mailbox_new(struct mailbox **out, struct event_base *base, struct err *e);

/* From any thread: fn(arg) is called on the mailbox's loop, in the order of posting. */
void mailbox_post(struct mailbox *m, struct letter *l);

/* On the thread of base; what is posted and not called yet is called. */
void mailbox_free(struct mailbox *m);

#endif
