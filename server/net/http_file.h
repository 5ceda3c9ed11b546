/*
 * What a request for a file says besides its name: which part of it, and what the client has
 * already. Pure. RFC 9110 sections 13 and 14.
 */
#ifndef SERVER_NET_HTTP_FILE_H
#define SERVER_NET_HTTP_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether If-None-Match (the value of the field; NULL: there is none) names the entity tag, with
 * its quotes: then the client has the file already. */
bool http_etag_matches(const char *field, const char *etag);

enum http_range { HTTP_RANGE_ALL, HTTP_RANGE_PART, HTTP_RANGE_BAD };

/* The part of a file of size bytes that the field Range (NULL: there is none) asks for, unless the
 * field If-Range names another version of the file. HTTP_RANGE_PART: *len bytes from *at.
 * HTTP_RANGE_BAD: there is no such part. HTTP_RANGE_ALL else, also for what is no range, for
 * several of them, and for other units. */
struct http_range_ask {
	const char *range, *if_range; /* or NULL */
	const char *etag;
	uint64_t size;
};

enum http_range http_range_parse(const struct http_range_ask *ask, uint64_t *at, uint64_t *len);

#endif
