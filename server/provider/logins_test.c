/* Sessions, remembered logins, and the pace of refused ones in the audit log. */
#include "server/provider/leases.h"
#include "server/provider/login_audit.h"
#include "server/provider/login_cache.h"
#include "server/store/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- sessions ---- */

static void test_the_sixth_session_is_told_who_is_there(void **state)
{
	struct leases *l = leases_new();
	struct lease lease[LEASES_MAX + 1], list[LEASES_MAX];
	struct err e;

	(void)state;
	for (int i = 0; i < LEASES_MAX; i++)
		assert_int_equal(leases_open(l, "anna", "192.0.2.1", 1000, &lease[i], &e), 0);
	assert_string_not_equal(lease[0].id, lease[1].id);
	assert_int_equal(strlen(lease[0].id), LEASE_ID_MAX - 1);
	assert_int_equal(leases_open(l, "bert", "192.0.2.2", 1000, &lease[5], &e), ERR_CONFLICT);
	assert_string_equal(e.id, "client-limit");
	assert_non_null(strstr(e.what, "anna from 192.0.2.1 until 2"));
	assert_int_equal(leases_list(l, 1000, list), LEASES_MAX);
	assert_int_equal(leases_close(l, lease[2].id, 1000, &list[0], &e), 0);
	assert_string_equal(list[0].user, "anna");
	assert_int_equal(leases_close(l, lease[2].id, 1000, &list[0], &e), ERR_FAILED);
	assert_string_equal(e.id, "no-session");
	assert_int_equal(leases_open(l, "bert", "192.0.2.2", 1000, &lease[5], &e), 0);
	leases_free(l);
}

static void test_a_session_ends_unless_it_is_used(void **state)
{
	const int64_t time = LEASE_S * INT64_C(1000);
	struct leases *l = leases_new();
	struct lease a, b, list[LEASES_MAX];
	struct err e;

	(void)state;
	assert_int_equal(leases_open(l, "anna", "x", 0, &a, &e), 0);
	assert_int_equal(leases_open(l, "bert", "y", 0, &b, &e), 0);
	assert_true(leases_use(l, a.id, "anna", time - 1));
	assert_false(leases_use(l, b.id, "anna", time - 1));
	assert_false(leases_use(l, "", "anna", time - 1));
	assert_int_equal(leases_list(l, time, list), 1);
	assert_string_equal(list[0].user, "anna");
	assert_false(leases_use(l, b.id, "bert", time));
	assert_int_equal(leases_list(l, 2 * time, list), 0);
	assert_int_equal(leases_close(l, "", 0, &a, &e), ERR_FAILED);
	leases_free(l);
}

/* ---- remembered logins ---- */

static struct auth_login login_of(const char *user, char *password, const char *address)
{
	struct auth_login l = {.password = {password, strlen(password)}};

	snprintf(l.user, sizeof(l.user), "%s", user);
	snprintf(l.address, sizeof(l.address), "%s", address);
	return l;
}

static void test_only_the_very_login_is_remembered(void **state)
{
	char password[] = "right", other[] = "righ", longer[] = "rightx";
	struct auth_login cases[] = {
		login_of("anna", password, "192.0.2.1"),
		login_of("ann", password, "192.0.2.1"),
		login_of("anna", other, "192.0.2.1"),
		login_of("anna", longer, "192.0.2.1"),
		login_of("anna", password, "192.0.2.2"),
		login_of("annar", password + 1, "192.0.2.1"),
		login_of("anna", password, "192.0.2.1"),
	};
	struct login_cache *c = login_cache_new(), *another = login_cache_new();
	uint8_t mac[LOGIN_MAC_LEN], first[LOGIN_MAC_LEN];
	int64_t version, moment;

	(void)state;
	cases[6].has_cert = true;
	assert_true(login_cache_mac(c, &cases[0], first));
	assert_false(login_cache_find(c, first, 0, &version, &moment));
	login_cache_add(c, first, 42, 0);
	for (size_t i = 1; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(login_cache_mac(c, &cases[i], mac));
		assert_false(login_cache_find(c, mac, 1, &version, &moment));
	}
	assert_true(login_cache_mac(c, &cases[0], mac));
	assert_true(login_cache_find(c, mac, LOGIN_CACHE_MS - 1, &version, &moment));
	assert_int_equal(version, 42);
	assert_int_equal(moment, LOGIN_NO_MOMENT);
	login_cache_confirm(c, mac, 7, 1);
	assert_true(login_cache_find(c, mac, 1, &version, &moment));
	assert_int_equal(moment, 7);
	/* A new version has to be confirmed anew. */
	login_cache_add(c, mac, 43, 1);
	assert_true(login_cache_find(c, mac, 1, &version, &moment));
	assert_int_equal(version, 43);
	assert_int_equal(moment, LOGIN_NO_MOMENT);
	assert_false(login_cache_find(c, mac, LOGIN_CACHE_MS + 1, &version, &moment));
	/* Every process has a key of its own. */
	assert_true(login_cache_mac(another, &cases[0], mac));
	assert_memory_not_equal(mac, first, sizeof(mac));
	login_cache_free(c);
	login_cache_free(another);
}

static void test_a_full_memory_forgets_the_oldest(void **state)
{
	struct login_cache *c = login_cache_new();
	uint8_t mac[LOGIN_MAC_LEN] = {0};
	int64_t version, moment;

	(void)state;
	for (int i = 0; i <= LOGIN_CACHE_MAX; i++) {
		mac[0] = (uint8_t)i;
		mac[1] = (uint8_t)(i >> 8);
		login_cache_add(c, mac, i, i);
	}
	assert_true(login_cache_find(c, mac, 200, &version, &moment));
	assert_int_equal(version, LOGIN_CACHE_MAX);
	memset(mac, 0, sizeof(mac));
	assert_false(login_cache_find(c, mac, 200, &version, &moment));
	/* And no other one. */
	mac[0] = 1;
	assert_true(login_cache_find(c, mac, 200, &version, &moment));
	assert_int_equal(version, 1);
	login_cache_free(c);
}

/* ---- refused logins in the audit log ---- */

static void test_refused_logins_are_written_at_a_pace(void **state)
{
	static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
	static const struct log quiet = {.program = "test", .level = (enum log_level)0};
	struct login_audit *a = login_audit_new(&quiet);
	char folder[] = "/tmp/logins-test.XXXXXX", path[64];
	struct audit_head head;
	struct store *s;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(store_open(&s, folder, STORE_CREATE, &e), 0);
	for (int i = 0; i < 3 * LOGIN_AUDIT_AT_ONCE; i++)
		login_audit_note(a, s, false, "no", 1000);
	assert_int_equal(audit_head(s, &head, &e), 0);
	assert_int_equal(head.number, LOGIN_AUDIT_AT_ONCE);
	login_audit_note(a, s, true, "yes", 1000);
	login_audit_note(a, s, false, "no", 1000 + LOGIN_AUDIT_PACE_MS);
	login_audit_note(a, s, false, "no", 1000 + LOGIN_AUDIT_PACE_MS);
	assert_int_equal(audit_head(s, &head, &e), 0);
	assert_int_equal(head.number, LOGIN_AUDIT_AT_ONCE + 2);
	login_audit_free(a);
	store_close(s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sixth_session_is_told_who_is_there),
		cmocka_unit_test(test_a_session_ends_unless_it_is_used),
		cmocka_unit_test(test_only_the_very_login_is_remembered),
		cmocka_unit_test(test_a_full_memory_forgets_the_oldest),
		cmocka_unit_test(test_refused_logins_are_written_at_a_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
