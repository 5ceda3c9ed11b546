#include "server/tftp/source.h"

#include "server/store/notify.h"
#include "server/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char service[] = "tftp";

struct source {
	struct source_setup setup;
	int news; /* eventfd: fresh is set */
	int stop; /* eventfd: the thread shall end */
	int work; /* eventfd: seen is set */
	pthread_t thread;
	bool running;

	/* The thread's own while it runs; before and afterwards, its parent's. */
	struct store *store;
	int notify;
	struct device_files *files;
	uint8_t epoch[DEVICE_FILE_TAG_LEN];
	int64_t counter;
	int64_t generation;
	bool failing, unwritable;

	pthread_mutex_t lock;     /* of what follows */
	struct source_news fresh; /* not yet taken; owns its list */
	struct store_seen *seen;  /* nseen of them, owned: to be written */
	size_t nseen;
};

static void ring(int fd)
{
	const uint64_t one = 1;

	/* It can only fail when it is full, that is, ringing already. */
	(void)!write(fd, &one, sizeof(one));
}

static void hand_over_ctl(struct source *s, struct content *ctl)
{
	struct content *old;

	pthread_mutex_lock(&s->lock);
	old = s->fresh.ctl;
	s->fresh.ctl = ctl;
	s->fresh.has_ctl = true;
	pthread_mutex_unlock(&s->lock);
	content_unref(old);
}

static void tell_changed(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	s->fresh.changed = true;
	pthread_mutex_unlock(&s->lock);
}

/* The list and the files that depend on it are told of together. */
static void ring_for_news(struct source *s)
{
	bool any;

	pthread_mutex_lock(&s->lock);
	any = s->fresh.changed || s->fresh.has_ctl;
	pthread_mutex_unlock(&s->lock);
	if (any)
		ring(s->news);
}

/* Takes the active list over if it is another one than before. */
static int reload(struct source *s, struct err *e)
{
	struct store_active active = {0};
	struct content *ctl = NULL;
	int rc = store_active_get(s->store, &active, e);

	if (rc)
		goto out;
	if (active.generation == s->generation)
		goto out;
	if (active.generation) {
		ctl = content_new(&active.file);
		if (!ctl) {
			rc = err_nomem(e);
			goto out;
		}
		log_line(s->setup.log, LOG_LEVEL_INFO,
			 "serving the trust list of generation %" PRId64 ", %s mode, %zu bytes",
			 active.generation, active.mixed ? "mixed" : "non-secure", ctl->bytes.len);
	}
	s->generation = active.generation;
	hand_over_ctl(s, ctl);
out:
	buf_free(&active.file);
	return rc;
}

/* What phones ask for is in the store, too, but in no file. */
static void look_at_files(struct source *s)
{
	uint8_t epoch[DEVICE_FILE_TAG_LEN];
	struct err e;

	if (device_files_epoch(epoch, s->files, &e)) {
		/* Whoever makes a file will say so; until then nothing that was made is good. */
		log_line(s->setup.log, LOG_LEVEL_WARN, "no configuration can be made: %s", e.what);
		memset(epoch, 0, sizeof(epoch));
		tell_changed(s);
	} else if (memcmp(epoch, s->epoch, sizeof(epoch)) != 0) {
		tell_changed(s);
	}
	memcpy(s->epoch, epoch, sizeof(epoch));
}

static int look(struct source *s, struct err *e)
{
	int64_t counter;
	int rc = store_change_counter(s->store, &counter, e);

	if (rc || counter == s->counter)
		return rc;
	rc = reload(s, e);
	if (rc)
		return rc;
	s->counter = counter;
	look_at_files(s);
	ring_for_news(s);
	return 0;
}

/* Says once that the store cannot be read, and once that it can again. */
static void look_and_tell(struct source *s)
{
	struct err e;
	const int rc = look(s, &e);

	if (rc && !s->failing)
		log_line(s->setup.log, LOG_LEVEL_ERROR, "%s; the list in memory is still served",
			 e.what);
	if (!rc && s->failing)
		log_line(s->setup.log, LOG_LEVEL_INFO, "the store can be read again");
	s->failing = rc != 0;
}

