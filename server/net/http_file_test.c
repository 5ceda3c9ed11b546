#include "server/net/http_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void entity_tags(void **state)
{
	static const struct {
		const char *field;
		bool matches;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"\"abc\"", true},
		{"W/\"abc\"", true},
		{"*", true},
		{"\"x\", \"abc\"", true},
		{"\"x\",W/\"abc\" , \"y\"", true},
		{"\"abcd\"", false},
		{"\"ab\"", false},
		{"abc", false},
		{"\"x\", \"y\"", false},
		{",,, ,", false},
		{"\"abc", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].field ? cases[i].field : "(none)");
		assert_int_equal(http_etag_matches(cases[i].field, "\"abc\""), cases[i].matches);
	}
}

static void ranges(void **state)
{
	static const struct {
		const char *range, *if_range;
		uint64_t size;
		enum http_range what;
		uint64_t at, len;
	} cases[] = {
		{NULL, NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=0-0", NULL, 10, HTTP_RANGE_PART, 0, 1},
		{"bytes=0-9", NULL, 10, HTTP_RANGE_PART, 0, 10},
		{"Bytes=3-5", NULL, 10, HTTP_RANGE_PART, 3, 3},
		{"bytes=3-", NULL, 10, HTTP_RANGE_PART, 3, 7},
		{"bytes=9-", NULL, 10, HTTP_RANGE_PART, 9, 1},
		{"bytes=3-99", NULL, 10, HTTP_RANGE_PART, 3, 7},
		{"bytes=0-999999999999999999", NULL, 10, HTTP_RANGE_PART, 0, 10},
		{"bytes=-3", NULL, 10, HTTP_RANGE_PART, 7, 3},
		{"bytes=-99", NULL, 10, HTTP_RANGE_PART, 0, 10},
		{"bytes=10-", NULL, 10, HTTP_RANGE_BAD, 0, 0},
		{"bytes=99-100", NULL, 10, HTTP_RANGE_BAD, 0, 0},
		{"bytes=-0", NULL, 10, HTTP_RANGE_BAD, 0, 0},
		{"bytes=0-", NULL, 0, HTTP_RANGE_BAD, 0, 0},
		{"bytes=5-3", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=-", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=a-b", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=1", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=1-2,4-5", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=1-2 ", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=18446744073709551616-", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"lines=1-2", NULL, 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=1-2", "\"abc\"", 10, HTTP_RANGE_PART, 1, 2},
		{"bytes=1-2", "\"old\"", 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=1-2", "W/\"abc\"", 10, HTTP_RANGE_ALL, 0, 0},
		{"bytes=99-", "\"old\"", 10, HTTP_RANGE_ALL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http_range_ask ask = {cases[i].range, cases[i].if_range, "\"abc\"",
						   cases[i].size};
		uint64_t at = 0, len = 0;

		print_message("%s\n", cases[i].range ? cases[i].range : "(none)");
		assert_int_equal(http_range_parse(&ask, &at, &len), cases[i].what);
		if (cases[i].what != HTTP_RANGE_PART)
			continue;
		assert_int_equal(at, cases[i].at);
		assert_int_equal(len, cases[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entity_tags),
		cmocka_unit_test(ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
