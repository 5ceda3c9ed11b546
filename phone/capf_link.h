/*
 * A phone's connection to CAPF: TCP, TLS, and a time limit for everything. Blocks the caller. Who
 * the server is, is for the caller to judge.
 */
#ifndef PHONE_CAPF_LINK_H
#define PHONE_CAPF_LINK_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"

#include <openssl/ssl.h>

struct capf_link;

enum { CAPF_LINK_WAIT_S = 20 };

/* How to speak: tls is the one version (TLS1_VERSION for a 79xx, whose ciphers it has then), or
 * 0: 1.2 and newer. SSL_CTX_free(). ERR_FAILED "tls". */
int capf_link_ctx(SSL_CTX **out, int tls, struct err *e);

/* Connects; ctx is borrowed until the end. ERR_FAILED "capf-connect" (nobody there, or no TLS),
 * which a phone tries again after. */
int capf_link_open(struct capf_link **out, const struct hostport *server, SSL_CTX *ctx,
		   struct err *e);

/* The server's certificate, DER; of l. */
struct span capf_link_peer(const struct capf_link *l);

/* One write. ERR_FAILED "capf-broken". */
int capf_link_send(struct capf_link *l, struct span bytes, struct err *e);

/* Some bytes, at least one. ERR_FAILED "capf-broken" if the connection has ended or nothing came in
 * time. */
int capf_link_receive(struct capf_link *l, uint8_t *to, size_t max, size_t *n, struct err *e);

void capf_link_close(struct capf_link *l);

#endif
