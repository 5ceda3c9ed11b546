#include "server/tftp/limits.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 5000000 };

static union udp_addr host(const char *text)
{
	union udp_addr a = {0};

	if (strchr(text, ':')) {
		a.in6.sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	} else {
		a.in4.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &a.in4.sin_addr), 1);
	}
	return a;
}

static void an_address_has_so_much_and_no_more(void **state)
{
	struct limits *l = limits_new();
	const union udp_addr a = host("192.0.2.1"), b = host("192.0.2.2");
	uint32_t n = 0;

	(void)state;
	assert_non_null(l);
	while (limits_take(l, LIMIT_LOOKS, &a, 1, START_MS))
		n++;
	assert_int_equal(n, LIMIT_LOOKS_MAX);
	assert_true(limits_take(l, LIMIT_UNPROVEN, &a, LIMIT_UNPROVEN_BYTES, START_MS));
	assert_false(limits_take(l, LIMIT_UNPROVEN, &a, 1, START_MS));
	assert_true(limits_take(l, LIMIT_LOOKS, &b, 1, START_MS));
	/* Time gives it back, up to the limit. */
	assert_false(limits_take(l, LIMIT_LOOKS, &a, LIMIT_LOOKS_PER_SECOND + 1, START_MS + 1000));
	assert_true(limits_take(l, LIMIT_LOOKS, &a, LIMIT_LOOKS_PER_SECOND, START_MS + 1000));
	assert_false(limits_take(l, LIMIT_LOOKS, &a, LIMIT_LOOKS_MAX + 1, START_MS + 9999999));
	assert_true(limits_take(l, LIMIT_LOOKS, &a, LIMIT_LOOKS_MAX, START_MS + 9999999));
	limits_free(l);
}

static void what_was_harmless_is_given_back(void **state)
{
	struct limits *l = limits_new();
	const union udp_addr a = host("192.0.2.1"), b = host("192.0.2.9");

	(void)state;
	assert_non_null(l);
	limits_give_back(l, LIMIT_UNPROVEN, &b, 5);
	assert_true(limits_take(l, LIMIT_UNPROVEN, &a, LIMIT_UNPROVEN_BYTES, START_MS));
	limits_give_back(l, LIMIT_UNPROVEN, &a, 516);
	assert_false(limits_take(l, LIMIT_UNPROVEN, &a, 517, START_MS));
	assert_true(limits_take(l, LIMIT_UNPROVEN, &a, 516, START_MS));
	limits_give_back(l, LIMIT_UNPROVEN, &a, UINT32_MAX);
	assert_true(limits_take(l, LIMIT_UNPROVEN, &a, LIMIT_UNPROVEN_BYTES, START_MS));
	limits_free(l);
}

static void which_addresses_are_one(void **state)
{
	static const struct {
		const char *a, *b;
		bool one;
	} cases[] = {
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.2", false},
		{"2001:db8::1", "2001:db8::2:3:4", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"::1", "192.0.2.1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct limits *l = limits_new();
		const union udp_addr a = host(cases[i].a), b = host(cases[i].b);

		assert_non_null(l);
		assert_true(limits_take(l, LIMIT_LOOKS, &a, LIMIT_LOOKS_MAX, START_MS));
		assert_int_equal(limits_take(l, LIMIT_LOOKS, &b, 1, START_MS), !cases[i].one);
		limits_free(l);
	}
}

/* More addresses than are remembered: the quiet ones are forgotten, and nothing else happens. */
static void many_addresses(void **state)
{
	struct limits *l = limits_new();
	union udp_addr a = host("10.0.0.0");

	(void)state;
	assert_non_null(l);
	for (uint32_t i = 0; i < 8 * LIMIT_ADDRESSES; i++) {
		a.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
		assert_true(limits_take(l, LIMIT_LOOKS, &a, LIMIT_LOOKS_MAX, START_MS + i));
		assert_false(limits_take(l, LIMIT_LOOKS, &a, 100, START_MS + i));
	}
	limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_so_much_and_no_more),
		cmocka_unit_test(what_was_harmless_is_given_back),
		cmocka_unit_test(which_addresses_are_one),
		cmocka_unit_test(many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
