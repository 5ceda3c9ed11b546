#include "pkcs11/owner.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One place for a job: empty, waiting to be done, or done and waiting to be fetched. */
enum place { PLACE_EMPTY, PLACE_WAITING, PLACE_DONE };

struct owner {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* place or stop */
	enum place place;
	owner_fn *fn;
	void *arg;
	struct err *e;
	int rc;
	bool stop;
};

static void do_job(struct owner *o)
{
	pthread_mutex_unlock(&o->lock);
	o->rc = o->fn(o->arg, o->e);
	pthread_mutex_lock(&o->lock);
	o->place = PLACE_DONE;
	pthread_cond_broadcast(&o->changed);
}

static void *work(void *arg)
{
	struct owner *o = arg;

	pthread_mutex_lock(&o->lock);
	while (!o->stop) {
		if (o->place == PLACE_WAITING)
			do_job(o);
		else
			pthread_cond_wait(&o->changed, &o->lock);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int owner_start(struct owner **out, struct err *e)
{
	struct owner *o = calloc(1, sizeof(*o));
	int why;

	if (!o)
		return err_nomem(e);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	why = pthread_create(&o->thread, NULL, work, o);
	if (why) {
		pthread_cond_destroy(&o->changed);
		pthread_mutex_destroy(&o->lock);
		free(o);
		return err_set(e, ERR_FAILED, "thread", "cannot start the token thread: %s",
			       strerror(why));
	}
	*out = o;
	return 0;
}

int owner_run(struct owner *o, owner_fn *fn, void *arg, struct err *e)
{
	int rc;

	pthread_mutex_lock(&o->lock);
	while (o->place != PLACE_EMPTY)
		pthread_cond_wait(&o->changed, &o->lock);
	o->fn = fn;
	o->arg = arg;
	o->e = e;
	o->place = PLACE_WAITING;
	pthread_cond_broadcast(&o->changed);
	while (o->place != PLACE_DONE)
		pthread_cond_wait(&o->changed, &o->lock);
	rc = o->rc;
	o->place = PLACE_EMPTY;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	return rc;
}

void owner_stop(struct owner *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->stop = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
