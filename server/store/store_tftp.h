/*
 * TFTP servers outside the cluster: phones may load from them, so the CTL names them, but nothing
 * is distributed to them. Each is a struct store_node with name, ip and one certificate, whose role
 * is STORE_TFTP_ROLE; outside is true, the rest empty.
 */
#ifndef SERVER_STORE_STORE_TFTP_H
#define SERVER_STORE_STORE_TFTP_H

#include "server/store/store.h"

#define STORE_TFTP_ROLE "tftp"

/* Adds one, or gives the one of that name another address and certificate. ERR_CONFLICT
 * "node-exists" if the name is a node's. */
int store_tftp_put(struct store *s, const struct store_node *t, struct err *e);

/* ERR_FAILED "no-tftp-server". */
int store_tftp_remove(struct store *s, const char *name, struct err *e);

/* All of them, by name; as store_nodes(). */
int store_tftps(struct store *s, struct store_node **list, size_t *n, struct err *e);

#endif
