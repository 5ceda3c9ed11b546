/*
 * "Something changed in the store": a datagram from one service of a node to all others, through
 * sockets in STATE/run. It carries no content; who hears it looks into the store. It may get lost,
 * so listeners also look from time to time.
 */
#ifndef SERVER_STORE_NOTIFY_H
#define SERVER_STORE_NOTIFY_H

#include "common/err.h"

/* Listens as STATE/run/service.sock (a stale one is replaced). On success *fd is a non-blocking
 * descriptor to watch for reading and drain; end with notify_close(), which removes the socket. */
int notify_listen(int *fd, const char *state, const char *service, struct err *e);
void notify_close(int fd, const char *state, const char *service);

/* Reads and drops all waiting datagrams. */
void notify_drain(int fd);

/* Tells every listener of the node; failures do not matter. */
void notify_all(const char *state);

#endif
