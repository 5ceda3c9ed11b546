/*
 * The same files over HTTP and HTTPS: GET and HEAD, with ETag and ranges. Nothing is listed.
 *
 * Passwords in the clear go over HTTPS only to the phone whose certificate CAPF knows; over HTTP,
 * as over TFTP, nobody can tell who asks.
 */
#ifndef SERVER_TFTP_WEB_H
#define SERVER_TFTP_WEB_H

#include "common/hostport.h"
#include "common/log.h"
#include "server/tftp/serve.h"

#include <event2/event.h>
#include <openssl/ssl.h>

struct web;

struct web_opts {
	struct event_base *base;
	const struct hostport *at; /* borrowed for the call */
	const int *sockets; /* nsockets of them listen already, instead; its own from now on */
	size_t nsockets;
	SSL_CTX *tls; /* taken over on success; NULL: plain HTTP */
	struct serve *serve;
	const struct log *log;
};

enum { WEB_CONNECTIONS = 4096, WEB_SOCKETS = 8 };

/* Listens; base, serve and log must outlive it. ERR_FAILED "listen". */
int web_open(struct web **out, const struct web_opts *opts, struct err *e);

/* Who waits for a file is told that there is none at the moment. */
void web_close(struct web *w);

#endif
