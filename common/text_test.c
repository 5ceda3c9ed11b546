#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void test_printable(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", ""},
		{"CN=pub;O=Example", "CN=pub;O=Example"},
		{"K\xc3\xb6ln \xe6\x97\xa5 \xf0\x9f\x93\x9e",
		 "K\xc3\xb6ln \xe6\x97\xa5 \xf0\x9f\x93\x9e"},
		{"a\nb\tc\x1b[2J\x7f", "a\\x0ab\\x09c\\x1b[2J\\x7f"},
		{"\\x41", "\\\\x41"},
		{"\xc2\x9b", "\\xc2\\x9b"},          /* C1: CSI */
		{"\xe2\x80\xa8", "\\xe2\\x80\\xa8"}, /* line separator */
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc3", "\\xc3"},
		{"\xc3(", "\\xc3("},
		{"\xc0\x80", "\\xc0\\x80"},                   /* overlong NUL */
		{"\xe0\x80\x8a", "\\xe0\\x80\\x8a"},          /* overlong newline */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* half a surrogate pair */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
		{"\xe6\x97", "\\xe6\\x97"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = {0};

		text_printable(&b, span_of(rows[i].in, strlen(rows[i].in)));
		assert_string_equal(buf_cstr(&b), rows[i].out);
		buf_free(&b);
	}
}

static void test_reading_direction(void **state)
{
	static const uint8_t override[] = {0xe2, 0x80, 0xae}; /* U+202E, right to left */
	static const uint8_t isolate[] = {0xe2, 0x81, 0xa6};  /* U+2066, left to right */
	struct buf b = {0};

	(void)state;
	text_printable(&b, span_of(override, sizeof(override)));
	text_printable(&b, span_of(isolate, sizeof(isolate)));
	assert_string_equal(buf_cstr(&b), "\\xe2\\x80\\xae\\xe2\\x81\\xa6");
	buf_free(&b);
}

static void test_nul(void **state)
{
	struct buf b = {0};

	(void)state;
	text_printable(&b, span_of("a\0b", 3));
	assert_string_equal(buf_cstr(&b), "a\\x00b");
	buf_free(&b);
}

static void test_ends(void **state)
{
	(void)state;
	assert_true(text_ends_in("a.SGN", ".sgn"));
	assert_true(text_ends_in(".sgn", ".sgn"));
	assert_true(text_ends_in("a", ""));
	assert_false(text_ends_in("sgn", ".sgn"));
	assert_false(text_ends_in("a.sgn.xml", ".sgn"));
	assert_false(text_ends_in("", ".sgn"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_reading_direction),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
