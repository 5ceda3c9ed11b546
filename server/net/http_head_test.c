#include "server/net/http_head.h"

#include "common/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a copy that ends exactly where the memory ends, so that ASan sees a byte too far. */
static int parse(struct http_head *h, char **copy, const char *text, size_t n, struct err *e)
{
	*copy = malloc(n ? n : 1);
	assert_non_null(*copy);
	memcpy(*copy, text, n);
	return http_head_parse(h, *copy, n, e);
}

static void test_a_request(void **state)
{
	static const char text[] = "PUT /api/v1/ctl?a=b&limit=7 HTTP/1.1\r\n"
				   "Host: pub:2444\r\n"
				   "if-match:  \"4\" \t\r\n"
				   "Content-Length: 4643\r\n"
				   "Expect: 100-Continue\r\n"
				   "X-Empty:\r\n\r\n";
	struct http_head h;
	struct err e;
	char *copy;

	(void)state;
	assert_int_equal(parse(&h, &copy, text, sizeof(text) - 1, &e), 0);
	assert_string_equal(h.method, "PUT");
	assert_string_equal(h.path, "/api/v1/ctl");
	assert_string_equal(h.query, "a=b&limit=7");
	assert_int_equal(h.length, 4643);
	assert_true(h.keep_alive);
	assert_true(h.expect_continue);
	assert_int_equal(h.nfields, 5);
	assert_string_equal(http_head_field(&h, "If-Match"), "\"4\"");
	assert_string_equal(http_head_field(&h, "x-empty"), "");
	assert_null(http_head_field(&h, "If-None-Match"));
	free(copy);
}

static const struct {
	const char *text;
	bool keep_alive;
} endings[] = {
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true},
	{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	{"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, close\r\n\r\n", false},
	{"GET / HTTP/1.0\r\n\r\n", false},
	{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
};

static void test_keep_alive(void **state)
{
	struct http_head h;
	struct err e;
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		assert_int_equal(parse(&h, &copy, endings[i].text, strlen(endings[i].text), &e), 0);
		assert_int_equal(h.keep_alive, endings[i].keep_alive);
		assert_string_equal(h.query, "");
		free(copy);
	}
}

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define BAD(text, id)                                                                              \
	{                                                                                          \
		text, sizeof(text) - 1, id                                                         \
	}

