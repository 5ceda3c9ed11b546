/*
 * The one thread of the service that writes into the store. What waits is written together, in one
 * transaction: the disk is waited for once and not for each phone, and SQLite, which lets one write
 * at a time, makes nobody wait in the dark.
 */
#ifndef SERVER_CAPF_KEEPER_H
#define SERVER_CAPF_KEEPER_H

#include "server/net/mailbox.h"
#include "server/store/store.h"

struct keeper;

/* One change. All of it is the sender's until done is called; then it is kept, or rc and e say why
 * it is not. */
struct keeping {
	int (*change)(struct store *s, void *arg, struct err *e); /* on the keeper's thread */
	mailbox_fn *done;                                         /* on home's loop */
	void *arg;                                                /* of both */
	struct mailbox *home;
	int rc;
	struct err e;
	struct letter letter;
	struct keeping *next;
};

/* Opens the store below state. */
int keeper_start(struct keeper **out, const char *state, struct err *e);

/* From any thread. */
void keeper_put(struct keeper *k, struct keeping *c);

/* Writes what was put, tells their homes, and ends. */
void keeper_stop(struct keeper *k);

#endif
