/*
 * Where phones' connections live: a few threads, each with an event loop of its own. A TLS
 * handshake costs as much as a certificate; on one loop, one core would do all of them, and nobody
 * could connect meanwhile.
 */
#ifndef SERVER_CAPF_LANES_H
#define SERVER_CAPF_LANES_H

#include "server/capf/desk.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

struct lanes;

struct lanes_opts {
	size_t lanes;
	SSL_CTX *tls;           /* borrowed */
	struct desk *desk;      /* borrowed */
	size_t connections_max; /* in all */
	unsigned patience_s;    /* in which a phone has to say who it is */
	const struct log *log;
};

/* Starts the threads. ERR_FAILED "lanes". */
int lanes_start(struct lanes **out, const struct lanes_opts *opts, struct err *e);

/* From the accepting loop: a phone has connected. fd is the lanes' own from now on. When all
 * connections are taken, the one that has been silent longest makes room; phones that work on their
 * certificate are left alone. */
void lanes_take(struct lanes *l, int fd, const struct sockaddr *sa, socklen_t n);

/* Closes the connections, waits for what is under way, and ends the threads. The desk still has to
 * work. */
void lanes_stop(struct lanes *l);

#endif
