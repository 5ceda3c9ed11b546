/*
 * Fetching one file over HTTP, as a phone does: GET /NAME on port 6970, over TLS on 6971. Blocks
 * the caller; everything has a limit.
 */
#ifndef PHONE_HTTP_GET_H
#define PHONE_HTTP_GET_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdbool.h>

enum {
	HTTP_GET_PORT = 6970,
	HTTP_GET_TLS_PORT = 6971,
	HTTP_GET_CONNECT_S = 10,
	HTTP_GET_TOTAL_S = 60,
	HTTP_GET_URL_MAX = 512,
};

struct http_get {
	char base[HTTP_GET_URL_MAX]; /* "http://HOST:PORT/", with the slash at its end */
	size_t max;                  /* bytes of the largest file that is taken */
	bool probe;                  /* tell the server that it is no phone that asks */
	/* Whether the phone knows the certificate (DER) that an HTTPS server shows: phones know it
	 * by their trust lists. NULL: none is known. */
	bool (*is_known)(void *arg, struct span der);
	void *arg;
};

/* Sets h->base from "HOST", "HOST:PORT" or a URL of http or https, which may have a path. ERR_USAGE
 * "http-server". */
int http_get_server(struct http_get *h, const char *text, struct err *e);

/* Appends the file to out. Errors are ERR_REFUSED "http-too-large" (over max), "http-certificate"
 * (not known); ERR_FAILED "http-not-found" (404), "http-refused" (any other answer but 200),
 * "http-unreachable". A part of the file may be in out then. Redirections are not followed. */
int http_get(struct buf *out, const struct http_get *h, const char *name, struct err *e);

#endif
