/* TLS contexts for listeners: one for each listener and policy class. */
#ifndef SERVER_NET_TLS_H
#define SERVER_NET_TLS_H

#include "common/err.h"

#include <openssl/ssl.h>

/* The modern class, for programs of our own and browsers: TLS 1.2 with forward secrecy and AEAD
 * ciphers, and TLS 1.3; no renegotiation, no compression. A client may show a certificate; see
 * https_peer_cert(). cert and key are paths of PEM files, the
 * certificate with its chain behind it. On success *out is the caller's (SSL_CTX_free). ERR_FAILED
 * "tls-certificate" or "tls-key" (missing, unreadable, not the certificate's). */
int tls_modern_ctx(SSL_CTX **out, const char *cert, const char *key, struct err *e);

#endif
