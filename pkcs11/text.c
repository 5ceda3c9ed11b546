#include "pkcs11/cryptoki.h"

#include "common/text.h"

#include <string.h>

size_t text_trimmed(const uint8_t *text, size_t len)
{
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\0'))
		len--;
	return len;
}

void text_show(char *out, size_t size, const uint8_t *text, size_t len)
{
	struct buf shown = {0};
	size_t n;

	text_printable(&shown, span_of(text, text_trimmed(text, len)));
	n = shown.bad ? 0 : shown.len;
	if (n >= size) {
		n = size - 1;
		/* Not in the middle of a character. */
		while (n && (shown.data[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(out, shown.data, n);
	out[n] = '\0';
	buf_free(&shown);
}