static void write_seen(struct source *s)
{
	struct store_seen *list;
	uint64_t rung;
	struct err e;
	size_t n;

	(void)!read(s->work, &rung, sizeof(rung));
	pthread_mutex_lock(&s->lock);
	list = s->seen;
	n = s->nseen;
	pthread_mutex_unlock(&s->lock);
	if (!list)
		return;
	for (size_t i = 0; i < n; i++)
		list[i].generation = s->generation;
	if (store_seen_put(s->store, list, n, &e) && !s->unwritable) {
		s->unwritable = true;
		log_line(s->setup.log, LOG_LEVEL_WARN,
			 "%s; what phones ask for cannot be looked up", e.what);
	}
	free(list);
	pthread_mutex_lock(&s->lock);
	s->seen = NULL;
	pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
	struct source *s = arg;
	struct pollfd fds[] = {{s->stop, POLLIN, 0}, {s->notify, POLLIN, 0}, {s->work, POLLIN, 0}};

	for (;;) {
		const int n = poll(fds, 3, SOURCE_LOOK_MS);

		if (n > 0 && fds[2].revents)
			write_seen(s);
		if (n > 0 && fds[0].revents)
			return NULL;
		if (n > 0)
			notify_drain(s->notify);
		look_and_tell(s);
	}
}

static int open_store(struct source *s, struct err *e)
{
	struct device_files_setup files = {.key = s->setup.key};
	const int rc = store_open(&s->store, s->setup.state, STORE_WRITE, e);

	files.store = s->store;
	return rc ? rc : device_files_open(&s->files, &files, e);
}

static int start(struct source *s, struct err *e)
{
	int rc;

	s->news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->work = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->news < 0 || s->stop < 0 || s->work < 0)
		return err_set(e, ERR_FAILED, "source", "cannot make an event descriptor: %s",
			       strerror(errno));
	rc = open_store(s, e);
	if (!rc)
		rc = notify_listen(&s->notify, s->setup.state, service, e);
	if (!rc)
		rc = look(s, e);
	if (rc)
		return rc;
	rc = pthread_create(&s->thread, NULL, run, s);
	if (rc)
		return err_set(e, ERR_FAILED, "source", "cannot start a thread: %s", strerror(rc));
	s->running = true;
	return 0;
}

int source_open(struct source **out, const struct source_setup *setup, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	*s = (struct source){
		.setup = *setup,
		.news = -1,
		.stop = -1,
		.work = -1,
		.notify = -1,
		.counter = -1,
		.generation = -1,
	};
	pthread_mutex_init(&s->lock, NULL);
	rc = start(s, e);
	if (rc) {
		source_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->running) {
		ring(s->stop);
		pthread_join(s->thread, NULL);
	}
	if (s->notify >= 0)
		notify_close(s->notify, s->setup.state, service);
	device_files_close(s->files);
	store_close(s->store);
	if (s->work >= 0)
		close(s->work);
	if (s->news >= 0)
		close(s->news);
	if (s->stop >= 0)
		close(s->stop);
	content_unref(s->fresh.ctl);
	free(s->seen);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int source_fd(const struct source *s)
{
	return s->news;
}

struct source_news source_take(struct source *s)
{
	struct source_news news;
	uint64_t rung;

	/* Nothing to read means that nobody rang. */
	(void)!read(s->news, &rung, sizeof(rung));
	pthread_mutex_lock(&s->lock);
	news = s->fresh;
	s->fresh = (struct source_news){0};
	pthread_mutex_unlock(&s->lock);
	return news;
}

bool source_note(struct source *s, struct store_seen *list, size_t n)
{
	bool taken;

	pthread_mutex_lock(&s->lock);
	taken = !s->seen;
	if (taken) {
		s->seen = list;
		s->nseen = n;
	}
	pthread_mutex_unlock(&s->lock);
	if (taken)
		ring(s->work);
	return taken;
}
