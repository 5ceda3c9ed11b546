#include "ctlclient/wizard/follow.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ASK_MS = 400 };

struct follow {
	struct api *api;
	pthread_t thread;
	int stop; /* an eventfd */
	pthread_mutex_t lock;
	json_t *newest; /* under the lock: not fetched yet by follow_look() */
	struct err error;
};

static void *ask_on(void *arg)
{
	struct follow *f = arg;
	struct pollfd stop = {f->stop, POLLIN, 0};

	do {
		struct err e = {0};
		json_t *doc = NULL;

		(void)api_get_json(f->api, "/api/v1/ctl/distribution", &doc, &e);
		pthread_mutex_lock(&f->lock);
		f->error = e;
		if (doc) {
			json_decref(f->newest);
			f->newest = doc;
		}
		pthread_mutex_unlock(&f->lock);
	} while (poll(&stop, 1, ASK_MS) == 0);
	return NULL;
}

int follow_open(struct follow **out, struct api *api, struct err *e)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return err_nomem(e);
	f->api = api;
	pthread_mutex_init(&f->lock, NULL);
	f->stop = eventfd(0, EFD_CLOEXEC);
	if (f->stop < 0 || pthread_create(&f->thread, NULL, ask_on, f)) {
		if (f->stop >= 0)
			close(f->stop);
		free(f);
		return err_set(e, ERR_FAILED, "thread", "cannot start a thread");
	}
	*out = f;
	return 0;
}

void follow_close(struct follow *f)
{
	if (!f)
		return;
	(void)eventfd_write(f->stop, 1);
	pthread_join(f->thread, NULL);
	close(f->stop);
	json_decref(f->newest);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

bool follow_look(struct follow *f, json_t **answer, struct err *e)
{
	bool newer;

	pthread_mutex_lock(&f->lock);
	newer = f->newest != NULL;
	if (newer) {
		json_decref(*answer);
		*answer = f->newest;
		f->newest = NULL;
	}
	*e = f->error;
	pthread_mutex_unlock(&f->lock);
	return newer;
}
