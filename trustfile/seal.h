/*
 * Writing the header that every signed file begins with, and the signature in it. The private key
 * is never seen here: a callback signs the DigestInfo. Source: doc/formats.md, "The header" and
 * "What the signature covers".
 */
#ifndef TRUSTFILE_SEAL_H
#define TRUSTFILE_SEAL_H

#include "trustfile/signature.h"

/* Signs a DigestInfo (len bytes of DER, for CKM_RSA_PKCS) into sig, which has exactly the
 * siglen bytes of the signer's modulus. Returns 0 or the kind of error in e. */
typedef int tl_sign_fn(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
		       size_t siglen, struct err *e);

/* VERSION. */
enum tf_version {
	TF_VERSION_SGN = 0x0100,
	TF_VERSION_LIST = 0x0102,
	TF_VERSION_ENC = 0x0200,
};

/* The three texts by which a header names its signer: owned, names with their NUL. */
struct tf_words {
	struct buf name, serial, issuer;
};

/* Appends the words of a certificate: names in server form. ERR_REFUSED "certificate-name". */
int tf_words_of(struct tf_words *w, const X509 *cert, struct err *e);

/* Appends those of a record. */
void tf_words_copy(struct tf_words *w, struct span name, struct span serial, struct span issuer);
void tf_words_free(struct tf_words *w);

/* A file to be. All borrowed. */
struct tf_seal {
	enum tf_version version;
	const X509 *signer;
	const struct tf_words *words; /* of the signer */
	enum tl_digest digest;
	const char *filename;
	uint32_t timestamp;
	struct span behind; /* TLVs behind TIMESTAMP; may be empty */
	struct span body;   /* what follows the header */
};

/* Appends the signed file to out. Errors: ERR_REFUSED "signer-key" (not RSA, or a modulus the
 * format has no code for, such as 3072 bits; with SHA-512 also one that is too short), "too-long",
 * and whatever sign returns. Nothing is appended then. */
int tf_seal(struct buf *out, const struct tf_seal *s, tl_sign_fn *sign, void *arg, struct err *e);

#endif
