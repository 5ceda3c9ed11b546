/*
 * An HTTPS server on one event loop: HTTP/1.1 over libevent's bufferevent_openssl.
 *
 * Why not evhttp: in libevent 2.1 it answers what it refuses (a body that is too large, a broken
 * head) with a page of its own that cannot be replaced, counts its time limits anew with every byte
 * of a slow client, falls back to plain text when a connection cannot be given TLS, and has no
 * limit for connections. Here every error is a problem document, every phase of a connection has a
 * time limit as a whole, and a full house makes room by closing the connection that has idled
 * longest.
 */
#ifndef SERVER_NET_HTTPS_H
#define SERVER_NET_HTTPS_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"
#include "server/net/http_head.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <stdbool.h>

struct https_server;

/* One request, from the call of the handler to https_reply(). */
struct https_request;

enum {
	HTTPS_PEER_MAX = 64,  /* bytes of an address as text, NUL included */
	HTTPS_FIELDS_MAX = 4, /* header fields a reply may add */
};

/* Called on the loop for each request whose head and body have arrived. It must end, now or later,
 * with one of the replies; until then r and what comes from it stay. */
typedef void https_handler_fn(struct https_request *r, void *arg);

struct https_opts {
	struct event_base *base;
	SSL_CTX *tls;                  /* borrowed; NULL: plain HTTP, for nothing that is secret */
	const struct hostport *listen; /* borrowed for the call; a name may stand for several */
	const int *sockets; /* nsockets of them listen already, instead; the server's own */
	size_t nsockets;
	size_t connections_max;
	size_t body_max;
	size_t body_max_trusted; /* where trusts says yes; 0: no more than others */
	/* Whether a request whose head has arrived may have the larger body; called on the loop.
	 * NULL: none may. */
	bool (*trusts)(const struct https_request *r, void *arg);
	unsigned head_s; /* seconds for the handshake and the head of a request */
	unsigned body_s; /* for its body */
	unsigned idle_s; /* that a connection may wait for its next request */
	https_handler_fn *handler;
	void *arg;
};

/* Listens. ERR_FAILED "listen" (in use, not allowed, no such address). */
int https_listen(struct https_server **out, const struct https_opts *opts, struct err *e);

/* How many connections there may be from now on; those over it end with their request. */
void https_set_connections_max(struct https_server *s, size_t connections_max);

/* Stops listening and closes the connections that are between requests. Requests under way go on;
 * when the last one is answered and gone, drained(arg) is called (at once if there is none). */
void https_drain(struct https_server *s, void (*drained)(void *arg), void *arg);

/* Connections that come from now on get this context, which is borrowed as the one before was; that
 * one is not used any more. */
void https_set_tls(struct https_server *s, SSL_CTX *tls);

/* Closes everything. No request may be waiting for a reply any more. */
void https_free(struct https_server *s);

/* ---- a request ---- */

const char *https_method(const struct https_request *r);
const char *https_path(const struct https_request *r);
const char *https_query(const struct https_request *r);
const char *https_header(const struct https_request *r, const char *name); /* or NULL */
struct span https_body(const struct https_request *r);
const char *https_peer(const struct https_request *r);                 /* the client's address */
const struct sockaddr *https_peer_addr(const struct https_request *r); /* the same, with port */

/* The certificate that the client showed for its connection, and those that came with it; NULL if
 * there are none, or no TLS. That it has the key is certain; whether anybody trusts it is for the
 * caller to judge. Borrowed from r. */
X509 *https_peer_cert(const struct https_request *r);
STACK_OF(X509) * https_peer_chain(const struct https_request *r);

/* ---- its reply ---- */

/* A body that need not be in memory as a whole: pieces are taken as the client takes them. */
struct https_source {
	/* Puts n bytes from at into to; false if they are not there any more: the connection is
	 * broken off then. */
	bool (*read)(void *arg, uint64_t at, uint8_t *to, size_t n);
	void (*done)(void *arg); /* called once, when no more is read */
	void *arg;
	uint64_t at, len; /* the part that is sent */
};

struct https_reply {
	int status;
	const char *type; /* Content-Type; NULL if there is no body */
	struct span body;
	const struct https_source *source; /* instead of body, if not NULL */
	bool may_keep; /* a client may keep it and ask whether it is still good (ETag) */
	struct http_field fields[HTTPS_FIELDS_MAX]; /* further ones, up to a NULL name */
};

/* Sends it, and ends r. */
void https_reply(struct https_request *r, const struct https_reply *reply);

/* Sends e as a problem document with extra members (or NULL; see problem.h) and the header field
 * (or NULL), and ends r. */
void https_reply_problem(struct https_request *r, const struct err *e, json_t *extra,
			 const struct http_field *field);

#endif
