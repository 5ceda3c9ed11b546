#include "server/tftp/catalog.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAITERS = 300, FILE_BYTES = 4096, CACHE = 64 << 10 };

/* What the make function is to do, and what it did; the lock is for both sides. */
struct world {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool shut; /* it waits until this is false */
	enum catalog_made made;
	uint8_t version; /* of every file; its tag */
	unsigned calls, unchanged;
};

struct waiting {
	struct catalog_waiter w;
	unsigned called;
	bool has_content, has_error;
	size_t size;
	uint8_t first; /* byte of the content */
};

struct fixture {
	struct event_base *base;
	struct worker_pool *pool;
	struct world world;
	struct catalog_source sources[2];
	struct catalog *catalog;
	struct waiting waiting[WAITERS];
	struct content *held[CACHE / FILE_BYTES + 1];
};

static void make(struct catalog_job *j, void *own)
{
	struct world *w = own;
	struct buf b = {0};

	pthread_mutex_lock(&w->lock);
	while (w->shut)
		pthread_cond_wait(&w->opened, &w->lock);
	w->calls++;
	j->made = w->made;
	j->tag.bytes[0] = w->version;
	err_set(&j->e, ERR_FAILED, "test", "it does not work");
	if (j->made == CATALOG_MADE && !memcmp(&j->tag, &j->was, sizeof(j->tag))) {
		j->made = CATALOG_UNCHANGED;
		w->unchanged++;
	} else if (j->made == CATALOG_MADE) {
		uint8_t *room = buf_room(&b, FILE_BYTES);

		memset(room, w->version, FILE_BYTES);
		b.len = FILE_BYTES;
		j->content = content_new(&b);
	}
	pthread_mutex_unlock(&w->lock);
}

/* The first source: knows names in "dev/" only, and of those not "dev/foreign". */
static bool takes_devices(const struct name *n)
{
	return !strncmp(n->key, "dev/", 4);
}

static void make_device(struct catalog_job *j, void *own)
{
	if (!strcmp(j->name.key, "dev/foreign"))
		j->made = CATALOG_FOREIGN;
	else
		make(j, own);
}

static void set_shut(struct fixture *f, bool shut)
{
	pthread_mutex_lock(&f->world.lock);
	f->world.shut = shut;
	pthread_cond_broadcast(&f->world.opened);
	pthread_mutex_unlock(&f->world.lock);
}

static void ready(struct catalog_waiter *w, struct content *c, const struct err *e)
{
	struct waiting *me = (struct waiting *)(void *)w;

	me->called++;
	me->has_content = c != NULL;
	me->has_error = e != NULL;
	me->size = c ? (size_t)c->size : 0;
	me->first = c ? c->bytes.data[0] : 0;
}

/* As a transfer would. */
static void hold(struct catalog_waiter *w, struct content *c, const struct err *e)
{
	*(struct content **)w->arg = content_ref(c);
	ready(w, c, e);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *own[] = {&f->world, &f->world};
	const struct worker_opts opts = {.threads = 2, .queue_max = 100, .own = own};
	struct worker_opts with_base = opts;
	const struct catalog_source sources[] = {
		{.make = make_device, .takes = takes_devices},
		{.make = make, .fresh_ms = 1000, .stale_ms = 5000}};
	struct err e;

	f->base = event_base_new();
	pthread_mutex_init(&f->world.lock, NULL);
	pthread_cond_init(&f->world.opened, NULL);
	f->world.made = CATALOG_MADE;
	f->world.version = 1;
	with_base.base = f->base;
	assert_int_equal(worker_pool_new(&f->pool, &with_base, &e), 0);
	memcpy(f->sources, sources, sizeof(sources));
	f->sources[0].pool = f->sources[1].pool = f->pool;
	f->catalog = catalog_new(&(struct catalog_opts){CACHE, f->sources, 2});
	assert_non_null(f->catalog);
	for (size_t i = 0; i < WAITERS; i++)
		f->waiting[i].w.ready = ready;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	set_shut(f, false);
	for (size_t i = 0; i < WAITERS; i++)
		catalog_leave(&f->waiting[i].w);
	worker_pool_free(f->pool);
	catalog_free(f->catalog);
	event_base_free(f->base);
	free(f);
	return 0;
}

