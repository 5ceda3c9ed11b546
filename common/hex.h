/* Hexadecimal text. */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include "common/bytes.h"

/* Appends s as hexadecimal digits, with sep between the bytes unless it is 0. */
void hex_lower(struct buf *b, struct span s, char sep);
void hex_upper(struct buf *b, struct span s, char sep);

/* Appends the bytes that text (n characters) names: pairs of digits of either case, with single
 * colons or spaces between pairs allowed. False, and nothing appended, if it is anything else. */
bool hex_parse(struct buf *b, const char *text, size_t n);

#endif
