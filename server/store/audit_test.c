#include "server/store/audit.h"

#include "server/store/store_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[64];
	struct store *s;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/audit-test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(store_open(&f->s, f->folder, STORE_CREATE, &f->e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
	struct fixture *f = *state;
	char path[96];

	store_close(f->s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
		unlink(path);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

static void add(struct fixture *f, const char *action, bool accepted, const char *detail)
{
	const struct audit_entry a = {
		.action = action, .accepted = accepted, .token = "CN=T serial 1", .detail = detail};

	assert_int_equal(audit_add(f->s, &a, &f->e), 0);
}

static void sql(struct fixture *f, const char *text)
{
	assert_int_equal(sqlite3_exec(f->s->db, text, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t verified(struct fixture *f)
{
	struct audit_head head;

	assert_int_equal(audit_verify(f->s, NULL, 0, &head, &f->e), 0);
	return head.number;
}

static void refused(struct fixture *f, const char *id)
{
	struct audit_head head;

	assert_int_equal(audit_verify(f->s, NULL, 0, &head, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, id);
}

static void test_an_empty_log_is_in_order(void **state)
{
	struct fixture *f = *state;
	struct audit_head head;

	assert_int_equal(verified(f), 0);
	assert_int_equal(audit_head(f->s, &head, &f->e), 0);
	assert_int_equal(head.number, 0);
}

static int collect(const struct audit_row *r, void *arg, struct err *e)
{
	(void)e;
	*(struct audit_row *)arg = *r;
	((struct audit_row *)arg)->detail = (struct buf){0};
	return r->number == 2 ? 77 : 0;
}

static void test_rows_tell_who_and_what(void **state)
{
	struct fixture *f = *state;
	struct audit_row r;

	store_act_as(f->s, "anna", "192.0.2.1");
	add(f, "ctl", false, "no");
	store_act_as(f->s, NULL, NULL);
	add(f, "user", true, "yes");
	add(f, "user", true, "");
	assert_int_equal(verified(f), 3);

	assert_int_equal(audit_read(f->s, 0, 1, collect, &r, &f->e), 0);
	assert_int_equal(r.number, 1);
	assert_string_equal(r.user, "anna");
	assert_string_equal(r.address, "192.0.2.1");
	assert_string_equal(r.action, "ctl");
	assert_string_equal(r.token, "CN=T serial 1");
	assert_false(r.accepted);
	assert_true(r.whole);
	/* What the callback returns ends the reading, and comes back. */
	assert_int_equal(audit_read(f->s, 0, 100, collect, &r, &f->e), 77);
	assert_int_equal(r.number, 2);
	assert_string_equal(r.address, "local");
	assert_true(r.accepted);
}

static void test_long_details_are_cut(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, AUDIT_DETAIL_MAX + 100);

	memset(text, 'x', AUDIT_DETAIL_MAX + 99);
	add(f, "ctl", true, text);
	free(text);
	assert_int_equal(verified(f), 1);
}

static void test_it_only_grows(void **state)
{
	static const char *const forbidden[] = {
		"UPDATE audit SET user = 'eve'",
		"DELETE FROM audit",
		"INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 1",
	};
	struct fixture *f = *state;

	add(f, "ctl", true, "one");
	add(f, "ctl", true, "two");
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		assert_int_not_equal(sqlite3_exec(f->s->db, forbidden[i], NULL, NULL, NULL),
				     SQLITE_OK);
	assert_int_equal(verified(f), 2);
}

static void test_a_touch_shows(void **state)
{
	static const struct {
		const char *sql, *id;
	} touches[] = {
		{"UPDATE audit SET detail = 'x' WHERE number = 2", "audit-changed"},
		{"UPDATE audit SET token = '' WHERE number = 2", "audit-changed"},
		{"UPDATE audit SET user = detail, detail = user WHERE number = 2", "audit-changed"},
		{"DELETE FROM audit WHERE number = 2", "audit-removed"},
		{"DELETE FROM audit WHERE number = 1", "audit-removed"},
	};
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		add(f, "ctl", true, "something");
	sql(f, "DROP TRIGGER audit_update; DROP TRIGGER audit_delete;");
	for (size_t i = 0; i < sizeof(touches) / sizeof(touches[0]); i++) {
		sql(f, "BEGIN");
		sql(f, touches[i].sql);
		refused(f, touches[i].id);
		sql(f, "ROLLBACK");
	}
	assert_int_equal(verified(f), 3);
}

static void test_what_was_cut_off_shows_by_a_kept_head(void **state)
{
	struct fixture *f = *state;
	struct audit_head kept, head;

	for (int i = 0; i < 3; i++)
		add(f, "ctl", true, "something");
	assert_int_equal(audit_head(f->s, &kept, &f->e), 0);
	assert_int_equal(audit_verify(f->s, &kept, 1, &head, &f->e), 0);
	sql(f, "DROP TRIGGER audit_delete; DELETE FROM audit WHERE number = 3");
	assert_int_equal(audit_verify(f->s, &kept, 1, &head, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "audit-truncated");
	/* And what was written in its place instead. */
	add(f, "ctl", true, "another");
	assert_int_equal(verified(f), 3);
	assert_int_equal(audit_verify(f->s, &kept, 1, &head, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "audit-changed");
}

/* ---- accounts ---- */

static struct store_user user(const char *name, const char *role)
{
	struct store_user u = {0};

	snprintf(u.name, sizeof(u.name), "%s", name);
	snprintf(u.role, sizeof(u.role), "%s", role);
	strcpy(u.hash, "$y$x");
	return u;
}

static void test_every_change_makes_another_version_and_a_row(void **state)
{
	static const enum store_user_field fields[] = {STORE_USER_ROLE, STORE_USER_PASSWORD,
						       STORE_USER_LOCKED, STORE_USER_CERT};
	struct fixture *f = *state;
	struct store_user anna = user("anna", "viewer"), got;
	int64_t before;
	bool found;

	assert_int_equal(store_user_add(f->s, &anna, &f->e), 0);
	anna = user("anna", "auditor");
	anna.locked = anna.has_cert = true;
	anna.cert[31] = 7;
	strcpy(anna.hash, "$y$z");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		assert_int_equal(store_user_get(f->s, "anna", &got, &found, &f->e), 0);
		before = got.version;
		assert_int_equal(store_user_change(f->s, &anna, fields[i], &f->e), 0);
		assert_int_equal(store_user_get(f->s, "anna", &got, &found, &f->e), 0);
		assert_true(got.version != before);
		assert_int_equal(verified(f), (int64_t)i + 2);
	}
	assert_string_equal(got.role, "auditor");
	assert_string_equal(got.hash, "$y$z");
	assert_true(got.locked && got.has_cert && got.cert[31] == 7);

	anna = user("bert", "viewer");
	assert_int_equal(store_user_change(f->s, &anna, STORE_USER_ROLE, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "no-user");
	assert_int_equal(store_user_remove(f->s, "bert", &f->e), ERR_FAILED);
	assert_int_equal(verified(f), 5);
}

static void test_the_last_officer_stays(void **state)
{
	struct fixture *f = *state;
	struct store_user anna = user("anna", "officer"), bert = user("bert", "officer");
	struct store_user locked = anna, viewer = user("anna", "viewer"), *list;
	size_t n;

	locked.locked = true;
	assert_int_equal(store_user_add(f->s, &anna, &f->e), 0);
	assert_int_equal(store_user_change(f->s, &locked, STORE_USER_LOCKED, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "last-officer");
	assert_int_equal(store_user_change(f->s, &viewer, STORE_USER_ROLE, &f->e), ERR_REFUSED);
	assert_int_equal(store_user_remove(f->s, "anna", &f->e), ERR_REFUSED);
	assert_int_equal(verified(f), 1);

	assert_int_equal(store_user_add(f->s, &bert, &f->e), 0);
	assert_int_equal(store_user_change(f->s, &locked, STORE_USER_LOCKED, &f->e), 0);
	assert_int_equal(store_user_remove(f->s, "bert", &f->e), ERR_REFUSED);
	/* A locked one is no loss. */
	assert_int_equal(store_user_remove(f->s, "anna", &f->e), 0);
	assert_int_equal(store_users(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "bert");
	free(list);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_an_empty_log_is_in_order),
		T(test_rows_tell_who_and_what),
		T(test_long_details_are_cut),
		T(test_it_only_grows),
		T(test_a_touch_shows),
		T(test_what_was_cut_off_shows_by_a_kept_head),
		T(test_every_change_makes_another_version_and_a_row),
		T(test_the_last_officer_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
