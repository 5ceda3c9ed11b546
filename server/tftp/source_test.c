#include "server/tftp/source.h"

#include "common/file.h"
#include "server/store/notify.h"
#include "server/store/store.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	SOON_MS = 1000, /* far below SOURCE_LOOK_MS: only a notification is as quick */
	LATE_MS = SOURCE_LOOK_MS + 2000, /* without a notification */
};

struct fixture {
	char state[64];
	struct store *store;
	struct log log;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_node self = {.name = "node", .ip = "127.0.0.1", .first = true, .self = true};
	char *run;
	struct err e;

	if (!f)
		return -1;
	*state = f;
	log_init(&f->log, "source_test");
	f->log.level = LOG_LEVEL_ERROR;
	strcpy(f->state, "/tmp/ctl-source.XXXXXX");
	if (!mkdtemp(f->state))
		return -1;
	run = file_join(f->state, "run");
	if (!run || file_mkdirs(run, 0700, &e))
		return -1;
	free(run);
	return store_open(&f->store, f->state, STORE_CREATE, &e) ||
	       store_node_add(f->store, &self, &e);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	store_close(f->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->state);
	if (system(command))
		return -1;
	free(f);
	return 0;
}

static int open_source(struct source **s, const struct fixture *f, const char *at, struct err *e)
{
	const struct source_setup setup = {.state = at, .log = &f->log};

	return source_open(s, &setup, e);
}

static void activate(struct fixture *f, int64_t generation, const char *text)
{
	struct store_active a = {.generation = generation, .mixed = true};
	struct err e;

	buf_str(&a.file, text);
	assert_int_equal(store_active_set(f->store, &a, "test", &e), 0);
	buf_free(&a.file);
}

static bool rings(const struct source *s, int ms)
{
	struct pollfd fd = {source_fd(s), POLLIN, 0};

	return poll(&fd, 1, ms) == 1;
}

/* The list is another one now; text NULL: there is none. */
static void takes(struct source *s, const char *text)
{
	struct source_news news = source_take(s);

	assert_true(news.changed);
	assert_true(news.has_ctl);
	if (text) {
		assert_non_null(news.ctl);
		assert_int_equal(news.ctl->bytes.len, strlen(text));
		assert_memory_equal(news.ctl->bytes.data, text, strlen(text));
	} else {
		assert_null(news.ctl);
	}
	content_unref(news.ctl);
	news = source_take(s);
	assert_false(news.changed);
	assert_false(news.has_ctl);
	assert_false(rings(s, 0));
}

static void follows_the_store(void **state)
{
	struct fixture *f = *state;
	struct source_news news;
	struct source *s;
	struct err e;

	assert_int_equal(open_source(&s, f, f->state, &e), 0);
	assert_true(rings(s, 0));
	takes(s, NULL);

	activate(f, 1, "one");
	notify_all(f->state);
	assert_true(rings(s, SOON_MS));
	takes(s, "one");

	/* Another change that does not concern the list. */
	assert_int_equal(store_cluster_name_set(f->store, "name", &e), 0);
	notify_all(f->state);
	assert_true(rings(s, SOON_MS));
	news = source_take(s);
	assert_true(news.changed);
	assert_false(news.has_ctl);

	/* The notification got lost. */
	activate(f, 2, "two");
	assert_true(rings(s, LATE_MS));
	takes(s, "two");

	/* One that nobody takes in time is not shown any more. */
	activate(f, 3, "three");
	notify_all(f->state);
	assert_true(rings(s, SOON_MS));
	activate(f, 4, "four");
	notify_all(f->state);
	poll(NULL, 0, SOON_MS);
	takes(s, "four");
	source_close(s);
}

static void starts_with_what_is_there(void **state)
{
	struct fixture *f = *state;
	struct source *s;
	struct err e;

	activate(f, 7, "seven");
	assert_int_equal(open_source(&s, f, f->state, &e), 0);
	takes(s, "seven");
	source_close(s);
}

static void needs_a_store(void **state)
{
	struct fixture *f = *state;
	struct source *s;
	struct err e;

	assert_int_equal(open_source(&s, f, "/tmp/ctl-source.none", &e), ERR_FAILED);
	assert_string_equal(e.id, "no-store");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows_the_store, set_up, tear_down),
		cmocka_unit_test_setup_teardown(starts_with_what_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(needs_a_store, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
