#include "server/capf/der.h"

#include <string.h>
#include <time.h>

enum {
	YEAR_2050 = 2050, /* from here on GeneralizedTime */
	LONG_FORM = 0x80,
	LONG_FORM_MAX = 3, /* bytes of a length */
	SHORT_MAX = 0x7f,
};

/* ---- reading ---- */

static size_t take_length(struct rd *r)
{
	const uint8_t first = rd_u8(r);
	const unsigned n = first & SHORT_MAX;
	size_t length = 0;

	if (!(first & LONG_FORM))
		return first;
	if (!n || n > LONG_FORM_MAX) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		length = length << 8 | rd_u8(r);
	if (length <= SHORT_MAX || length >> (8 * (n - 1)) == 0)
		r->bad = true;
	return length;
}

struct rd der_next(struct rd *r, struct span *whole)
{
	const uint8_t *start = r->p;
	struct rd inside;

	rd_u8(r);
	inside = rd_of(rd_take(r, take_length(r)));
	inside.bad = r->bad;
	*whole = r->bad ? span_of(NULL, 0) : span_of(start, (size_t)(r->p - start));
	return inside;
}

struct rd der_enter(struct rd *r, unsigned tag)
{
	struct span whole;
	struct rd inside = der_next(r, &whole);

	if (!whole.len || whole.data[0] != tag) {
		r->bad = true;
		inside = (struct rd){.bad = true};
	}
	return inside;
}

struct span der_positive(struct rd *r)
{
	struct rd i = der_enter(r, DER_INTEGER);
	const bool padded = i.left > 1 && !i.p[0];

	if (!i.left || i.p[0] & 0x80 || (padded && !(i.p[1] & 0x80)) || (i.left == 1 && !i.p[0])) {
		r->bad = true;
		return span_of(NULL, 0);
	}
	return padded ? span_of(i.p + 1, i.left - 1) : span_of(i.p, i.left);
}

/* ---- writing ---- */

static void put_length(struct buf *b, size_t n)
{
	if (n > 0xffff) {
		buf_u8(b, LONG_FORM | 3);
		buf_u8(b, (uint8_t)(n >> 16));
		buf_u16(b, (uint16_t)n);
	} else if (n > 0xff) {
		buf_u8(b, LONG_FORM | 2);
		buf_u16(b, (uint16_t)n);
	} else {
		if (n > SHORT_MAX)
			buf_u8(b, LONG_FORM | 1);
		buf_u8(b, (uint8_t)n);
	}
}

size_t der_begin(struct buf *b, unsigned tag)
{
	buf_u8(b, (uint8_t)tag);
	return b->len;
}

void der_end(struct buf *b, size_t start)
{
	const size_t n = b->bad ? 0 : b->len - start;
	uint8_t length[LONG_FORM_MAX + 1];
	size_t head;

	/* The length goes behind the content first, to see how long it is itself. */
	put_length(b, n);
	if (b->bad)
		return;
	head = b->len - start - n;
	memcpy(length, b->data + start + n, head);
	memmove(b->data + start + head, b->data + start, n);
	memcpy(b->data + start, length, head);
}

void der_put(struct buf *b, unsigned tag, struct span content)
{
	buf_u8(b, (uint8_t)tag);
	put_length(b, content.len);
	buf_span(b, content);
}

void der_time(struct buf *b, int64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct buf text = {0};
	struct tm tm;
	int year;

	gmtime_r(&t, &tm);
	year = tm.tm_year + 1900;
	if (year < YEAR_2050)
		buf_printf(&text, "%02d", year % 100);
	else
		buf_printf(&text, "%04d", year);
	buf_printf(&text, "%02d%02d%02d%02d%02dZ", tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		   tm.tm_sec);
	der_put(b, year < YEAR_2050 ? DER_UTC_TIME : DER_GENERAL_TIME, buf_view(&text));
	buf_free(&text);
}
