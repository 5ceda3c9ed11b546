#include "trustfile/tlv.h"

int tlv_put(struct buf *b, uint8_t tag, struct span value, struct err *e)
{
	if (value.len > UINT16_MAX)
		return err_set(e, ERR_REFUSED, "too-long",
			       "a value of %zu bytes (tag %u) does not fit; %d do", value.len, tag,
			       UINT16_MAX);
	buf_u8(b, tag);
	buf_u16(b, (uint16_t)value.len);
	buf_span(b, value);
	return 0;
}

void tlv_u8(struct buf *b, uint8_t tag, uint8_t v)
{
	buf_u8(b, tag);
	buf_u16(b, 1);
	buf_u8(b, v);
}

void tlv_u16(struct buf *b, uint8_t tag, uint16_t v)
{
	buf_u8(b, tag);
	buf_u16(b, 2);
	buf_u16(b, v);
}

int tlv_patch_u16(struct buf *b, size_t at, size_t value, const char *what, struct err *e)
{
	if (value > UINT16_MAX)
		return err_set(e, ERR_REFUSED, "too-long", "%s of %zu bytes does not fit; %d do",
			       what, value, UINT16_MAX);
	if (!b->bad) {
		b->data[at] = (uint8_t)(value >> 8);
		b->data[at + 1] = (uint8_t)value;
	}
	return 0;
}
