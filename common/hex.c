#include "common/hex.h"

static void encode(struct buf *b, struct span s, char sep, const char *digits)
{
	for (size_t i = 0; i < s.len; i++) {
		if (i && sep)
			buf_u8(b, (uint8_t)sep);
		buf_u8(b, (uint8_t)digits[s.data[i] >> 4]);
		buf_u8(b, (uint8_t)digits[s.data[i] & 15]);
	}
}

void hex_lower(struct buf *b, struct span s, char sep)
{
	encode(b, s, sep, "0123456789abcdef");
}

void hex_upper(struct buf *b, struct span s, char sep)
{
	encode(b, s, sep, "0123456789ABCDEF");
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_parse(struct buf *b, const char *text, size_t n)
{
	const size_t start = b->len;
	size_t i = 0;

	while (i < n) {
		const int hi = digit(text[i]);
		const int lo = i + 1 < n ? digit(text[i + 1]) : -1;

		if (hi < 0 || lo < 0)
			goto bad;
		buf_u8(b, (uint8_t)(hi << 4 | lo));
		i += 2;
		if (i < n && (text[i] == ':' || text[i] == ' ')) {
			i++;
			if (i == n)
				goto bad;
		}
	}
	return !b->bad;
bad:
	b->len = start;
	return false;
}