static const struct {
	const char *text;
	size_t n;
	const char *id;
} bad[] = {
	BAD("", "bad-request"),
	BAD("\r\n\r\n", "bad-request"),
	BAD("GET / HTTP/1.1\r\nHost: a\r\n", "bad-request"),
	BAD("GET\r\n\r\n", "bad-request"),
	BAD("GET /\r\n\r\n", "bad-request"),
	BAD("GET  HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD("GET api HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
	BAD("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "http-version"),
	BAD("GET / http/1.1\r\nHost: a\r\n\r\n", "http-version"),
	BAD("GET / b HTTP/1.1\r\nHost: a\r\n\r\n", "http-version"),
	BAD("GET / HTTP/1.1\r\n\r\n", "bad-request"),
	BAD(HEAD "Host: b\r\n\r\n", "bad-request"),
	BAD(HEAD "no colon\r\n\r\n", "bad-request"),
	BAD(HEAD ": no name\r\n\r\n", "bad-request"),
	BAD(HEAD "A : space\r\n\r\n", "bad-request"),
	BAD(HEAD "A: 1\r\n folded\r\n\r\n", "bad-request"),
	BAD(HEAD "A: 1\nB: 2\r\n\r\n", "bad-request"),
	BAD(HEAD "A: 1\rB: 2\r\n\r\n", "bad-request"),
	BAD(HEAD "A: \x01\r\n\r\n", "bad-request"),
	BAD(HEAD "A: a\0b\r\n\r\n", "bad-request"),
	BAD(HEAD "\r\nA: smuggled\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length: -1\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length: +1\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length: 0x10\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length: 1, 1\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length:\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "bad-request"),
	BAD(HEAD "Content-Length: 99999999999999999999\r\n\r\n", "bad-request"),
	BAD(HEAD "Transfer-Encoding: chunked\r\n\r\n", "length-required"),
	BAD(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "length-required"),
	BAD(HEAD "Expect: a miracle\r\n\r\n", "expectation"),
};

static void test_bad_requests(void **state)
{
	struct http_head h;
	struct err e;
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(&h, &copy, bad[i].text, bad[i].n, &e) != ERR_USAGE)
			fail_msg("taken: %s", bad[i].text);
		assert_string_equal(e.id, bad[i].id);
		free(copy);
	}
}

static int parse_fields(int n, struct err *e)
{
	struct buf text = {0};
	struct http_head h;
	char *copy;
	int rc;

	buf_str(&text, HEAD);
	for (int i = 1; i < n; i++)
		buf_str(&text, "A: 1\r\n");
	buf_str(&text, "\r\n");
	rc = parse(&h, &copy, (const char *)text.data, text.len, e);
	free(copy);
	buf_free(&text);
	return rc;
}

static void test_too_many_fields(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(parse_fields(HTTP_FIELDS_MAX, &e), 0);
	assert_int_equal(parse_fields(HTTP_FIELDS_MAX + 1, &e), ERR_USAGE);
	assert_string_equal(e.id, "head-too-large");
}

/* Every prefix of a request, closed with an empty line: nothing may be read past its end. */
static void test_prefixes(void **state)
{
	static const char text[] = HEAD "Content-Length: 12\r\nConnection: close\r\n";
	struct http_head h;
	struct err e;
	char *copy;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct buf part = {0};

		buf_put(&part, text, n);
		buf_str(&part, "\r\n\r\n");
		parse(&h, &copy, (const char *)part.data, part.len, &e);
		free(copy);
		buf_free(&part);
	}
}

static const struct {
	const char *query;
	bool ok;
	unsigned long value;
} queries[] = {
	{"limit=20", true, 20},
	{"a=1&limit=3", true, 3},
	{"limit=0&limit=9", true, 0},
	{"limit", false, 0},
	{"limit=", false, 0},
	{"", false, 0},
	{"limit=x", false, 0},
	{"limit=-1", false, 0},
	{"limit=1x", false, 0},
	{"limit=1000000000", false, 0},
	{"xlimit=1", false, 0},
	{"&&limit=5&", true, 5},
	{"lim", false, 0},
};

static void test_query_number(void **state)
{
	unsigned long value;

	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		value = 77;
		assert_int_equal(http_query_number(queries[i].query, "limit", &value),
				 queries[i].ok);
		assert_int_equal(value, queries[i].ok ? queries[i].value : 77);
	}
}

static void test_query_text(void **state)
{
	static const struct {
		const char *query, *name, *want;
		bool good, found;
	} cases[] = {
		{"name=SEP*&model=7970", "name", "SEP*", true, true},
		{"name=SEP*&model=7970", "model", "7970", true, true},
		{"name=SEP*", "nam", "", true, false},
		{"name=a%20b+c", "name", "a b c", true, true},
		{"name=%2b%2B", "name", "++", true, true},
		{"name=", "name", "", true, true},
		{"", "name", "", true, false},
		{"name=%4", "name", "", false, true},
		{"name=%zz", "name", "", false, true},
		{"name=%00", "name", "", false, true},
		{"name=%", "name", "", false, true},
		{"name=1234567", "name", "1234567", true, true},
		{"name=12345678", "name", "", false, true},
	};
	char out[8];
	bool found;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		out[0] = '\0';
		if (http_query_text(cases[i].query, cases[i].name, out, sizeof(out), &found) !=
			    cases[i].good ||
		    found != cases[i].found)
			fail_msg("%s", cases[i].query);
		if (cases[i].good)
			assert_string_equal(out, cases[i].want);
	}
	assert_true(http_unescape(out, sizeof(out), "a%2Fb+c", 7));
	assert_string_equal(out, "a/b+c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query_text),      cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_keep_alive),      cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_too_many_fields), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_query_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
