/*
 * LSCs as bytes: what the authority signs for a phone. Source: doc/capf.md, "What an LSC looks
 * like".
 *
 * The certificate is written directly and not through OpenSSL's X509, so that the phone's key goes
 * in as it came out of the phone, and nothing is decoded that is only going to be encoded again.
 */
#ifndef SERVER_CAPF_ISSUE_H
#define SERVER_CAPF_ISSUE_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	ISSUE_SERIAL_LEN = 16, /* of those made here */
	ISSUE_SERIAL_MAX = 20, /* of any: RFC 5280 section 4.1.2.2 */
};

/* Signs a DigestInfo (RFC 8017 section 9.2) with an RSA key; sig has siglen bytes, the length of
 * its modulus. Called by several threads at once. */
typedef int issuer_sign_fn(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			   size_t siglen, struct err *e);

/* What signs: a key, or whoever has it. */
struct issuer_key {
	EVP_PKEY *key;        /* NULL: it is elsewhere, and RSA */
	issuer_sign_fn *sign; /* then this; NULL with a key */
	void *arg;
};

/* The issuing certificate, prepared once; may then be used by several threads. */
struct issuer {
	struct buf name;       /* its subject, DER */
	struct buf attributes; /* the O, OU, L, ST and C of it, each as a set, DER */
	struct span algorithm; /* AlgorithmIdentifier of its signatures */
	int64_t not_after;     /* seconds since 1970 */
	struct issuer_key by;  /* its key, owned, may be the public half */
};

/* Prepares cert; a key of by, which must be its own (RSA or EC), stays the caller's. ERR_FAILED
 * "capf-authority". End with issuer_free(), also after a failure. */
int issuer_init(struct issuer *i, X509 *cert, const struct issuer_key *by, struct err *e);
void issuer_free(struct issuer *i);

/* Appends what consists of tbs, the algorithm and a signature over tbs: a certificate, or a CRL.
 * ERR_FAILED "capf-authority", or what sign says. */
int issuer_seal(const struct issuer *i, struct span tbs, struct buf *der, struct err *e);

struct issue {
	struct span device;               /* 1 to CAPF_CN_MAX characters */
	struct span spki;                 /* checked by key_check() */
	uint8_t serial[ISSUE_SERIAL_LEN]; /* as a positive number, big-endian */
	int64_t not_before, not_after;    /* seconds since 1970; cut to the issuer's */
};

/* Appends the certificate, DER. Signs, so it takes a while, on a token perhaps long. ERR_REFUSED
 * "capf-name" (too long for a common name); ERR_FAILED "capf-authority" (expired), those of
 * issuer_seal(). */
int issue_certificate(const struct issuer *i, const struct issue *what, struct buf *der,
		      struct err *e);

/* The serial number of a certificate as lower-case hexadecimal digits without
 * leading zero bytes, in text (2 * ISSUE_SERIAL_MAX + 1 bytes at least); "" if it is none. */
void issue_serial(char *text, struct span der);

#endif