static enum catalog_answer find(struct fixture *f, const char *text, uint64_t now,
				struct waiting *w, struct content **out)
{
	const struct err *e = NULL;
	struct name n;
	enum catalog_answer a;

	assert_true(name_take(&n, span_of(text, strlen(text))));
	a = catalog_find(f->catalog, &n, now, w ? &w->w : NULL, out, &e);
	assert_int_equal(a == CATALOG_TROUBLE, e != NULL);
	return a;
}

/* Runs the loop until a waiter was called. */
static void wait_for(struct fixture *f, const struct waiting *w)
{
	while (!w->called)
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_int_equal(w->called, 1);
}

/* Asks for a file that has to be made; returns what came of it. */
static struct waiting fetch(struct fixture *f, const char *text, uint64_t now)
{
	struct waiting w = {.w.ready = ready};
	struct content *c;

	assert_int_equal(find(f, text, now, &w, &c), CATALOG_LATER);
	wait_for(f, &w);
	return w;
}

static void made_once_for_everybody(void **state)
{
	struct fixture *f = *state;
	struct content *c;

	set_shut(f, true);
	assert_int_equal(find(f, "dev/a", 0, NULL, &c), CATALOG_LATER);
	for (size_t i = 0; i < WAITERS; i++)
		assert_int_equal(find(f, i % 2 ? "dev/A" : "/DEV\\a", 0, &f->waiting[i], &c),
				 CATALOG_LATER);
	catalog_leave(&f->waiting[7].w);
	catalog_leave(&f->waiting[7].w);
	set_shut(f, false);
	wait_for(f, &f->waiting[WAITERS - 1]);
	for (size_t i = 0; i < WAITERS; i++) {
		assert_int_equal(f->waiting[i].called, i != 7);
		assert_int_equal(f->waiting[i].size, i != 7 ? FILE_BYTES : 0);
	}
	assert_int_equal(f->world.calls, 1);
	assert_int_equal(find(f, "dev/a", 999999, NULL, &c), CATALOG_HERE);
	assert_int_equal(c->size, FILE_BYTES);
	assert_int_equal(f->world.calls, 1);
}

static void a_change_makes_only_what_is_different(void **state)
{
	struct fixture *f = *state;
	struct content *c;

	assert_int_equal(fetch(f, "dev/a", 0).first, 1);
	catalog_changed(f->catalog);
	assert_int_equal(fetch(f, "dev/a", 0).first, 1);
	assert_int_equal(f->world.unchanged, 1);
	assert_int_equal(find(f, "dev/a", 0, NULL, &c), CATALOG_HERE);

	f->world.version = 2;
	assert_int_equal(find(f, "dev/a", 0, NULL, &c), CATALOG_HERE);
	assert_int_equal(c->bytes.data[0], 1);
	content_ref(c);
	catalog_changed(f->catalog);
	assert_int_equal(fetch(f, "dev/a", 0).first, 2);
	/* Who has begun with the old bytes ends with them. */
	assert_int_equal(c->bytes.data[0], 1);
	content_unref(c);
}

/* The store changes while the file is being made: nobody gets the old one. */
static void a_change_in_between(void **state)
{
	struct fixture *f = *state;
	struct content *c;

	set_shut(f, true);
	assert_int_equal(find(f, "dev/a", 0, &f->waiting[0], &c), CATALOG_LATER);
	catalog_changed(f->catalog);
	assert_int_equal(find(f, "dev/a", 0, &f->waiting[1], &c), CATALOG_LATER);
	set_shut(f, false);
	wait_for(f, &f->waiting[1]);
	assert_int_equal(f->waiting[0].called, 1);
	assert_int_equal(f->world.calls, 2);
}

