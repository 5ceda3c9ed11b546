#include "server/admin/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is read, as text: fields in brackets, a bar between records, "!LINE" for a bad one. */
static void read_all(char *out, size_t size, const void *text, size_t n)
{
	FILE *in = n ? fmemopen((void *)text, n, "r") : tmpfile();
	struct csv c;
	struct err e;
	bool there = true;
	size_t len = 0;

	assert_non_null(in);
	csv_open(&c, in);
	*out = '\0';
	while (there) {
		const int rc = csv_next(&c, &there, &e);

		if (!rc && !there)
			break;
		if (rc)
			assert_string_equal(e.id, "csv");
		if (rc)
			len += (size_t)snprintf(out + len, size - len, "!%lu|", c.record);
		for (size_t i = 0; !rc && i < c.nfields; i++)
			len += (size_t)snprintf(out + len, size - len, "[%s]%s", c.fields[i],
						i + 1 == c.nfields ? "|" : "");
		assert_true(len < size);
	}
	csv_close(&c);
	fclose(in);
}

static void test_records(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"\n\r\n", ""},
		{"a,b\nc,d\n", "[a][b]|[c][d]|"},
		{"a,b\r\nc,d", "[a][b]|[c][d]|"},
		{"\xef\xbb\xbf"
		 "a,b\n",
		 "[a][b]|"},
		{"a;b\nc,d;e\n", "[a][b]|[c,d][e]|"},
		{"a,b;c\n", "[a][b;c]|"},
		{",\n", "[][]|"},
		{"\"a,b\",\"c\"\"d\"\n", "[a,b][c\"d]|"},
		{"a,\"b\nc\"\nd,e\n", "[a][b\nc]|[d][e]|"},
		{"a,5\" x\nc,d\n", "[a][5\" x]|[c][d]|"},
		{"a,\"b\"x\nc,d\n", "!1|[c][d]|"},
		{"a,\"b\nc,d\ne,f\n", "!1|[c][d]|[e][f]|"},
		{"a\n\n\n\"b\n", "[a]|!4|"},
		{"<x>&amp;,\xc3\xa4\n", "[<x>&amp;][\xc3\xa4]|"},
		{"\"\"\n", "[]|"},
		{"\"\"\"\"\n", "[\"]|"},
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_all(out, sizeof(out), cases[i].text, strlen(cases[i].text));
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("%zu: %s", i, out);
	}
}

static void test_limits(void **state)
{
	enum { LONG = 3 * CSV_RECORD_MAX };
	char *text = malloc(LONG + 64);
	char out[64];

	(void)state;
	read_all(out, sizeof(out), "a\0b\nc\n", 6);
	assert_string_equal(out, "!1|[c]|");

	/* A line without end is left out, and the one behind it is not. */
	memset(text, 'x', LONG);
	strcpy(text + LONG, "\nb\n");
	read_all(out, sizeof(out), text, strlen(text));
	assert_string_equal(out, "!1|[b]|");
	read_all(out, sizeof(out), text, LONG);
	assert_string_equal(out, "!1|");

	memset(text, ',', CSV_FIELDS_MAX);
	strcpy(text + CSV_FIELDS_MAX, "\nb\n");
	read_all(out, sizeof(out), text, strlen(text));
	assert_string_equal(out, "!1|[b]|");

	/* A quote that is never closed takes no line with it but its own. */
	memset(text, 'x', LONG);
	memcpy(text, "\"a\nb\n\"c\nd\n", 10);
	text[10] = '\n';
	text[LONG] = '\0';
	read_all(out, sizeof(out), text, LONG);
	assert_string_equal(out, "!1|[b]|!3|[d]|!6|");
	free(text);
}

static void test_put_reads_back(void **state)
{
	static const char *const texts[] = {"a",  "",       "a,b", "a;b",  "a\"b",
					    " a", "+49123", "a b", "a\nb", "\"\""};
	char out[128], want[128] = "";
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (i)
			buf_str(&b, ",");
		csv_put(&b, texts[i]);
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "[%s]", texts[i]);
	}
	strcat(want, "|");
	read_all(out, sizeof(out), b.data, b.len);
	assert_string_equal(out, want);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_put_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
