/* Writing TLVs: tag (1 byte), length (2 bytes), value. Source: doc/formats.md, "Shape". */
#ifndef TRUSTFILE_TLV_H
#define TRUSTFILE_TLV_H

#include "common/bytes.h"
#include "common/err.h"

/* Appends a TLV. ERR_REFUSED "too-long" if value is above 65535 bytes. */
int tlv_put(struct buf *b, uint8_t tag, struct span value, struct err *e);

/* Appends a TLV with a number as value, of one byte or of two. */
void tlv_u8(struct buf *b, uint8_t tag, uint8_t v);
void tlv_u16(struct buf *b, uint8_t tag, uint16_t v);

/* Writes value over the two bytes at offset at: a length that was not known before. what names it
 * in messages. ERR_REFUSED "too-long". */
int tlv_patch_u16(struct buf *b, size_t at, size_t value, const char *what, struct err *e);

#endif
