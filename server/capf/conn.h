/* One phone's connection, on its lane: TLS, time limits, and the session's wishes carried out. */
#ifndef SERVER_CAPF_CONN_H
#define SERVER_CAPF_CONN_H

#include "server/capf/desk.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/queue.h>

enum { CONN_PEER_MAX = 64 };

struct conn;
TAILQ_HEAD(conn_list, conn);

/* A thread with a loop, and what lives on it. Used on that thread only. */
struct lane {
	pthread_t thread;
	struct event_base *base;
	struct mailbox *mailbox;
	SSL_CTX *tls;
	struct desk *desk;
	atomic_size_t *nconns; /* of all lanes together */
	size_t connections_max;
	unsigned patience_s;           /* to say who it is */
	atomic_uint_fast32_t *next_id; /* of a session */
	struct log_limit log;
	struct conn_list silent;  /* nobody has said who it is; the oldest first */
	struct conn_list working; /* the others */
	bool stopping;
};

/* Takes a connection over. */
void conn_open(struct lane *lane, int fd, const char *peer);

/* Closes all that nothing is under way for; the loop ends with the last. */
void lane_stop(struct lane *lane);

#endif
