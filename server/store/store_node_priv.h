/* What the files about nodes share; all of it happens inside a transaction of the caller. */
#ifndef SERVER_STORE_STORE_NODE_PRIV_H
#define SERVER_STORE_STORE_NODE_PRIV_H

#include "server/store/store_priv.h"

int store_cluster_put_name(struct store *s, const char *name, struct err *e);

/* Notes the digest of the description that was taken over. */
int store_cluster_put_described(struct store *s, const char *digest, struct err *e);

/* Adds n, or brings the node with its uid up to date; sets n->id. ERR_CONFLICT "node-exists" if the
 * name is another node's. */
int store_node_put(struct store *s, struct store_node *n, struct err *e);

/* A TFTP server outside the cluster, and all of them (store_tftp.h). */
int store_tftp_put_row(struct store *s, const struct store_node *t, struct err *e);
int store_tftps_drop(struct store *s, struct err *e);

/* Whether a row has that name: sql, a literal, selects it by one parameter. */
int store_name_is_taken(struct store *s, const char *sql, const char *name, bool *taken,
			struct err *e);

/* ERR_FAILED "no-node"; returns its kind. */
int store_node_missing(const char *name, struct err *e);

#endif
