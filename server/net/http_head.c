#include "server/net/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int malformed(struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, "bad-request", "not a proper HTTP request: %s", why);
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *s)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *s && s[strspn(s, chars)] == '\0';
}

/* The next line, without its CR LF; NULL if the text does not go on with a whole line. */
static char *take_line(char **text)
{
	char *line = *text;
	char *end = strpbrk(line, "\r\n");

	if (!end || end[0] != '\r' || end[1] != '\n')
		return NULL;
	*end = '\0';
	*text = end + 2;
	return line;
}

/* ---- the request line ---- */

static int parse_target(struct http_head *h, char *target, struct err *e)
{
	char *query;

	if (*target != '/')
		return malformed(e, "the target does not begin with a slash");
	for (const char *p = target; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '#')
			return malformed(e, "a byte in the target that does not belong there");
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	h->path = target;
	h->query = query ? query : "";
	return 0;
}

static int parse_request_line(struct http_head *h, char *line, struct err *e)
{
	char *target = line ? strchr(line, ' ') : NULL;
	char *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return malformed(e, "no request line");
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line))
		return malformed(e, "the method is not a word");
	h->method = line;
	if (!strcmp(version, "HTTP/1.1"))
		h->keep_alive = true;
	else if (strcmp(version, "HTTP/1.0") != 0)
		return err_set(e, ERR_USAGE, "http-version",
			       "HTTP/1.1 and HTTP/1.0 are spoken here");
	return parse_target(h, target, e);
}

/* ---- the fields ---- */

static int parse_field(struct http_head *h, char *line, struct err *e)
{
	char *value = strchr(line, ':');
	char *end;

	if (!value)
		return malformed(e, "a header field without a colon");
	*value++ = '\0';
	if (!is_token(line))
		return malformed(e, "the name of a header field is not a word");
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if ((*p < ' ' && *p != '\t') || *p == 0x7f)
			return malformed(e, "a control byte in a header field");
	if (h->nfields == HTTP_FIELDS_MAX)
		return err_set(e, ERR_USAGE, "head-too-large", "more than %d header fields",
			       HTTP_FIELDS_MAX);
	h->fields[h->nfields++] = (struct http_field){line, value};
	return 0;
}

const char *http_head_field(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->nfields; i++)
		if (!strcasecmp(h->fields[i].name, name))
			return h->fields[i].value;
	return NULL;
}

static size_t count_field(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nfields; i++)
		n += !strcasecmp(h->fields[i].name, name);
	return n;
}

/* ---- what they mean ---- */

static int parse_length(struct http_head *h, struct err *e)
{
	const char *digits = http_head_field(h, "Content-Length");

	if (http_head_field(h, "Transfer-Encoding")) {
		err_set(e, ERR_USAGE, "length-required", "a body in chunks is not taken");
		return err_hint(e, "send Content-Length, as curl does for a file that is no pipe");
	}
	if (!digits)
		return 0;
	if (count_field(h, "Content-Length") > 1 || !*digits || strlen(digits) > 18 ||
	    digits[strspn(digits, "0123456789")])
		return malformed(e, "Content-Length is not one number");
	h->length = strtoull(digits, NULL, 10);
	return 0;
}

static int apply_fields(struct http_head *h, struct err *e)
{
	const char *connection = http_head_field(h, "Connection");
	const char *expect = http_head_field(h, "Expect");

	if (h->keep_alive && count_field(h, "Host") != 1)
		return malformed(e, "not exactly one Host field");
	if (parse_length(h, e))
		return (int)e->kind;
	/* Whatever else a client says about its connection, closing it is never wrong. */
	if (connection && strcasecmp(connection, "keep-alive") != 0)
		h->keep_alive = false;
	if (expect && strcasecmp(expect, "100-continue") != 0)
		return err_set(e, ERR_USAGE, "expectation",
			       "no expectation but 100-continue is met");
	h->expect_continue = expect != NULL;
	return 0;
}

int http_head_parse(struct http_head *h, char *text, size_t n, struct err *e)
{
	char *line;

	*h = (struct http_head){0};
	if (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0)
		return malformed(e, "it does not end with an empty line");
	/* The last line feed becomes the end of the string: no other NUL may stand before it. */
	text[n - 1] = '\0';
	if (strlen(text) != n - 1)
		return malformed(e, "a NUL in it");
	text[n - 1] = '\n';
	text[n - 2] = '\0';

	if (parse_request_line(h, take_line(&text), e))
		return (int)e->kind;
	while (*text) {
		line = take_line(&text);
		if (!line)
			return malformed(e, "a line that does not end with CR LF");
		if (parse_field(h, line, e))
			return (int)e->kind;
	}
	return apply_fields(h, e);
}

bool http_query_number(const char *query, const char *name, unsigned long *value)
{
	const size_t n = strlen(name);
	const char *text;
	size_t digits;

	for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		text = p + n + 1;
		digits = strspn(text, "0123456789");
		if (!digits || digits > 9 || (text[digits] && text[digits] != '&'))
			return false;
		*value = strtoul(text, NULL, 10);
		return true;
	}
	return false;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

static bool unescape(char *out, size_t size, const char *text, size_t n, bool plus)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			const int high = i + 2 < n ? digit_of(text[i + 1]) : -1;
			const int low = i + 2 < n ? digit_of(text[i + 2]) : -1;

			c = high < 0 || low < 0 ? 0 : high << 4 | low;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c || len + 1 >= size)
			return false;
		out[len++] = (char)c;
	}
	if (!size)
		return false;
	out[len] = '\0';
	return true;
}

bool http_unescape(char *out, size_t size, const char *text, size_t n)
{
	return unescape(out, size, text, n, false);
}

bool http_query_text(const char *query, const char *name, char *out, size_t size, bool *found)
{
	const size_t n = strlen(name);

	*found = false;
	for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		*found = true;
		return unescape(out, size, p + n + 1, strcspn(p + n + 1, "&"), true);
	}
	return true;
}
