/*
 * The transfers that are running: a fixed number of places, found by the client's address and port.
 */
#ifndef SERVER_TFTP_SESSIONS_H
#define SERVER_TFTP_SESSIONS_H

#include "server/net/tftp_packet.h"
#include "server/tftp/catalog.h"
#include "server/tftp/transfer.h"
#include "server/tftp/udp.h"
#include "server/tftp/wheel.h"

#include <stdint.h>

enum {
	SESSIONS_MAX = 16384, /* a power of two; about 8 MB when all are used */
	SESSION_NAME = 64,
};

struct session {
	struct session *chain;         /* the next of the same hash, or the next free place */
	TAILQ_ENTRY(session) stranger; /* while the client has not answered; oldest first */
	union udp_addr peer;
	union udp_local local; /* answers come from here */
	uint64_t request;      /* hash of the request's bytes: a repeated one is known by it */
	uint64_t started_ms;
	struct content *content;      /* a reference; NULL while the file is being made */
	struct catalog_waiter waiter; /* for that */
	struct tftp_options asked;    /* what the client will get then */
	uint32_t unproven;            /* of LIMIT_UNPROVEN, to be given back when it answers */
	bool is_stranger;
	bool probe;              /* no phone asks: nothing is noted */
	char name[SESSION_NAME]; /* what was asked for, cut to fit: for the log and the notes */
	struct transfer transfer;
	struct wheel_timer timer;
};

struct sessions;

/* NULL if out of memory or randomness. */
struct sessions *sessions_new(void);
/* None may be running. */
void sessions_free(struct sessions *s);

/* One that runs, or NULL. */
struct session *sessions_any(struct sessions *s);

/* A keyed hash, so that strangers cannot choose what collides. */
uint64_t sessions_hash(const struct sessions *s, struct span bytes);
uint64_t sessions_hash_peer(const struct sessions *s, const union udp_addr *peer);

/* The session of a client, or NULL. */
struct session *sessions_find(struct sessions *s, const union udp_addr *peer);

/* A new session for a client that has none, a stranger, zeroed but for peer; NULL if all places are
 * taken. */
struct session *sessions_add(struct sessions *s, const union udp_addr *peer);

/* The stranger who has been silent for longest, or NULL. */
struct session *sessions_stranger(const struct sessions *s);

/* The client has answered: it is no stranger any more. */
void sessions_proven(struct sessions *s, struct session *one);

/* Ends a session: lets go of its content, frees its place. Its timer must not be armed, and it must
 * not wait for a file. */
void sessions_remove(struct sessions *s, struct session *one);

size_t sessions_count(const struct sessions *s);

#endif
