/*
 * Certificates (RFC 5280) and requests for them (RFC 2986) whose signature is made elsewhere: by a
 * key on a token, or whoever else holds it. No PKCS#11 here.
 */
#ifndef PKCS11_ISSUE_H
#define PKCS11_ISSUE_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/x509.h>

/* Signs a DigestInfo with an RSA key; sig has siglen bytes, the length of its modulus. */
typedef int issue_sign_fn(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			  size_t siglen, struct err *e);

/* Who signs, and with what. */
struct issue_by {
	EVP_PKEY *key; /* the public half */
	issue_sign_fn *sign;
	void *arg;
};

enum issue_kind {
	ISSUE_SIGNER,   /* signs trust lists: digitalSignature, nonRepudiation */
	ISSUE_AUTHORITY /* certifies signers: CA:TRUE, pathlen:0, keyCertSign, cRLSign */
};

struct issue {
	const X509_NAME *subject;
	EVP_PKEY *key;      /* what is certified */
	const X509 *issuer; /* NULL: signed by itself */
	unsigned days;      /* from now, but not longer than the issuer's certificate */
	enum issue_kind kind;
};

/* Makes a certificate, signed with RSA and SHA-256, and verifies the signature. *out is the
 * caller's (X509_free). ERR_FAILED "certificate"; ERR_TOKEN "sign" if the signature does not fit;
 * else what sign says. */
int cert_issue(X509 **out, const struct issue *what, const struct issue_by *by, struct err *e);

/* Appends a PKCS#10 request for a certificate, PEM, signed in the same way by the key itself. */
int request_issue(struct buf *out, const X509_NAME *subject, const struct issue_by *by,
		  struct err *e);

/* A distinguished name from its string form, RFC 4514: "CN=SAST-1,OU=Voice,O=Example". *out is the
 * caller's (X509_NAME_free). ERR_USAGE "subject". */
int subject_parse(X509_NAME **out, const char *text, struct err *e);

#endif
