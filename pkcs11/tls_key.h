/*
 * A private key that is elsewhere, on a token, as the EVP_PKEY that OpenSSL wants for TLS.
 *
 * OpenSSL 3 takes such keys from providers. Ours is built in, lives in a library context of its own
 * (nobody else's fetches find it) and knows one operation: a signature with RSASSA-PKCS1-v1_5
 * (RFC 8017 section 8.2), the one that every token can make. That is TLS 1.2 with a client
 * certificate (RFC 5246 section 7.4.8); TLS 1.3 wants PSS.
 */
#ifndef PKCS11_TLS_KEY_H
#define PKCS11_TLS_KEY_H

#include "pkcs11/issue.h"

struct tls_key;

/* by->key, RSA, is copied; sign and arg must live as long as the key. sign is called on the thread
 * that makes the TLS handshake. ERR_FAILED "tls-key". */
int tls_key_new(struct tls_key **out, const struct issue_by *by, struct err *e);
void tls_key_free(struct tls_key *k);

/* Owned by k. */
EVP_PKEY *tls_key_pkey(const struct tls_key *k);

/* Why the last signature could not be made; kind ERR_OK if it could. Good as long as k is. */
const struct err *tls_key_trouble(const struct tls_key *k);

#endif
