#include "server/net/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct job {
	worker_run_fn *run;
	worker_done_fn *done;
	void *arg;
	struct mailbox *home; /* where done is called */
	struct letter letter;
	struct job *next;
};

/* First in, first out. */
struct queue {
	struct job *head, **tail;
};

struct thread {
	struct worker_pool *pool;
	void *own;
	pthread_t id;
};

struct worker_pool {
	pthread_mutex_t lock; /* over the members down to the next gap */
	pthread_cond_t wake;
	struct queue waiting;
	size_t nwaiting;
	bool stopping;

	size_t queue_max;
	struct mailbox *home;   /* of the pool's own loop */
	struct thread *threads; /* nthreads of them run */
	size_t nthreads;
};

static void queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_put(struct queue *q, struct job *j)
{
	j->next = NULL;
	*q->tail = j;
	q->tail = &j->next;
}

static struct job *queue_take(struct queue *q)
{
	struct job *j = q->head;

	if (j) {
		q->head = j->next;
		if (!q->head)
			q->tail = &q->head;
	}
	return j;
}

/* ---- on the threads ---- */

static struct job *next_job(struct worker_pool *p)
{
	struct job *j;

	pthread_mutex_lock(&p->lock);
	while (!p->waiting.head && !p->stopping)
		pthread_cond_wait(&p->wake, &p->lock);
	j = queue_take(&p->waiting);
	if (j)
		p->nwaiting--;
	pthread_mutex_unlock(&p->lock);
	return j;
}

/* On the loop that it came from. */
static void call_done(void *arg)
{
	struct job *j = arg;

	j->done(j->arg);
	free(j);
}

static void *thread_main(void *arg)
{
	const struct thread *t = arg;
	struct job *j;

	while ((j = next_job(t->pool))) {
		j->run(j->arg, t->own);
		j->letter = (struct letter){.fn = call_done, .arg = j};
		mailbox_post(j->home, &j->letter);
	}
	return NULL;
}

/* ---- on the loop ---- */

int worker_submit_from(struct worker_pool *p, struct mailbox *home, worker_run_fn *run,
		       worker_done_fn *done, void *job, struct err *e)
{
	struct job *j = malloc(sizeof(*j));
	bool full;

	if (!j)
		return err_nomem(e);
	*j = (struct job){.run = run, .done = done, .arg = job, .home = home};

	pthread_mutex_lock(&p->lock);
	/* Threads that end take nothing any more: it would wait for ever. */
	full = p->stopping || p->nwaiting >= p->queue_max;
	if (!full) {
		queue_put(&p->waiting, j);
		p->nwaiting++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	if (!full)
		return 0;

	free(j);
	err_set(e, ERR_FAILED, "busy", "the service has more work than it can do (%zu jobs wait)",
		p->queue_max);
	return err_hint(e, "try again in a few seconds");
}

int worker_submit(struct worker_pool *p, worker_run_fn *run, worker_done_fn *done, void *job,
		  struct err *e)
{
	return worker_submit_from(p, p->home, run, done, job, e);
}

/* ---- beginning and end ---- */

static int start_threads(struct worker_pool *p, const struct worker_opts *opts, struct err *e)
{
	sigset_t all, before;
	int why = 0;

	/* Signals belong to the loop; threads inherit the mask of their maker. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!why && p->nthreads < opts->threads) {
		struct thread *t = &p->threads[p->nthreads];

		t->pool = p;
		t->own = opts->own ? opts->own[p->nthreads] : NULL;
		why = pthread_create(&t->id, NULL, thread_main, t);
		if (!why)
			p->nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return why ? err_set(e, ERR_FAILED, "worker", "cannot start a thread: %s", strerror(why))
		   : 0;
}

int worker_pool_new(struct worker_pool **out, const struct worker_opts *opts, struct err *e)
{
	struct worker_pool *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_nomem(e);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	queue_init(&p->waiting);
	p->queue_max = opts->queue_max;
	p->threads = calloc(opts->threads, sizeof(*p->threads));
	rc = p->threads ? mailbox_new(&p->home, opts->base, e) : err_nomem(e);
	if (!rc)
		rc = start_threads(p, opts, e);
	if (rc)
		worker_pool_free(p);
	else
		*out = p;
	return rc;
}

void worker_pool_free(struct worker_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i].id, NULL);
	mailbox_free(p->home);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}
