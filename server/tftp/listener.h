/*
 * The TFTP service on an event loop: requests come in at one socket, transfers run over a few
 * others, whose ports are the server's transfer identifiers (RFC 1350 section 4). A client whose
 * file is not made yet waits without a word: it gets the first packet when there is one.
 */
#ifndef SERVER_TFTP_LISTENER_H
#define SERVER_TFTP_LISTENER_H

#include "common/err.h"
#include "common/hostport.h"
#include "common/log.h"
#include "server/tftp/serve.h"

#include <event2/event.h>

struct listener;

struct listener_opts {
	struct event_base *base;
	const struct hostport *at; /* borrowed for the call */
	int fd; /* the port for requests, the listener's own from now on; -1: a new socket at at */
	struct serve *serve;
	const struct log *log;
};

/* Binds its sockets and adds itself to the base; base, serve and log must outlive it. ERR_FAILED
 * "listen". */
int listener_open(struct listener **out, const struct listener_opts *opts, struct err *e);

void listener_close(struct listener *l);

#endif
