#include "ctlclient/words.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 256 };

static void every_word_is_short_and_plain(void **state)
{
	(void)state;
	for (int i = 0; i < WORDS; i++) {
		const char *w = words_of((uint8_t)i);

		assert_in_range(strlen(w), 4, WORD_MAX - 1);
		for (; *w; w++)
			assert_true(islower((unsigned char)*w));
	}
}

/* Somebody who hears only the beginning still knows which word it is; this also makes them
 * different from each other. */
static void no_two_begin_alike(void **state)
{
	(void)state;
	for (int i = 0; i + 1 < WORDS; i++)
		assert_true(strncmp(words_of((uint8_t)i), words_of((uint8_t)(i + 1)), 3) < 0);
}

/* One letter misheard or mistyped never makes another word of the list. */
static size_t letters_apart(const char *a, const char *b)
{
	size_t n = 0;

	for (; *a && *b; a++, b++)
		n += *a != *b;
	return n + strlen(a) + strlen(b);
}

static void no_two_differ_in_one_letter_only(void **state)
{
	(void)state;
	for (int i = 0; i < WORDS; i++)
		for (int k = i + 1; k < WORDS; k++)
			assert_true(letters_apart(words_of((uint8_t)i), words_of((uint8_t)k)) > 1);
}

static int byte_of(const char *word)
{
	for (int i = 0; i < WORDS; i++)
		if (!strcmp(words_of((uint8_t)i), word))
			return i;
	return -1;
}

static void words_tell_the_bytes(void **state)
{
	uint8_t bytes[WORDS];
	struct buf text = {0};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < WORDS; i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	words_put(&text, span_of(bytes, WORDS), 8, "  ");
	assert_non_null(buf_cstr(&text));
	for (char *rest = (char *)text.data, *w; (w = strtok_r(rest, " \n", &rest)); n++)
		assert_int_equal(byte_of(w), bytes[n]);
	assert_int_equal(n, WORDS);
	buf_free(&text);
}

/* The list never changes: words read aloud from another release must mean the same. */
static void some_words_by_number(void **state)
{
	(void)state;
	assert_string_equal(words_of(0), "acorn");
	assert_string_equal(words_of(100), "garden");
	assert_string_equal(words_of(255), "zinc");
}

static void lines(void **state)
{
	static const struct {
		size_t n, per_line;
		const char *text;
	} table[] = {
		{0, 5, ""},
		{1, 5, "> acorn\n"},
		{2, 2, "> acorn actor\n"},
		{3, 2, "> acorn actor\n> agent\n"},
	};
	const uint8_t bytes[] = {0, 1, 2};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text = {0};

		words_put(&text, span_of(bytes, table[i].n), table[i].per_line, "> ");
		assert_string_equal(buf_cstr(&text), table[i].text);
		buf_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_short_and_plain),
		cmocka_unit_test(no_two_begin_alike),
		cmocka_unit_test(no_two_differ_in_one_letter_only),
		cmocka_unit_test(words_tell_the_bytes),
		cmocka_unit_test(some_words_by_number),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
