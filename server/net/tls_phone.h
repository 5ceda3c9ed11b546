/*
 * TLS for phones, in two policy classes on one port. A phone belongs to the class that its
 * ClientHello shows: the first that can do what the modern one asks for gets that and nothing less;
 * what only the old ones can is for the old ones, and only where it is switched on.
 */
#ifndef SERVER_NET_TLS_PHONE_H
#define SERVER_NET_TLS_PHONE_H

#include "common/err.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* The modern class: TLS 1.2 with forward secrecy and AEAD ciphers, and TLS 1.3. The legacy class:
 * TLS 1.0 to 1.2 at OpenSSL's security level 0, with AES and SHA-1 or better, with and without
 * forward secrecy; no RC4, no 3DES, no NULL, no export ciphers, no finite-field groups, no SSL 3.0.
 * No client is asked for a certificate; no session is resumed. cert and key stay the caller's. On
 * success *out is the caller's (SSL_CTX_free). ERR_FAILED "tls-key". */
int tls_phone_ctx(SSL_CTX **out, X509 *cert, EVP_PKEY *key, bool legacy, struct err *e);

#endif
