#include "server/provider/courier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_pauses(void **state)
{
	static const struct {
		unsigned failures, ms;
	} rows[] = {{0, 0},
		    {1, 1000},
		    {2, 2000},
		    {3, 4000},
		    {4, 8000},
		    {8, 128000},
		    {9, 256000},
		    {10, 300000},
		    {11, 300000},
		    {1000, 300000},
		    {4294967295U, 300000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(courier_pause_ms(rows[i].failures), rows[i].ms);
}

static void commit_list(struct store *s)
{
	struct store_expected at = {0};
	struct store_ctl c = {.time = 1700000000, .user = "anna"};
	struct err e;

	buf_str(&c.file, "list");
	assert_int_equal(store_cluster_revision(s, &at.revision, &e), 0);
	assert_int_equal(store_ctl_commit(s, &at, &c, &e), 0);
	store_ctl_free(&c);
}

static void remove_folder(const char *folder)
{
	static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm"};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* Phones and accounts are nothing for other nodes; nodes and lists are. */
static void test_what_is_news(void **state)
{
	struct store_user user = {.name = "anna", .role = "viewer", .hash = "x"};
	struct store_node node = {.name = "pub", .first = true, .self = true};
	struct courier_news seen = {0};
	char folder[] = "/tmp/courier.XXXXXX";
	struct store *s;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(store_open(&s, folder, STORE_CREATE, &e), 0);
	assert_int_equal(store_cluster_name_set(s, "test", &e), 0);
	assert_true(courier_is_news(&seen, s));
	assert_false(courier_is_news(&seen, s));
	assert_int_equal(store_user_add(s, &user, &e), 0);
	assert_false(courier_is_news(&seen, s));
	assert_int_equal(store_node_add(s, &node, &e), 0);
	assert_true(courier_is_news(&seen, s));
	assert_false(courier_is_news(&seen, s));
	commit_list(s);
	assert_true(courier_is_news(&seen, s));
	assert_false(courier_is_news(&seen, s));
	store_close(s);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pauses),
					   cmocka_unit_test(test_what_is_news)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
