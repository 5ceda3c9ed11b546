#include "common/bytes.h"
#include "server/provider/auth.h"
#include "server/provider/throttle.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- the Authorization field ---- */

static const char *basic(char field[1024], const char *plain)
{
	unsigned char text[1000];

	EVP_EncodeBlock(text, (const unsigned char *)plain, (int)strlen(plain));
	snprintf(field, 1024, "Basic %s", (const char *)text);
	return field;
}

static void test_good_fields(void **state)
{
	static const struct {
		const char *plain, *user, *password;
	} cases[] = {
		{"anna:correct horse", "anna", "correct horse"}, {"a:b", "a", "b"},
		{"anna:pass:word:", "anna", "pass:word:"},       {"anna:", "anna", ""},
		{"anna:p\xc3\xa4ss", "anna", "p\xc3\xa4ss"},
	};
	struct auth_login login;
	char field[1024];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(auth_parse(&login, basic(field, cases[i].plain), &e), 0);
		assert_string_equal(login.user, cases[i].user);
		assert_string_equal(login.password.text, cases[i].password);
		assert_int_equal(login.password.len, strlen(cases[i].password));
		secret_free(&login.password);
	}
	assert_int_equal(auth_parse(&login, "bAsIc  YTpi", &e), 0);
	assert_string_equal(login.user, "a");
	secret_free(&login.password);
}

static void test_bad_fields(void **state)
{
	static const char *const cases[] = {
		NULL,
		"",
		"Basic",
		"Basic ",
		"Bearer YTpi",
		"Basic YTp",
		"Basic YTpi=",
		"Basic ====",
		"Basic Y===",
		"Basic YTp\xff",
		"Basic YT pi",
		"Basic YTpi\t",
		"Basic YWI=" /* no colon */,
		"Basic OmI=" /* no user */,
		"Basic YTpiAGM=" /* a NUL */,
	};
	struct auth_login login;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (auth_parse(&login, cases[i], &e) != ERR_REFUSED)
			fail_msg("taken: %s", cases[i] ? cases[i] : "nothing");
		assert_string_equal(e.id, "login");
		assert_null(login.password.text);
	}
}

static void test_long_fields(void **state)
{
	struct auth_login login;
	char plain[700], field[1024];
	struct err e;

	(void)state;
	memset(plain, 'x', sizeof(plain));
	/* The longest user and password there can be, and one more of each. */
	plain[STORE_NAME_MAX - 1] = ':';
	plain[STORE_NAME_MAX + SECRET_MAX - 1] = '\0';
	assert_int_equal(auth_parse(&login, basic(field, plain), &e), 0);
	assert_int_equal(strlen(login.user), STORE_NAME_MAX - 1);
	assert_int_equal(login.password.len, SECRET_MAX - 1);
	secret_free(&login.password);

	plain[STORE_NAME_MAX + SECRET_MAX - 1] = 'x';
	plain[STORE_NAME_MAX + SECRET_MAX] = '\0';
	assert_int_equal(auth_parse(&login, basic(field, plain), &e), ERR_REFUSED);
	plain[STORE_NAME_MAX - 1] = 'x';
	plain[STORE_NAME_MAX] = ':';
	plain[STORE_NAME_MAX + 10] = '\0';
	assert_int_equal(auth_parse(&login, basic(field, plain), &e), ERR_REFUSED);
	memset(plain, 'x', sizeof(plain));
	plain[3] = ':';
	plain[sizeof(plain) - 1] = '\0';
	assert_int_equal(auth_parse(&login, basic(field, plain), &e), ERR_REFUSED);
	assert_null(login.password.text);
}

static void test_roles(void **state)
{
	static const struct {
		const char *role;
		bool reads, changes;
	} cases[] = {
		{"officer", true, true},
		{"operator", true, false},
		{"auditor", true, false},
		{"viewer", true, false},
	};
	struct store_user u = {.name = "anna"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(u.role, sizeof(u.role), "%s", cases[i].role);
		assert_int_equal(!auth_allows(AUTH_READ, &u, &e), cases[i].reads);
		assert_int_equal(!auth_allows(AUTH_OFFICER, &u, &e), cases[i].changes);
	}
	assert_string_equal(e.id, "forbidden");
}

/* ---- the delay ---- */

