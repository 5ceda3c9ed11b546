/*
 * What nodes tell each other, from the answering side (doc/api.md, "Between nodes"). On a worker.
 */
#ifndef SERVER_PROVIDER_NODE_API_H
#define SERVER_PROVIDER_NODE_API_H

#include "common/hostport.h"
#include "common/log.h"
#include "server/provider/activate.h"
#include "server/provider/peers.h"

#include <jansson.h>

/* One request. All borrowed. */
struct node_call {
	const char *state; /* folder */
	const struct log *log;
	struct activator *activator;
	struct peers *peers;
	struct peer from;
	const char *address; /* of the client */
	struct span body;
	int64_t after; /* generation that the query names; 0: none */
	bool news;     /* out: the couriers have something to do */
};

/* ERR_FAILED "not-publisher", naming the publisher, unless this is it. */
int node_api_must_be_first(struct store *s, struct err *e);

/* POST /nodes/join: a new node with an invitation. ERR_REFUSED "invitation". */
int node_api_join(json_t **out, struct node_call *c, struct store *s, struct err *e);

/* POST /nodes/hello: a node of the cluster says where and what it is now. */
int node_api_hello(json_t **out, struct node_call *c, struct store *s, struct err *e);

/* GET /node; PUT /node/ctl: what the first node brings. For the first node only. The answer of both
 * is what this node is and has:
 *   { "node": see node_desc.h, "described": digest of the description taken last, "generation": the
 *     newest list that was verified, "sha256": its digest, "active": the generation that is served,
 *     "failure": why that is not the newest, or "" } */
int node_api_get(json_t **out, struct node_call *c, struct store *s, struct err *e);
int node_api_put(json_t **out, struct node_call *c, struct store *s, struct err *e);

/* GET /node/ctl?after=N: the generations after N, for a first node that was restored from a backup.
 */
int node_api_lists(json_t **out, struct node_call *c, struct store *s, struct err *e);

/* Notes where this node's provider listens, as other nodes reach it: a listen address for all
 * interfaces stands for the node's own. */
int node_api_note_address(struct store *s, const struct hostport *listen, struct err *e);

/* Brings what depends on the nodes in line with the store: files of CAPF certificates, and whom the
 * loop trusts. */
int node_api_sync(const char *state, struct peers *peers, struct store *s, struct err *e);

#endif
