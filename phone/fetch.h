/* Where a phone gets its files from: HTTP, TFTP, or a test's own. */
#ifndef PHONE_FETCH_H
#define PHONE_FETCH_H

#include "common/bytes.h"
#include "common/err.h"
#include "phone/http_get.h"
#include "phone/tftp_get.h"

#include <stdbool.h>

/* Fetches the file name: appends it to out and returns 0; an error for which fetch_is_missing() is
 * true if there is no such file, other errors if nobody knows. */
typedef int fetch_fn(void *arg, const char *name, struct buf *out, struct err *e);

/* Whether an error says that the server has no such file. */
bool fetch_is_missing(const struct err *e);

/* The servers of a phone. */
struct fetch_servers {
	const struct tftp_get *tftp; /* NULL: none */
	const struct http_get *http; /* asked first, file by file; NULL: none */
};

/* A fetch_fn whose arg is a struct fetch_servers: over HTTP, and where that fails in any way, over
 * TFTP. */
int fetch_file(void *arg, const char *name, struct buf *out, struct err *e);

#endif