static void absence_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct content *c;
	struct waiting w;

	f->world.made = CATALOG_NONE;
	w = fetch(f, "dev/a", 0);
	assert_false(w.has_content || w.has_error);
	assert_int_equal(find(f, "dev/a", 99999, NULL, &c), CATALOG_ABSENT);
	assert_int_equal(f->world.calls, 1);
	/* A file of the second source is looked for again after a while. */
	w = fetch(f, "b", 0);
	assert_int_equal(find(f, "b", 999, NULL, &c), CATALOG_ABSENT);
	assert_int_equal(find(f, "b", 5000, NULL, &c), CATALOG_LATER);
	f->world.made = CATALOG_MADE;
	assert_true(fetch(f, "b", 5000).has_content);
}

static void sources_are_asked_in_order(void **state)
{
	struct fixture *f = *state;
	struct content *c;

	assert_true(fetch(f, "dev/foreign", 0).has_content);
	assert_int_equal(f->world.calls, 1);
	assert_int_equal(find(f, "dev/foreign", 999, NULL, &c), CATALOG_HERE);
	assert_int_equal(find(f, "dev/foreign", 5000, NULL, &c), CATALOG_LATER);
	f->world.made = CATALOG_NONE;
	assert_false(fetch(f, "dev/foreign", 5000).has_content);
}

/* For a while the old answer is good enough for whoever asks while a worker looks. */
static void stale_answers_are_looked_at(void **state)
{
	struct fixture *f = *state;
	struct content *c;

	assert_true(fetch(f, "b", 0).has_content);
	set_shut(f, true);
	f->world.version = 2;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(find(f, "b", 4999, NULL, &c), CATALOG_HERE);
		assert_int_equal(c->bytes.data[0], 1);
	}
	assert_int_equal(find(f, "b", 5000, &f->waiting[0], &c), CATALOG_LATER);
	set_shut(f, false);
	wait_for(f, &f->waiting[0]);
	assert_int_equal(f->waiting[0].first, 2);
	assert_int_equal(f->world.calls, 2);
	assert_int_equal(find(f, "b", 5000, NULL, &c), CATALOG_HERE);
	assert_int_equal(c->bytes.data[0], 2);
}

static void trouble_is_not_asked_for_too_often(void **state)
{
	struct fixture *f = *state;
	struct content *c;

	f->world.made = CATALOG_FAILED;
	assert_true(fetch(f, "dev/a", 0).has_error);
	assert_int_equal(find(f, "dev/a", CATALOG_RETRY_MS - 1, NULL, &c), CATALOG_TROUBLE);
	f->world.made = CATALOG_MADE;
	assert_true(fetch(f, "dev/a", CATALOG_RETRY_MS).has_content);
}

/* What was right before the store changed is not given out when nobody knows whether it still is.
 */
static void trouble_hides_what_was_before(void **state)
{
	struct fixture *f = *state;
	struct content *c;
	struct waiting w;

	assert_true(fetch(f, "dev/a", 0).has_content);
	catalog_changed(f->catalog);
	f->world.made = CATALOG_FAILED;
	w = fetch(f, "dev/a", 0);
	assert_true(w.has_error && !w.has_content);
	assert_int_equal(find(f, "dev/a", 0, NULL, &c), CATALOG_TROUBLE);
	f->world.made = CATALOG_MADE;
	w = fetch(f, "dev/a", CATALOG_RETRY_MS);
	assert_true(w.has_content && !w.has_error);
	assert_int_equal(f->world.unchanged, 1);
}

static void memory_has_a_limit(void **state)
{
	struct fixture *f = *state;
	struct content *c;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "dev/%d", i);
		assert_true(fetch(f, name, 0).has_content);
		assert_true(catalog_memory(f->catalog) <= CACHE);
		/* The one that is always asked for stays. */
		assert_int_equal(find(f, "dev/0", 0, NULL, &c), CATALOG_HERE);
	}
	assert_int_equal(find(f, "dev/99", 0, NULL, &c), CATALOG_HERE);
	assert_int_equal(find(f, "dev/1", 0, NULL, &c), CATALOG_LATER);
}

