/* The public key that a phone has made: is it what it was asked for, and fit to be certified? */
#ifndef SERVER_CAPF_KEY_H
#define SERVER_CAPF_KEY_H

#include "common/err.h"
#include "server/net/capf_message.h"

enum {
	KEY_BITS_MIN = 512, /* of RSA; below 1024 only where an administrator asked for it */
	KEY_BITS_MAX = 4096,
	KEY_EXPONENT_MIN = 65537,
	KEY_EXPONENT_BYTES = 8,
};

/* What kind of key. */
struct key_spec {
	enum capf_key_type type;
	unsigned bits;         /* RSA */
	enum capf_curve curve; /* EC */
};

/* Checks a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 3279, RFC 5480) against what was
 * asked for. ERR_REFUSED "capf-key": not DER, another type, size or curve, an even modulus, an
 * exponent that is even, small or too long, a point that is not on the curve. */
int key_check(struct span spki, const struct key_spec *want, struct err *e);

/* "RSA 2048", "EC P-384" in text (16 bytes at least). */
const char *key_words(const struct key_spec *k, char text[16]);

#endif
