/*
 * The head of an HTTP/1.1 request, taken apart. Pure, and strict where RFC 9112 lets a server be:
 * whatever two readers might understand differently (bare line feeds, folded lines, repeated
 * lengths, chunks) is refused.
 */
#ifndef SERVER_NET_HTTP_HEAD_H
#define SERVER_NET_HTTP_HEAD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_HEAD_MAX = 16 * 1024, /* bytes, with the empty line at its end */
	HTTP_FIELDS_MAX = 64,
};

struct http_field {
	const char *name, *value;
};

/* All strings point into the text that was parsed. */
struct http_head {
	const char *method;
	const char *path;  /* as sent: percent signs and dots are not touched */
	const char *query; /* what follows the question mark, or "" */
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t nfields;
	uint64_t length;      /* of the body */
	bool keep_alive;      /* the connection may be used again */
	bool expect_continue; /* the client waits for "100 Continue" before it sends the body */
};

/* Takes text apart: n bytes that end with the empty line ("\r\n\r\n"), and are written into. Errors
 * are ERR_USAGE "bad-request", "http-version", "length-required" (a body without Content-Length),
 * "expectation" and "head-too-large" (too many fields). */
int http_head_parse(struct http_head *h, char *text, size_t n, struct err *e);

/* The value of the first field of that name (in any case), or NULL. */
const char *http_head_field(const struct http_head *h, const char *name);

/* The number that the query gives for name ("limit=20"). False if it does not name it or it is
 * not a number of at most nine digits. */
bool http_query_number(const char *query, const char *name, unsigned long *value);

/* Puts text (n bytes) into out without its percent signs (RFC 3986 section 2.1). False if it does
 * not fit into size bytes with its NUL, names a NUL, or is cut off. */
bool http_unescape(char *out, size_t size, const char *text, size_t n);

/* The text that the query gives for name ("name=SEP*"), with + for a blank. *found tells whether it
 * names it; false as above. */
bool http_query_text(const char *query, const char *name, char *out, size_t size, bool *found);

#endif
