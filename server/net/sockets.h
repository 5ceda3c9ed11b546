/* Sockets that services listen on. */
#ifndef SERVER_NET_SOCKETS_H
#define SERVER_NET_SOCKETS_H

#include "common/err.h"
#include "common/hostport.h"

#include <stddef.h>

enum { SOCKETS_BACKLOG = 4096 }; /* the system cuts it to net.core.somaxconn */

/* Binds a socket of that type (SOCK_STREAM, which listens then, or SOCK_DGRAM) for every address
 * that at stands for, most of them at most: non-blocking, and closed on exec. *n were put into fds;
 * they are the caller's, also after an error. ERR_FAILED "listen" (in use, not allowed, no such
 * address). */
int sockets_bind(int fds[], size_t most, size_t *n, int type, const struct hostport *at,
		 struct err *e);

#endif
