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

/* A phone's servers as options and environment name them, with the room that they point to. */
struct fetch_setup {
	struct tftp_get tftp;
	struct http_get http;
	struct fetch_servers servers;
};

enum { FETCH_MAX = 1 << 20 }; /* bytes of any file that a phone fetches to boot */

/* tftp is "HOST[:PORT]", http a URL; if both are NULL, CTL_TFTP and else CTL_HTTP are taken. Sets
 * everything but f->http.is_known and its arg. ERR_USAGE "tftp-server" (nothing is named),
 * "hostport", "http-server". */
int fetch_setup(struct fetch_setup *f, const char *tftp, const char *http, uint32_t blksize,
		struct err *e);

#endif
