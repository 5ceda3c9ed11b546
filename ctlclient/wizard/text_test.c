/* Text laid out in columns. */
#include "ctlclient/wizard/text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void wraps(const char *text, size_t columns, const char *want)
{
	struct buf b = {0};

	text_wrap(&b, text, columns);
	assert_string_equal(b.len ? buf_cstr(&b) : "", want);
	buf_free(&b);
}

static void test_wrap(void **state)
{
	(void)state;
	wraps("", 20, "");
	wraps("one two three", 20, "one two three");
	wraps("one two three", 7, "one two\nthree");
	wraps("one two three", 8, "one two\nthree");
	wraps("one\n\ntwo", 20, "one\n\ntwo");
	wraps("  one two three", 9, "  one two\n  three");
	wraps("- one two three", 9, "- one two\n  three");
	wraps("  * one two three", 11, "  * one two\n    three");
	/* Longer than a line: in pieces of one length, behind marks. */
	wraps("AA:BB:CC:DD", 8, "AA:BB:\nCC:DD");
	wraps("abcdefgh", 4, "abcd\nefgh");
	/* A character counts by its columns, not by its bytes. */
	wraps("\xc3\xa4\xc3\xb6 \xc3\xbc", 2, "\xc3\xa4\xc3\xb6\n\xc3\xbc");
	/* Broken UTF-8 ends too. */
	wraps("\xff\xfe \xff", 2, "\xff\xfe\n\xff");
}

static void pads(const char *text, size_t columns, const char *want)
{
	struct buf b = {0};

	text_pad(&b, text, columns);
	assert_string_equal(b.len ? buf_cstr(&b) : "", want);
	buf_free(&b);
}

static void test_pad(void **state)
{
	(void)state;
	pads("ab", 4, "ab  ");
	pads("abcd", 4, "abcd");
	pads("abcde", 4, "abc~");
	pads("\xc3\xa4", 3, "\xc3\xa4  ");
	pads("x", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_pad),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
