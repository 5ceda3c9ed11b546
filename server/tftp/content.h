/*
 * The bytes of one file, shared by everybody who is sending them: a transfer ends with the bytes it
 * began with, whatever becomes the newest file meanwhile. Counted on the event loop only; made on
 * any thread.
 *
 * Small files are in memory. Large ones (firmware) stay on the disk and are read piece by piece: a
 * thousand phones that load them shall not need memory for it.
 */
#ifndef SERVER_TFTP_CONTENT_H
#define SERVER_TFTP_CONTENT_H

#include "common/bytes.h"

enum {
	CONTENT_ETAG = 36,  /* two quotes, 32 hexadecimal digits, a NUL, and room to spare */
	CONTENT_OWNERS = 2, /* LSC and MIC */
	CONTENT_OWNER = 32,
};

struct content {
	unsigned refs;
	struct buf bytes;
	int fd;                  /* -1: the bytes are in memory */
	uint64_t size;           /* in either case */
	char etag[CONTENT_ETAG]; /* RFC 9110 section 8.8.3: the same only for the same bytes */
	size_t *meter;           /* what the memory counts for, or NULL */

	/* Of a phone's configuration: */
	bool secret; /* passwords in the clear; wiped when it goes */
	/* SHA-256 of the phone's certificates, as far as there are any: where a client can show
	 * one, only they may have what is secret. */
	bool has_owner[CONTENT_OWNERS];
	uint8_t owner[CONTENT_OWNERS][CONTENT_OWNER];
	int64_t stamp;       /* store_device.stamp; 0: none */
	const char *outcome; /* what to note when a phone has it (store_seen); static, or NULL */
};

/* Takes over bytes, which is empty afterwards; one reference is the caller's. NULL if out of
 * memory; bytes are freed then, too. */
struct content *content_new(struct buf *bytes);

/* As before for a regular file of size bytes, open for reading, which it will close (also if it
 * fails); version tells this file from all others that had or will have its name. */
struct content *content_of_file(int fd, uint64_t size, struct span version);

/* Counts the memory that c takes in *meter, now and until c is gone. */
void content_count(struct content *c, size_t *meter);

/* The n bytes at at, which must be in c: a view into c, or read into room, which has n bytes. Empty
 * if the file on disk is shorter now. */
struct span content_piece(const struct content *c, uint64_t at, size_t n, uint8_t *room);

/* One more reference; returns c. NULL stays NULL in both. */
struct content *content_ref(struct content *c);

/* One reference less; the last one frees the bytes. */
void content_unref(struct content *c);

#endif
