#include "common/bytes.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

struct rd rd_of(struct span s)
{
	return (struct rd){s.data, s.len, false};
}

struct span rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		r->left = 0;
		return span_of(NULL, 0);
	}
	r->p += n;
	r->left -= n;
	return span_of(p, n);
}

uint8_t rd_u8(struct rd *r)
{
	const struct span s = rd_take(r, 1);

	return s.len ? s.data[0] : 0;
}

uint16_t rd_u16(struct rd *r)
{
	const struct span s = rd_take(r, 2);

	if (!s.len)
		return 0;
	return (uint16_t)(s.data[0] << 8 | s.data[1]);
}

uint32_t rd_u32(struct rd *r)
{
	const uint32_t hi = rd_u16(r);

	return hi << 16 | rd_u16(r);
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	uint8_t *data;

	if (b->bad || n > BUF_MAX || b->len + n > BUF_MAX) {
		b->bad = true;
		return NULL;
	}
	while (cap < b->len + n)
		cap *= 2;
	if (cap != b->cap) {
		/* Not realloc(): the old block may hold a secret. */
		data = malloc(cap);
		if (!data) {
			b->bad = true;
			return NULL;
		}
		if (b->len)
			memcpy(data, b->data, b->len);
		OPENSSL_cleanse(b->data, b->len);
		free(b->data);
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
	uint8_t *to = buf_room(b, n);

	if (to && n) {
		memcpy(to, data, n);
		b->len += n;
	}
}

void buf_span(struct buf *b, struct span s)
{
	buf_put(b, s.data, s.len);
}

void buf_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
	const uint8_t be[] = {(uint8_t)(v >> 8), (uint8_t)v};

	buf_put(b, be, sizeof(be));
}

void buf_u32(struct buf *b, uint32_t v)
{
	buf_u16(b, (uint16_t)(v >> 16));
	buf_u16(b, (uint16_t)v);
}

void buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	to = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
	if (to) {
		vsnprintf((char *)to, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	} else {
		b->bad = true;
	}
	va_end(again);
	va_end(ap);
}

const char *buf_cstr(struct buf *b)
{
	uint8_t *to = buf_room(b, 1);

	if (!to)
		return NULL;
	*to = '\0';
	return (const char *)b->data;
}

struct span buf_view(const struct buf *b)
{
	return span_of(b->data, b->len);
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
	OPENSSL_cleanse(b->data, b->len);
	buf_free(b);
}