static void test_delay_grows(void **state)
{
	static const unsigned want[] = {0, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(throttle_delay_ms(i), want[i]);
	assert_int_equal(throttle_delay_ms(UINT32_MAX), THROTTLE_MOST_MS);
}

#define HERE "192.0.2.1"

/* Fails n times in a row, waiting as told. Returns the time afterwards. */
static int64_t fail_often(struct throttle *t, const char *user, const char *address, int n,
			  int64_t now)
{
	for (int i = 0; i < n; i++) {
		now += throttle_delay_ms((unsigned)i);
		assert_int_equal(throttle_ask(t, user, address, now), 0);
		throttle_result(t, user, address, false, now);
	}
	return now;
}

static void test_one_must_wait_and_others_not(void **state)
{
	struct throttle *t = throttle_new(8);
	int64_t now = fail_often(t, "anna", HERE, 5, 1000000);

	(void)state;
	assert_int_equal(throttle_ask(t, "anna", HERE, now), 4000);
	assert_int_equal(throttle_ask(t, "anna", HERE, now + 3999), 1);
	assert_int_equal(throttle_ask(t, "bert", HERE, now), 0);
	assert_int_equal(throttle_ask(t, "anna", "192.0.2.2", now), 0);
	assert_int_equal(throttle_ask(t, "anna", HERE, now + 4000), 0);
	throttle_free(t);
}

static void test_answers_are_held_back_for_a_while(void **state)
{
	struct throttle *t = throttle_new(8);
	int64_t now = 5000;

	(void)state;
	assert_int_equal(throttle_ask(t, "anna", HERE, now), 0);
	assert_int_equal(throttle_result(t, "anna", HERE, false, now), 250);
	now = fail_often(t, "bert", HERE, 6, now);
	now += throttle_delay_ms(6);
	assert_int_equal(throttle_ask(t, "bert", HERE, now), 0);
	assert_int_equal(throttle_result(t, "bert", HERE, false, now), THROTTLE_ANSWER_MOST_MS);
	throttle_free(t);
}

static void test_success_forgets(void **state)
{
	struct throttle *t = throttle_new(8);
	int64_t now = fail_often(t, "anna", HERE, 6, 1000);

	(void)state;
	now += throttle_delay_ms(6);
	assert_int_equal(throttle_ask(t, "anna", HERE, now), 0);
	assert_int_equal(throttle_result(t, "anna", HERE, true, now), 0);
	assert_int_equal(throttle_ask(t, "anna", HERE, now), 0);
	assert_int_equal(throttle_result(t, "anna", HERE, false, now), 250);
	throttle_free(t);
}

static void test_time_forgets(void **state)
{
	struct throttle *t = throttle_new(8);
	int64_t now = fail_often(t, "anna", HERE, 6, 1000);

	(void)state;
	now += THROTTLE_FORGET_MS + 1;
	assert_int_equal(throttle_ask(t, "anna", HERE, now), 0);
	assert_int_equal(throttle_result(t, "anna", HERE, false, now), 250);
	throttle_free(t);
}

static void test_guesses_side_by_side(void **state)
{
	struct throttle *t = throttle_new(8);
	int admitted = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		admitted += !throttle_ask(t, "anna", HERE, 1000);
	assert_int_equal(admitted, THROTTLE_AT_ONCE);
	for (int i = 0; i < admitted; i++)
		throttle_result(t, "anna", HERE, false, 1000);
	assert_int_equal(throttle_ask(t, "anna", HERE, 1000), THROTTLE_MOST_MS);

	/* Who has failed before gets one at a time. */
	assert_int_equal(throttle_ask(t, "anna", HERE, 1000 + THROTTLE_MOST_MS), 0);
	assert_int_not_equal(throttle_ask(t, "anna", HERE, 1000 + THROTTLE_MOST_MS), 0);
	throttle_cancel(t, "anna", HERE);
	assert_int_equal(throttle_ask(t, "anna", HERE, 1000 + THROTTLE_MOST_MS), 0);
	throttle_free(t);
}

/* Trying many names does not make the table forget the one that is attacked. */
static void test_the_table_is_bounded(void **state)
{
	struct throttle *t = throttle_new(8);
	int64_t now = fail_often(t, "anna", HERE, 7, 1000);
	char name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		assert_int_equal(throttle_ask(t, name, HERE, now), 0);
		throttle_result(t, name, HERE, false, now);
	}
	assert_int_equal(throttle_ask(t, "anna", HERE, now), throttle_delay_ms(7));
	throttle_free(t);
}

static void test_ipv6_sites(void **state)
{
	struct throttle *t = throttle_new(8);
	int64_t now = fail_often(t, "anna", "2001:db8:1:2::a", 5, 1000);

	(void)state;
	assert_int_equal(throttle_ask(t, "anna", "2001:db8:1:2:ffff::b", now), 4000);
	assert_int_equal(throttle_ask(t, "anna", "2001:db8:1:3::a", now), 0);
	throttle_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_fields),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_delay_grows),
		cmocka_unit_test(test_one_must_wait_and_others_not),
		cmocka_unit_test(test_answers_are_held_back_for_a_while),
		cmocka_unit_test(test_success_forgets),
		cmocka_unit_test(test_time_forgets),
		cmocka_unit_test(test_guesses_side_by_side),
		cmocka_unit_test(test_the_table_is_bounded),
		cmocka_unit_test(test_ipv6_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
