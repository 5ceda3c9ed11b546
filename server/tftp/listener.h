/*
 * The TFTP service on an event loop: requests come in at one socket, transfers run over a few
 * others, whose ports are the server's transfer identifiers (RFC 1350 section 4).
 */
#ifndef SERVER_TFTP_LISTENER_H
#define SERVER_TFTP_LISTENER_H

#include "common/err.h"
#include "common/hostport.h"
#include "common/log.h"
#include "server/tftp/source.h"

#include <event2/event.h>

struct listener;

/* Binds its sockets and adds itself to base. The port for requests is fd, which is the listener's
 * own from now on, or, if that is -1, a new socket at at. base and log must outlive it. ERR_FAILED
 * "listen". */
int listener_open(struct listener **out, struct event_base *base, const struct hostport *at, int fd,
		  const struct log *log, struct err *e);

/* From now on, serves what source has, which must live as long as base is dispatched. */
int listener_serve(struct listener *l, struct source *source, struct err *e);

void listener_close(struct listener *l);

#endif
