#include "common/base64.h"

#include <string.h>

static const char digits[2][65] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

enum { BITS = 6, GROUP = 4 };

void base64_put(struct buf *b, struct span s, enum base64_kind kind)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		bits = bits << 8 | s.data[i];
		for (have += 8; have >= BITS; n++) {
			have -= BITS;
			buf_u8(b, (uint8_t)digits[kind][bits >> have & 63]);
		}
	}
	if (have) {
		buf_u8(b, (uint8_t)digits[kind][bits << (BITS - have) & 63]);
		n++;
	}
	for (; kind == BASE64_PLAIN && n % GROUP; n++)
		buf_u8(b, '=');
}

/* The text without its padding; false if that is not as it should be. */
static bool strip(struct span *text, enum base64_kind kind)
{
	size_t pad = 0;

	if (kind == BASE64_URL)
		return text->len % GROUP != 1;
	if (text->len % GROUP)
		return false;
	while (pad < 2 && pad < text->len && text->data[text->len - pad - 1] == '=')
		pad++;
	text->len -= pad;
	return true;
}

bool base64_take(struct buf *b, struct span text, enum base64_kind kind)
{
	const size_t start = b->len;
	uint32_t bits = 0;
	unsigned have = 0;
	bool ok = strip(&text, kind);

	for (size_t i = 0; ok && i < text.len; i++) {
		const char *at = memchr(digits[kind], text.data[i], 64);

		if (!at) {
			ok = false;
			break;
		}
		bits = bits << BITS | (uint32_t)(at - digits[kind]);
		have += BITS;
		if (have >= 8) {
			have -= 8;
			buf_u8(b, (uint8_t)(bits >> have));
		}
	}
	ok = ok && !b->bad && !(bits & ((1U << have) - 1));
	if (!ok)
		b->len = start;
	return ok;
}
