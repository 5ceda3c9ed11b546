/*
 * The bytes of one file, shared by everybody who is sending them: a transfer ends with the bytes it
 * began with, whatever becomes the newest file meanwhile. Counted on the event loop only.
 */
#ifndef SERVER_TFTP_CONTENT_H
#define SERVER_TFTP_CONTENT_H

#include "common/bytes.h"

struct content {
	unsigned refs;
	struct buf bytes;
};

/* Takes over bytes, which is empty afterwards; one reference is the caller's. NULL if out of
 * memory; bytes are freed then, too. */
struct content *content_new(struct buf *bytes);

/* One more reference; returns c. NULL stays NULL in both. */
struct content *content_ref(struct content *c);

/* One reference less; the last one frees the bytes. */
void content_unref(struct content *c);

#endif
