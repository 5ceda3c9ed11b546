/*
 * Encrypted configurations: .enc.sgn with the key wrapped for a phone's public key, .enc.sgn with a
 * key that was typed into the phone, and RC4 for the two oldest models. Pure: bytes in, bytes out.
 * Source: doc/formats.md, "Encrypted configurations".
 */
#ifndef TRUSTFILE_ENCRYPTED_H
#define TRUSTFILE_ENCRYPTED_H

#include "trustfile/signed.h"

#include <openssl/evp.h>

enum {
	ENC_KEY_LEN = 16, /* AES-128 */
	ENC_IV_LEN = 16,
	ENC_BLOCK = 16,
	ENC_RC4_KEY_LEN = 32, /* 256 bits */
};

/* What the encryption takes beyond a struct sgn_plan. One of phone and manual_key is set. */
struct enc_plan {
	struct sgn_plan sgn;       /* FILENAME ends in ".enc.sgn" */
	const X509 *phone;         /* LSC or MIC; its key is RSA */
	const uint8_t *manual_key; /* ENC_KEY_LEN bytes */
};

/* Encrypts plain with a fresh key (or the manual one) and a fresh IV, signs, and checks the
 * signature before handing it over. Errors: ERR_REFUSED "phone-key" (not RSA, or above 4096 bits),
 * ERR_FAILED "encrypt", and those of sgn_build(). Nothing is appended to out then. */
int enc_build(struct buf *out, const struct enc_plan *plan, struct span plain, tl_sign_fn *sign,
	      void *arg, struct err *e);

/* As enc_build() with everything given that is random there, so that files with known answers can
 * be made again: for tests only. wrapped is empty with a manual key. */
struct enc_fixed {
	uint8_t key[ENC_KEY_LEN], iv[ENC_IV_LEN];
	struct span wrapped;
};
int enc_build_fixed(struct buf *out, const struct enc_plan *plan, const struct enc_fixed *fixed,
		    struct span plain, tl_sign_fn *sign, void *arg, struct err *e);

/* Decrypts a file that was parsed, and verified, with sgn_parse() and sgn_verify_in(). Whatever is
 * wrong (lengths, the wrapped key, the inner digest), the error is the same: ERR_REFUSED
 * "enc-decrypt", as unwrapping must tell nobody more. Wipe what is in out: it holds credentials. */
int enc_open(struct buf *out, const struct sgn *s, EVP_PKEY *phone, struct err *e);

/* The same with the key that was typed into the phone (ENC_KEY_LEN bytes). */
int enc_open_manual(struct buf *out, const struct sgn *s, const uint8_t *key, struct err *e);

/* Encrypts or decrypts with RC4, for the models 7905 and 7912: the whole file, without header and
 * signature. It protects little: equal keys give equal key streams. ERR_FAILED "rc4" where OpenSSL
 * has no legacy provider. */
int enc_rc4(struct buf *out, struct span in, const uint8_t key[ENC_RC4_KEY_LEN], struct err *e);

#endif