/* What transfers hold counts, and what does not fit waits until they let go. */
static void transfers_hold_memory(void **state)
{
	struct fixture *f = *state;
	struct content *c;
	struct waiting w;
	char name[32];
	size_t n = 0;

	do {
		w = (struct waiting){.w.ready = hold, .w.arg = &f->held[n]};
		snprintf(name, sizeof(name), "dev/%zu", n++);
		assert_int_equal(find(f, name, 0, &w, &c), CATALOG_LATER);
		wait_for(f, &w);
	} while (catalog_memory(f->catalog) <= CACHE);
	assert_int_equal(find(f, "dev/more", 0, &f->waiting[0], &c), CATALOG_LATER);
	catalog_go_on(f->catalog);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->waiting[0].called, 0);
	assert_int_equal(f->world.calls, n);
	while (n)
		content_unref(f->held[--n]);
	catalog_go_on(f->catalog);
	wait_for(f, &f->waiting[0]);
	assert_true(f->waiting[0].has_content);
}

/* Clients that went away before their file was begun cost nothing. */
static void nobody_waits_any_more(void **state)
{
	struct fixture *f = *state;
	struct content *c;
	char name[32];

	set_shut(f, true);
	for (size_t i = 0; i < WAITERS; i++) {
		snprintf(name, sizeof(name), "dev/%zu", i);
		assert_int_equal(find(f, name, 0, &f->waiting[i], &c), CATALOG_LATER);
	}
	for (size_t i = 0; i < WAITERS - 1; i++)
		catalog_leave(&f->waiting[i].w);
	set_shut(f, false);
	wait_for(f, &f->waiting[WAITERS - 1]);
	assert_true(f->world.calls <= CATALOG_IN_FLIGHT + 1);
}

static void the_list_is_there_at_once(void **state)
{
	struct fixture *f = *state;
	struct content *c;
	struct buf b = {0};

	assert_int_equal(find(f, "CTLFile.tlv", 0, &f->waiting[0], &c), CATALOG_ABSENT);
	buf_str(&b, "a list");
	catalog_set_ctl(f->catalog, content_new(&b));
	assert_int_equal(find(f, "ctlsep001122334455.tlv", 0, &f->waiting[0], &c), CATALOG_HERE);
	assert_int_equal(c->size, 6);
	assert_int_equal(f->world.calls, 0);
}

static void etags_tell_contents_apart(void **state)
{
	struct buf a = {0}, b = {0}, again = {0};
	struct content *one, *two, *three;

	(void)state;
	buf_str(&a, "one");
	buf_str(&b, "two");
	buf_str(&again, "one");
	one = content_new(&a);
	two = content_new(&b);
	three = content_new(&again);
	assert_int_equal(strlen(one->etag), 34);
	assert_string_equal(one->etag, three->etag);
	assert_string_not_equal(one->etag, two->etag);
	content_unref(one);
	content_unref(two);
	content_unref(three);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(made_once_for_everybody),
		WITH_WORLD(a_change_makes_only_what_is_different),
		WITH_WORLD(a_change_in_between),
		WITH_WORLD(absence_is_remembered),
		WITH_WORLD(sources_are_asked_in_order),
		WITH_WORLD(stale_answers_are_looked_at),
		WITH_WORLD(trouble_is_not_asked_for_too_often),
		WITH_WORLD(trouble_hides_what_was_before),
		WITH_WORLD(memory_has_a_limit),
		WITH_WORLD(transfers_hold_memory),
		WITH_WORLD(nobody_waits_any_more),
		WITH_WORLD(the_list_is_there_at_once),
		cmocka_unit_test(etags_tell_contents_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
