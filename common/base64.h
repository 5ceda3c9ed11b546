/* Base64 (RFC 4648): with padding as in PEM and JSON, or the form for URLs, without. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/bytes.h"

enum base64_kind {
	BASE64_PLAIN, /* section 4, padded */
	BASE64_URL,   /* section 5, unpadded */
};

/* Appends s as text. */
void base64_put(struct buf *b, struct span s, enum base64_kind kind);

/* Appends the bytes that text stands for. Strict: no white space, no missing or superfluous
 * padding, no set bits behind the end. False, and nothing appended, if it is anything else. */
bool base64_take(struct buf *b, struct span text, enum base64_kind kind);

#endif
