/* Making a node: its name and address, folders, keys and certificates. */
#ifndef SERVER_ADMIN_NODE_MAKE_H
#define SERVER_ADMIN_NODE_MAKE_H

#include "server/admin/make_cert.h"
#include "server/store/store.h"

enum { NODE_MAKE_CERTS = 3 };

struct node_plan {
	const char *name, *ip;           /* NULL until node_find_out() */
	const char *organization, *unit; /* O and OU of the certificates */
	char name_here[256], ip_found[46];
};

/* Fills in what is NULL: the name of this host, the address of that name. ERR_USAGE "node-name",
 * "ip" if it is not fit for a node or cannot be found out. */
int node_find_out(struct node_plan *p, struct err *e);

/* STATE and the folders below it. */
int node_make_folders(const char *state, struct err *e);

/* What keys there are: "provider", "ccm+tftp", "capf". */
struct node_key {
	const char *role, *file; /* STATE/keys/FILE.key, FILE.crt */
	enum make_cert_kind kind;
	int years;
};

/* The key of that role, or NULL. */
const struct node_key *node_key_of(const char *role);

/* Makes key and certificate for the plan; a provider certificate is signed by issuer with
 * issuer_key, unless those are NULL. On success both are the caller's. */
int node_make_pair(EVP_PKEY **key, X509 **cert, const struct node_key *k, const struct node_plan *p,
		   const X509 *issuer, EVP_PKEY *issuer_key, struct err *e);

/* Writes both, and says so on standard output. */
int node_write_pair(const char *state, const struct node_key *k, const EVP_PKEY *key,
		    const X509 *cert, struct err *e);

/* STATE/keys/NAME as a new string, or NULL. */
char *node_key_path(const char *state, const char *name, const char *suffix);

/* Makes and writes the pairs of the roles, up to a NULL; node gets name, ip and certificates, whose
 * DER is in der (buf_free() each). */
int node_make_all(struct store_node *node, struct store_cert certs[NODE_MAKE_CERTS],
		  struct buf der[NODE_MAKE_CERTS], const char *state, const struct node_plan *p,
		  const char *const *roles, struct err *e);

/* Appends the SHA-256 fingerprint of a certificate as people compare it: AA:BB:... */
void node_fingerprint(struct buf *text, struct span der);

#endif
