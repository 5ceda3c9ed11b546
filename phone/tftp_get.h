/*
 * Fetching one file over TFTP, as a phone does: RFC 1350 with the options of RFC 2347, 2348 and
 * 2349. Blocks the caller; everything has a limit.
 */
#ifndef PHONE_TFTP_GET_H
#define PHONE_TFTP_GET_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"

#include <stdint.h>

enum {
	TFTP_GET_TRIES = 7,          /* of one packet before the server counts as gone */
	TFTP_GET_WAIT_MS = 1000,     /* for the first answer; doubles with every try ... */
	TFTP_GET_WAIT_MAX_MS = 4000, /* ... up to here */
};

struct tftp_get {
	struct hostport server;
	uint32_t blksize; /* to ask for; what the server grants may be smaller */
	size_t max;       /* bytes of the largest file that is taken */
	bool probe;       /* tell the server that it is no phone that asks */
};

/* Appends the file to out. Errors are ERR_REFUSED "tftp-too-large" (over max) and ERR_FAILED:
 * "tftp-host" (no such host), "tftp-unreachable" (nothing listens there), "tftp-timeout" (no answer
 * in time), "tftp-not-found" (the server has no such file), "tftp-refused" (any other error of the
 * server), "tftp-protocol" (an answer that makes no sense), "tftp-socket". A part of the file may
 * be in out then. A server that knows no options or dislikes them is asked without. */
int tftp_get(struct buf *out, const struct tftp_get *how, const char *name, struct err *e);

#endif
