/*
 * Bytes of strangers and bytes of ours: a borrowed view, a reading cursor, a growing buffer.
 * All numbers are big-endian.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of len bytes; data is NULL where there is none at all. */
struct span {
	const uint8_t *data;
	size_t len;
};

static inline struct span span_of(const void *data, size_t len)
{
	return (struct span){data, len};
}

/* True if both hold the same bytes (not in constant time: never for secrets). */
bool span_eq(struct span a, struct span b);

/* A cursor. Reading past the end gives zeros and sets bad, which stays set: check it once,
 * after the last read and before the first use. */
struct rd {
	const uint8_t *p;
	size_t left;
	bool bad;
};

struct rd rd_of(struct span s);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);

/* The next n bytes as a view into the same memory; empty and bad if there are fewer. */
struct span rd_take(struct rd *r, size_t n);

/* A growing buffer. Start it as {0}, end it with buf_free(). A failed allocation or a size over
 * BUF_MAX sets bad, which stays set and makes later writes do nothing: check it once at the end. */
struct buf {
	uint8_t *data;
	size_t len, cap;
	bool bad;
};

enum { BUF_MAX = 64 << 20 };

void buf_put(struct buf *b, const void *data, size_t n);
void buf_span(struct buf *b, struct span s);
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_str(struct buf *b, const char *s); /* without the NUL */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes: where to write them (then add to len), or NULL and bad. */
uint8_t *buf_room(struct buf *b, size_t n);

/* The content as text: puts a NUL behind it that len does not count. NULL if bad. */
const char *buf_cstr(struct buf *b);

struct span buf_view(const struct buf *b);
void buf_free(struct buf *b);

/* As buf_free, wiping the content first. */
void buf_wipe(struct buf *b);

#endif
