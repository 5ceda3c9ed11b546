/* The server records of a CTL against the cluster they should describe. Pure. */
#ifndef SERVER_PROVIDER_CTL_SERVERS_H
#define SERVER_PROVIDER_CTL_SERVERS_H

#include "server/store/store.h"
#include "trustfile/list.h"

/* nodes are those of store_servers(). Every record with a role other than SAST must be one that the
 * cluster demands, and each of those must be there: for every CTL certificate of every node a
 * record of its role, DNSNAME the node's name, IPADDRESS its IPv4 address (none without one). In
 * mixed mode all of them carry their certificate; in non-secure mode those for call control and
 * TFTP are bare. ERR_REFUSED: ctl-mode               some call control or TFTP records carry a
 * certificate, some do not ctl-server-missing     no record for a node and role
 *   ctl-server-certificate there is one, but with another certificate, or half of one
 *   ctl-server-address     there is one, but with another address
 *   ctl-server-unknown     a record of a server that is not in the cluster */
int ctl_servers_check(const struct tl *l, const struct store_node *nodes, size_t nnodes,
		      struct err *e);

#endif
