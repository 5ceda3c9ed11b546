/*
 * A node as it is described to other nodes: what its fields may hold, and its form as JSON.
 *
 *   { "uid": "..", "name": "sub1", "ip": "192.0.2.2", "provider": "192.0.2.2:2444",
 *     "publisher": false, "certificates": [ { "role": "ccm+tftp", "der": "<base64>" } ] }
 */
#ifndef SERVER_CLUSTER_NODE_DESC_H
#define SERVER_CLUSTER_NODE_DESC_H

#include "common/json.h"
#include "server/store/store.h"

enum {
	NODE_NAME_CHARS_MAX = 64, /* it becomes a CN */
	NODE_CERTS_MAX = 16,
	NODE_CERT_MAX = 8192, /* bytes of DER */
	NODES_MAX = 64,       /* in a cluster */
	TFTPS_MAX = 64,       /* outside it */
};

/* A host name or an address of 1 to NODE_NAME_CHARS_MAX characters. ERR_USAGE "node-name". */
int node_name_check(const char *name, struct err *e);

/* An IPv4 or IPv6 address as text. */
bool node_is_address(const char *text);

/* "HOST:PORT", an IPv6 address in brackets. */
void node_provider_text(char text[STORE_PROVIDER_MAX], const char *host, unsigned port);

/* NULL if out of memory. */
json_t *node_desc_json(const struct store_node *n);

/* Reads one back, from a stranger: every field is checked, each certificate decodes, a node
 * other than the publisher has none for CAPF. On success
 * *n is the caller's (store_node_free). ERR_REFUSED "node-description". */
int node_desc_read(struct store_node *n, json_t *doc, struct err *e);

/* All nodes of the cluster: an array, the first node first. */
int nodes_desc_json(json_t **out, struct store *s, struct err *e);

/* A TFTP server outside the cluster (store_tftp.h), from a stranger: a host name, an address or
 * none, and a certificate, DER. On success *t is the caller's (store_node_free). ERR_REFUSED
 * "node-description". */
int tftp_desc_make(struct store_node *t, const char *name, const char *ip, struct span der,
		   struct err *e);

/* All of them, as an array of { "name": "..", "ip": "..", "der": "<base64>" }. */
int tftps_desc_json(json_t **out, struct store *s, struct err *e);

/* Reads such an array; NULL is an empty one. On success *list is the caller's (store_nodes_free).
 */
int tftps_desc_read(struct store_node **list, size_t *n, const json_t *array, struct err *e);

/* Reads an array of them; no uid twice, one publisher. On success *list is the caller's
 * (store_nodes_free). ERR_REFUSED "node-description". */
int nodes_desc_read(struct store_node **list, size_t *n, json_t *array, struct err *e);

#endif
