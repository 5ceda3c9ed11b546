/* The port that phones connect to: accepts, and hands over. */
#ifndef SERVER_CAPF_LISTEN_H
#define SERVER_CAPF_LISTEN_H

#include "common/err.h"
#include "common/hostport.h"

#include <event2/event.h>
#include <sys/socket.h>

struct listen;

/* fd is the receiver's own. */
typedef void listen_fn(int fd, const struct sockaddr *sa, socklen_t n, void *arg);

/* Takes the port, at at or as n sockets that listen already (the listen's own from now on), with
 * room for many phones that connect at once: after a power failure all of them do. ERR_FAILED
 * "listen". */
int listen_open(struct listen **out, struct event_base *base, const struct hostport *at,
		const int *sockets, size_t n, struct err *e);

/* Accepts from now on. */
int listen_begin(struct listen *l, listen_fn *fn, void *arg, struct err *e);

void listen_close(struct listen *l);

#endif
