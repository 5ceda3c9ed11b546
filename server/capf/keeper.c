#include "server/capf/keeper.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 256 };

struct keeper {
	struct store *store;
	pthread_t thread;

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	struct keeping *head, **tail; /* first in, first out */
	bool stopping;
};

/* Up to BATCH_MAX of those that wait; NULL if it is time to stop. */
static struct keeping *take_batch(struct keeper *k)
{
	struct keeping *first, **end;

	pthread_mutex_lock(&k->lock);
	while (!k->head && !k->stopping)
		pthread_cond_wait(&k->wake, &k->lock);
	first = k->head;
	end = &k->head;
	for (size_t i = 0; *end && i < BATCH_MAX; i++)
		end = &(*end)->next;
	k->head = *end;
	*end = NULL;
	if (!k->head)
		k->tail = &k->head;
	pthread_mutex_unlock(&k->lock);
	return first;
}

static void fail_all(struct keeping *batch, const struct err *e)
{
	for (struct keeping *c = batch; c; c = c->next) {
		if (c->rc)
			continue;
		c->rc = (int)e->kind;
		c->e = *e;
	}
}

static void write_batch(struct store *s, struct keeping *batch)
{
	struct err e;

	if (store_batch_begin(s, &e)) {
		for (struct keeping *c = batch; c; c = c->next)
			c->rc = 0;
		fail_all(batch, &e);
		return;
	}
	for (struct keeping *c = batch; c; c = c->next)
		c->rc = c->change(s, c->arg, &c->e);
	if (store_batch_end(s, &e))
		fail_all(batch, &e);
}

static void *run(void *arg)
{
	struct keeper *k = arg;
	struct keeping *batch, *next;

	while ((batch = take_batch(k))) {
		write_batch(k->store, batch);
		for (; batch; batch = next) {
			next = batch->next;
			batch->letter = (struct letter){.fn = batch->done, .arg = batch->arg};
			mailbox_post(batch->home, &batch->letter);
		}
	}
	return NULL;
}

void keeper_put(struct keeper *k, struct keeping *c)
{
	c->next = NULL;
	pthread_mutex_lock(&k->lock);
	*k->tail = c;
	k->tail = &c->next;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

int keeper_start(struct keeper **out, const char *state, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));
	sigset_t all, before;
	int why;

	if (!k)
		return err_nomem(e);
	k->tail = &k->head;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	if (store_open(&k->store, state, STORE_WRITE, e))
		goto failed;
	/* Signals belong to the main loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	why = pthread_create(&k->thread, NULL, run, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (why) {
		err_set(e, ERR_FAILED, "keeper", "cannot start a thread: %s", strerror(why));
		goto failed;
	}
	*out = k;
	return 0;
failed:
	store_close(k->store);
	free(k);
	return (int)e->kind;
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	store_close(k->store);
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->wake);
	free(k);
}
