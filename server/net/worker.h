/*
 * Threads for what would block the event loop: password hashes, signatures, the store.
 *
 * A job runs on one of the threads and is then finished on the event loop. The pool belongs to the
 * thread of the loop: every function here is called there, but for worker_submit_from().
 */
#ifndef SERVER_NET_WORKER_H
#define SERVER_NET_WORKER_H

#include "common/err.h"
#include "server/net/mailbox.h"

#include <event2/event.h>
#include <stddef.h>

struct worker_pool;

/* run is called on a thread, with what that thread calls its own; done afterwards on the loop. */
typedef void worker_run_fn(void *job, void *own);
typedef void worker_done_fn(void *job);

struct worker_opts {
	struct event_base *base;
	size_t threads;
	size_t queue_max; /* jobs that may wait for a thread */
	void *const
		*own; /* one for each thread (a store handle), borrowed; NULL if they need none */
};

/* Starts the threads, with all signals blocked. ERR_FAILED "worker". */
int worker_pool_new(struct worker_pool **out, const struct worker_opts *opts, struct err *e);

/* Hands a job over. ERR_FAILED "busy" if queue_max jobs wait already, or the pool is being freed;
 * nothing is called then. */
int worker_submit(struct worker_pool *p, worker_run_fn *run, worker_done_fn *done, void *job,
		  struct err *e);

/* As worker_submit(), from the thread of another loop: done is called there, through its mailbox.
 * That loop must still turn, or free its mailbox afterwards, when the pool is freed. */
int worker_submit_from(struct worker_pool *p, struct mailbox *home, worker_run_fn *run,
		       worker_done_fn *done, void *job, struct err *e);

/* Lets the threads finish every job that was taken, calls done for them, and frees p. */
void worker_pool_free(struct worker_pool *p);

#endif
