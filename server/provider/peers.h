/*
 * Who of the nodes a connection comes from, by the certificate it was made with.
 */
#ifndef SERVER_PROVIDER_PEERS_H
#define SERVER_PROVIDER_PEERS_H

#include "server/store/store.h"

#include <openssl/x509.h>

/* What a connection showed; borrowed. */
struct peer {
	X509 *cert; /* NULL: nothing */
	const STACK_OF(X509) * chain;
};

/* ERR_REFUSED "node-only" unless it comes from the first node of the cluster (whose provider
 * certificate p has, see server/net/pin.h), and this is another one. On a worker. */
int peer_is_first(const struct peer *p, struct store *s, struct err *e);

/* ERR_REFUSED "node-only" unless it comes from a node of the cluster, whose uid is then copied. */
int peer_is_node(const struct peer *p, struct store *s, char uid[STORE_UID_MAX], struct err *e);

/* ---- for the event loop, which does not look into the store ---- */

/* The first node's certificate, remembered. Any thread. */
struct peers;

struct peers *peers_new(void); /* or NULL */
void peers_free(struct peers *p);

/* Remembers what the store says. On a worker. */
int peers_refresh(struct peers *p, struct store *s, struct err *e);

/* Whether it seems to come from the first node: to be asked again with peer_is_first(). */
bool peers_seems_first(struct peers *p, const struct peer *peer);

#endif
