/*
 * What a session wants, done: who calls is looked up and checked, certificates are made, outcomes
 * are kept. Signatures and the store are for the workers, changes for the keeper; the loop that a
 * session lives on only hears of the end.
 */
#ifndef SERVER_CAPF_DESK_H
#define SERVER_CAPF_DESK_H

#include "common/conf.h"
#include "common/log_limit.h"
#include "server/capf/authority.h"
#include "server/capf/keeper.h"
#include "server/capf/session.h"
#include "server/net/worker.h"
#include "server/store/store_capf.h"

#include <stdatomic.h>

struct desk {
	const char *state;            /* folder, borrowed */
	const struct conf_capf *conf; /* borrowed */
	struct worker_pool *pool;     /* whose threads own a struct store */
	struct worker_pool *issuers;  /* likewise, for what is signed: pool, unless a token signs */
	struct keeper *keeper;
	pthread_mutex_t lock; /* over authority */
	struct authority *authority;
	atomic_bool news; /* a phone's state has changed: tell the other services */
	atomic_uint_fast64_t issued, refused, finished; /* since the start */
};

/* a is the desk's from now on. */
void desk_init(struct desk *d, struct authority *a);
void desk_close(struct desk *d);

/* The present one; authority_unref() it. Any thread. */
struct authority *desk_authority(struct desk *d);

/* Another authority from now on; what is under way goes on with the old one. */
void desk_set_authority(struct desk *d, struct authority *a);

/* One caller, as long as its session. */
struct desk_call {
	struct session *session;
	const char *peer; /* address, for the log */
	struct mailbox *home;
	struct log_limit *log;
	void (*done)(void *arg);
	void *arg;
	/* The desk's own. */
	struct store_capf_case *c;          /* NULL: nobody we know yet */
	struct buf mic, lsc;                /* certificates that it has proved itself with */
	char serial[STORE_CAPF_SERIAL_MAX]; /* of the certificate that was sent */
};

/* Does what the session wants (SESSION_JUDGE, SESSION_ISSUE or SESSION_RECORD), tells the session
 * what came of it, and calls done on home's loop, perhaps at once. Until then the session must be
 * left alone. False if there is no memory for that; then nothing is called. */
bool desk_serve(struct desk *d, struct desk_call *call);

void desk_call_free(struct desk_call *call);

#endif
