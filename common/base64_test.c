#include "common/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct span text(const char *s)
{
	return span_of(s, strlen(s));
}

/* RFC 4648, section 10, and what tells the two alphabets apart. */
static void test_both_ways(void **state)
{
	static const struct {
		const char *bytes, *text;
		enum base64_kind kind;
	} rows[] = {
		{"", "", BASE64_PLAIN},
		{"f", "Zg==", BASE64_PLAIN},
		{"fo", "Zm8=", BASE64_PLAIN},
		{"foo", "Zm9v", BASE64_PLAIN},
		{"foob", "Zm9vYg==", BASE64_PLAIN},
		{"foobar", "Zm9vYmFy", BASE64_PLAIN},
		{"\xff\xef\xfe", "/+/+", BASE64_PLAIN},
		{"\xff\xef\xfe", "_-_-", BASE64_URL},
		{"f", "Zg", BASE64_URL},
		{"fo", "Zm8", BASE64_URL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = {0};

		base64_put(&b, text(rows[i].bytes), rows[i].kind);
		assert_true(span_eq(buf_view(&b), text(rows[i].text)));
		b.len = 0;
		assert_true(base64_take(&b, text(rows[i].text), rows[i].kind));
		assert_true(span_eq(buf_view(&b), text(rows[i].bytes)));
		buf_free(&b);
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum base64_kind kind;
	} rows[] = {
		{"Zg", BASE64_PLAIN},   {"Zg=", BASE64_PLAIN},    {"Zh==", BASE64_PLAIN},
		{"Zm9=", BASE64_PLAIN}, {"====", BASE64_PLAIN},   {"Z===", BASE64_PLAIN},
		{"Zm 9", BASE64_PLAIN}, {"Zm9v\n", BASE64_PLAIN}, {"Z=9v", BASE64_PLAIN},
		{"_-_-", BASE64_PLAIN}, {"/+/+", BASE64_URL},     {"Zg==", BASE64_URL},
		{"Z", BASE64_URL},      {"Zh", BASE64_URL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = {0};

		buf_str(&b, "kept");
		if (base64_take(&b, text(rows[i].text), rows[i].kind))
			fail_msg("\"%s\" was taken", rows[i].text);
		assert_int_equal(b.len, 4);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
