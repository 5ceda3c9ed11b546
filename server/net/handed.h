/*
 * Listening sockets that a service finds ready when it comes up: handed over by the service manager
 * (sd_listen_fds(3)), or bound before the privileges for that were dropped.
 */
#ifndef SERVER_NET_HANDED_H
#define SERVER_NET_HANDED_H

#include "common/err.h"
#include "common/hostport.h"
#include "common/log.h"

#include <stddef.h>

enum { HANDED_MAX = 16 };

/* Starts as {0}. */
struct handed {
	struct {
		int fd; /* -1: taken */
		char *name;
	} list[HANDED_MAX];
	size_t n;
};

/* Takes over what the service manager has for us; what is too much is closed. */
void handed_take(struct handed *h);

/* Binds sockets of that type for the addresses of at, under that name. Errors: sockets_bind(). */
int handed_bind(struct handed *h, int type, const char *name, const struct hostport *at,
		struct err *e);

/* The sockets of a type under a name, or under any if it is NULL, which have not been given yet.
 * Returns how many were put into fds; they are the caller's. */
size_t handed_give(struct handed *h, int type, const char *name, int *fds, size_t most);

/* Closes those that nobody asked for, and says so in the log (or not, if it is NULL). */
void handed_drop(struct handed *h, const struct log *log);

#endif
