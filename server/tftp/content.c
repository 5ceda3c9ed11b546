#include "server/tftp/content.h"

#include "common/hex.h"
#include "common/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ETAG_BYTES = 16 };

/* The beginning of a digest is enough to tell versions of one file apart. */
static bool set_etag(struct content *c, struct span of)
{
	char text[2 * SHA256_LEN + 1];
	struct err ignored;

	if (sha256_text(text, of, &ignored))
		return false;
	snprintf(c->etag, sizeof(c->etag), "\"%.*s\"", 2 * ETAG_BYTES, text);
	return true;
}

struct content *content_new(struct buf *bytes)
{
	struct content *c = calloc(1, sizeof(*c));

	if (c) {
		*c = (struct content){.refs = 1, .bytes = *bytes, .fd = -1, .size = bytes->len};
		*bytes = (struct buf){0};
	}
	buf_free(bytes);
	if (!c || set_etag(c, buf_view(&c->bytes)))
		return c;
	content_unref(c);
	return NULL;
}

struct content *content_of_file(int fd, uint64_t size, struct span version)
{
	struct content *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	*c = (struct content){.refs = 1, .fd = fd, .size = size};
	if (set_etag(c, version))
		return c;
	content_unref(c);
	return NULL;
}

static size_t memory_of(const struct content *c)
{
	return sizeof(*c) + c->bytes.cap;
}

void content_count(struct content *c, size_t *meter)
{
	c->meter = meter;
	*meter += memory_of(c);
}

struct span content_piece(const struct content *c, uint64_t at, size_t n, uint8_t *room)
{
	if (c->fd < 0)
		return span_of(c->bytes.data + at, n);
	return pread(c->fd, room, n, (off_t)at) == (ssize_t)n ? span_of(room, n) : span_of(room, 0);
}

struct content *content_ref(struct content *c)
{
	if (c)
		c->refs++;
	return c;
}

void content_unref(struct content *c)
{
	if (!c || --c->refs)
		return;
	if (c->meter)
		*c->meter -= memory_of(c);
	if (c->fd >= 0)
		close(c->fd);
	if (c->secret)
		buf_wipe(&c->bytes);
	buf_free(&c->bytes);
	free(c);
}
