/*
 * The few shapes of DER (X.690) that the authority reads from phones and writes into certificates.
 *
 * Why not OpenSSL: decoding one key or certificate costs its version 3.0 a fifth of a millisecond,
 * as much as two RSA signatures' share of an enrolment, and re-encodes what has to stay byte for
 * byte.
 */
#ifndef SERVER_CAPF_DER_H
#define SERVER_CAPF_DER_H

#include "common/bytes.h"

enum der_tag {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8 = 0x0c,
	DER_UTC_TIME = 0x17,
	DER_GENERAL_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

/* The content of the next element, which must have that tag and a length in its shortest form, of
 * three bytes at most. Anything else makes r bad. */
struct rd der_enter(struct rd *r, unsigned tag);

/* As der_enter, with the whole element in *whole, of whatever tag. */
struct rd der_next(struct rd *r, struct span *whole);

/* The bytes of a positive INTEGER without leading zeros; r becomes bad if it is negative, zero or
 * padded. */
struct span der_positive(struct rd *r);

/* Starts an element whose length is not known yet; der_end() with what was returned fills it in. */
size_t der_begin(struct buf *b, unsigned tag);
void der_end(struct buf *b, size_t start);

/* One element around content. */
void der_put(struct buf *b, unsigned tag, struct span content);

/* A time, seconds since 1970, as UTCTime or GeneralizedTime: RFC 5280 section 4.1.2.5. */
void der_time(struct buf *b, int64_t seconds);

#endif
