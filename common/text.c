#include "common/text.h"

#include <string.h>
#include <strings.h>

/* Length of the well-formed UTF-8 sequence s begins with and the character it stands for; 0 if
 * there is none (RFC 3629 section 4). */
static size_t utf8_char(uint32_t *character, struct span s)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]) && n < s.len; n++) {
		uint32_t c = s.data[0] & (uint8_t)~forms[n].mask;
		bool good = (s.data[0] & forms[n].mask) == forms[n].lead;

		for (size_t i = 1; good && i <= n; i++) {
			good = (s.data[i] & 0xc0) == 0x80;
			c = c << 6 | (s.data[i] & 0x3f);
		}
		if (good && c >= forms[n].least && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff)) {
			*character = c;
			return n + 1;
		}
	}
	return 0;
}

static bool is_printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if (c == 0x61c || c == 0xfeff || (c & 0xfffe) == 0xfffe)
		return false;
	return !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2060 && c <= 0x206f);
}

void text_printable(struct buf *b, struct span s)
{
	while (s.len) {
		uint32_t c = 0;
		size_t n = utf8_char(&c, s);

		if (n && c == '\\')
			buf_str(b, "\\\\");
		else if (n && is_printable(c))
			buf_put(b, s.data, n);
		else
			for (size_t i = 0; i < (n ? n : 1); i++)
				buf_printf(b, "\\x%02x", s.data[i]);
		n = n ? n : 1;
		s.data += n;
		s.len -= n;
	}
}

bool text_is_printable(struct span s)
{
	while (s.len) {
		uint32_t c = 0;
		const size_t n = utf8_char(&c, s);

		if (!n || !is_printable(c))
			return false;
		s.data += n;
		s.len -= n;
	}
	return true;
}

bool text_ends_in(const char *text, const char *end)
{
	const size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcasecmp(text + n - m, end);
}
