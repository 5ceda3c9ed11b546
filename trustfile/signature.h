/*
 * How signed files are digested and signed. Source: doc/formats.md, "What the signature covers"
 * and "Codes".
 */
#ifndef TRUSTFILE_SIGNATURE_H
#define TRUSTFILE_SIGNATURE_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/x509.h>

/* DIGESTALGORITHM. */
enum tl_digest {
	TL_SHA1 = 1,
	TL_SHA512 = 3,
};

enum {
	TF_TLV_HEAD = 3,        /* bytes of a tag and its length */
	TL_SIG_MAX = 512,       /* bytes of the longest SIGNATURE */
	TL_SIG_SHA512_MIN = 94, /* bytes of modulus a DigestInfo of SHA-512 needs: 83 and 11 */
};

/* Bytes of modulus, and of SIGNATURE, for a value of SIGNATUREMODULUS; 0 if there is no such. */
size_t tf_modulus_len(uint8_t code);

/* The other way round; false if the format has no code for that many bytes. */
bool tf_modulus_code(uint8_t *code, size_t len);

/* Appends the digest (20 or 64 bytes) over n parts, one behind the other. */
int tf_digest(struct buf *b, enum tl_digest digest, const struct span *parts, size_t n,
	      struct err *e);

/* Appends the digest of file without its SIGNATURE TLV, which starts at sig_at and whose value is
 * sig_len bytes long: both as they were found in it. */
int tf_digest_file(struct buf *b, enum tl_digest digest, struct span file, size_t sig_at,
		   size_t sig_len, struct err *e);

/* Appends the DER of DigestInfo (RFC 8017 section 9.2, NULL parameters) around a digest. */
int tf_digest_info(struct buf *b, enum tl_digest digest, struct span value, struct err *e);

/* Checks an RSA PKCS#1 v1.5 signature over a digest with the key of cert; the signature must be as
 * long as its modulus. ERR_REFUSED with the given id. */
int tf_signature_check(const X509 *cert, enum tl_digest digest, struct span value,
		       struct span signature, const char *id, struct err *e);

#endif
