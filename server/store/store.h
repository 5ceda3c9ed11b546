/*
 * The persisted model of a node, in SQLite: STATE/store.db, WAL, STRICT tables, foreign keys.
 *
 * Services meet here and only here. One struct store belongs to one thread; open one per thread,
 * never across a fork. Every function returns 0 or the kind of its error; a full disk is
 * ERR_FAILED "disk-full", another failure of SQLite ERR_FAILED "store". A busy store is waited for.
 */
#ifndef SERVER_STORE_STORE_H
#define SERVER_STORE_STORE_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

enum store_access {
	STORE_CREATE, /* make folder and store if they are missing (ctladmin only) */
	STORE_WRITE,
	STORE_READ,
};

/* Opens the store below the folder state. ERR_FAILED "no-store" with a hint to "ctladmin node init"
 * if there is none (STORE_WRITE, STORE_READ); "store-version" if it was made by a newer ctlsuite.
 * A store of an older version is brought up to date in one transaction (not with STORE_READ). */
int store_open(struct store **out, const char *state, enum store_access access, struct err *e);
void store_close(struct store *s);

/* Grows with every committed change of any process; cheap (PRAGMA data_version underneath). */
int store_change_counter(struct store *s, int64_t *counter, struct err *e);

/* Changes between these two are committed together, with one wait for the disk: nothing of them is
 * certain before store_batch_end() has returned 0. A single change that fails leaves no trace. */
int store_batch_begin(struct store *s, struct err *e);
int store_batch_end(struct store *s, struct err *e);

/* Copies the store as it is at this moment into a new file. */
int store_copy(struct store *s, const char *path, struct err *e);

/* Every change happens between these, and is one transaction. store_end() commits if rc is 0, else
 * rolls back; it returns rc or the kind of the failed commit. Whoever has several changes to make
 * begins and ends himself: each of them can then fail without undoing those before it, and nothing
 * counts until the outer end. */
int store_begin(struct store *s, struct err *e);
int store_end(struct store *s, int rc, struct err *e);

/* ---- administrators ---- */

enum {
	STORE_NAME_MAX = 64,  /* bytes of a user, node or cluster name, NUL included */
	STORE_HASH_MAX = 384, /* bytes of a crypt(3) hash, NUL included (CRYPT_OUTPUT_SIZE) */
};

struct store_user {
	char name[STORE_NAME_MAX];
	char role[16];             /* officer, operator, auditor or viewer */
	char hash[STORE_HASH_MAX]; /* yescrypt */
	bool locked;
	bool has_cert; /* logging in takes the client certificate with this SHA-256, too */
	uint8_t cert[32];
	int64_t version; /* read, never written: another one after every change */
};

/* Every change of an account is a row of the audit log (audit.h) in the same transaction. */

/* ERR_CONFLICT "user-exists". */
int store_user_add(struct store *s, const struct store_user *u, struct err *e);

/* *found tells whether there is such a user; not finding one is no error. */
int store_user_get(struct store *s, const char *name, struct store_user *u, bool *found,
		   struct err *e);

/* All of them, by name. *list is n elements; free() it. */
int store_users(struct store *s, struct store_user **list, size_t *n, struct err *e);

enum store_user_field {
	STORE_USER_ROLE,
	STORE_USER_PASSWORD, /* hash */
	STORE_USER_LOCKED,
	STORE_USER_CERT, /* has_cert and cert */
};

/* Gives the account u->name that field of u. ERR_FAILED "no-user"; ERR_REFUSED "last-officer" if
 * nobody who could log in as an officer would be left. */
int store_user_change(struct store *s, const struct store_user *u, enum store_user_field field,
		      struct err *e);

/* Errors as above. */
int store_user_remove(struct store *s, const char *name, struct err *e);

/* ---- the cluster and its nodes ---- */

/* Roles of certificates of CAPF that phones do not connect to: the one that issues, if it is not
 * "capf" itself. */
#define STORE_ROLE_CAPF_ISSUER "capf-issuer"
/* A third-party authority that issues instead. */
#define STORE_ROLE_CAPF_EXTERNAL "capf-external"

struct store_cert {
	char role[16];   /* "ccm+tftp", "capf", "provider", those of CAPF's issuers */
	struct span der; /* owned by the node it belongs to */
};

enum {
	STORE_UID_MAX = 33,       /* 32 hexadecimal digits and a NUL */
	STORE_PROVIDER_MAX = 264, /* "HOST:PORT", "[v6]:PORT" */
};

struct store_node {
	int64_t id;
	char uid[STORE_UID_MAX]; /* what stays when name, address and certificates change */
	char name[256];          /* host name or address as configured: DNSNAME of its records */
	char ip[46];             /* IPv4 or IPv6 as text; "" if it has none */
	char provider[STORE_PROVIDER_MAX]; /* where its provider answers other nodes; "" if unknown
					    */
	bool first;                        /* the publisher */
	bool self;                         /* the node this store belongs to */
	bool outside;                      /* no node: a TFTP server outside the cluster */
	struct store_cert *certs;          /* ncerts of them, owned */
	size_t ncerts;
};

int store_cluster_name(struct store *s, char name[STORE_NAME_MAX], struct err *e);
int store_cluster_name_set(struct store *s, const char *name, struct err *e);

/* Adds a node with its certificates, in one transaction; sets n->id, and a new n->uid if that is
 * empty. ERR_CONFLICT "node-exists" (the name or the uid is there; also as that of a TFTP server
 * outside the cluster). */
int store_node_add(struct store *s, struct store_node *n, struct err *e);

/* Brings name, ip, provider and certificates of the node with n->uid in line with n, in one
 * transaction; *changed tells whether there was anything to do. ERR_FAILED "no-node"; ERR_CONFLICT
 * "node-exists" if the name is another node's. */
int store_node_update(struct store *s, const struct store_node *n, bool *changed, struct err *e);

/* Forgets a node, its distribution state included. ERR_FAILED "no-node". Not for the first node or
 * this one: ERR_REFUSED "node-needed". */
int store_node_remove(struct store *s, const char *name, struct err *e);

enum { STORE_DIGEST_TEXT = 65 };

/* A cluster as its first node describes it; everything is borrowed. */
struct store_description {
	const char *name;
	const struct store_node *nodes; /* nnodes of them */
	size_t nnodes;
	const struct store_node *tftps; /* ntftps of them: store_tftp.h */
	size_t ntftps;
	const char *digest; /* for store_described() */
};

/* Takes the description over, in one transaction: nodes are matched by uid. This node's own row
 * stays as it is, also if the description does not have it. */
int store_describe(struct store *s, const struct store_description *d, struct err *e);

/* The digest of the description taken last; "" if there was none. */
int store_described(struct store *s, char digest[STORE_DIGEST_TEXT], struct err *e);

/* Grows with every change of a node or certificate. */
int store_cluster_revision(struct store *s, int64_t *revision, struct err *e);

/* ---- invitations to join ---- */

enum { STORE_INVITE_HASH = 32 };

struct store_invite {
	char name[256]; /* of the node that may join */
	uint8_t hash[STORE_INVITE_HASH];
	int64_t expires;             /* seconds since 1970 */
	char used_by[STORE_UID_MAX]; /* "": nobody yet */
};

/* Notes an invitation; a former one for the same name is void, and those that expired before now
 * are forgotten. */
int store_invite_put(struct store *s, const struct store_invite *i, int64_t now, struct err *e);

/* *found tells whether there is one for that name. */
int store_invite_get(struct store *s, const char *name, struct store_invite *i, bool *found,
		     struct err *e);

/* Uses the invitation i up for the new node n: adds n, in one transaction. Again with the same uid
 * (an answer got lost): brings n up to date instead. ERR_REFUSED "invitation" if somebody else was
 * quicker, or if it is gone. */
int store_invite_use(struct store *s, const struct store_invite *i, struct store_node *n,
		     struct err *e);

/* ---- reading nodes ---- */

/* The node this store belongs to; ERR_FAILED "no-node" if there is none. store_node_free() it. */
int store_node_self(struct store *s, struct store_node *n, struct err *e);

/* By name; ERR_FAILED "no-node". store_node_free() it. */
int store_node_get(struct store *s, const char *name, struct store_node *n, struct err *e);
void store_node_free(struct store_node *n);

/* The first certificate of a node with that role; NULL if it has none. */
const struct store_cert *store_node_cert(const struct store_node *n, const char *role);

/* All nodes, the first node first. *list is n elements; give it to store_nodes_free(). */
int store_nodes(struct store *s, struct store_node **list, size_t *n, struct err *e);

/* All servers that belong into the list: the nodes, then the TFTP servers outside the cluster
 * (store_tftp.h). As store_nodes(). */
int store_servers(struct store *s, struct store_node **list, size_t *n, struct err *e);
void store_nodes_free(struct store_node *list, size_t n);

/* ---- the CTL, by generations ---- */

/* Who signed a list, in the words of its header; what is too long is cut. */
struct store_signer {
	char subject[512], issuer[512];
	char serial[128]; /* lower-case hexadecimal digits */
};

struct store_ctl {
	int64_t generation; /* 0: there is none yet, and the rest is empty */
	int64_t time;       /* when it was accepted, seconds since 1970 */
	char user[STORE_NAME_MAX];
	char address[64]; /* of the client that pushed it */
	bool mixed;       /* security mode that goes with it */
	struct store_signer signer;
	size_t size; /* of the file and its digest: read, never written */
	uint8_t sha256[32];
	struct buf file;       /* the list, byte for byte; owned */
	struct buf difference; /* text of tl_diff_text() to the generation before; owned */
};

void store_ctl_free(struct store_ctl *c);

/* The newest accepted generation. */
int store_ctl_current(struct store *s, struct store_ctl *c, struct err *e);

/* One generation; c->generation is 0 if there is none of that number. */
int store_ctl_at(struct store *s, int64_t generation, struct store_ctl *c, struct err *e);

/* Whether this store comes from a backup, and no list was accepted here since: then other nodes may
 * have newer ones that were. */
int store_restored(struct store *s, bool *restored, struct err *e);
int store_restored_set(struct store *s, struct err *e);

/* What a list was checked against, and must still hold when it is accepted. */
struct store_expected {
	int64_t generation; /* the newest, which the list is made from */
	int64_t revision;   /* store_cluster_revision() */
};

/* Accepts c as the generation after the expected one, which it sets, in one transaction: the list,
 * the mode, the history row, and "pending" for every node. ERR_CONFLICT "stale-generation" if the
 * newest is not the expected one, "stale-cluster" if a node or certificate has changed since. */
int store_ctl_commit(struct store *s, const struct store_expected *expected, struct store_ctl *c,
		     struct err *e);

/* Notes c->generation as accepted elsewhere (by the first node of the cluster), in one transaction
 * with "pending" for this node. ERR_CONFLICT "stale-generation" unless it is newer than all. */
int store_ctl_receive(struct store *s, struct store_ctl *c, struct err *e);

/* The history, newest first, limit generations at most, without the files. *list is n elements;
 * store_ctl_free() each, then free(). */
int store_ctl_history(struct store *s, size_t limit, struct store_ctl **list, size_t *n,
		      struct err *e);

/* ---- distribution ---- */

enum store_dist_state { STORE_PENDING, STORE_DELIVERED, STORE_ACTIVE, STORE_FAILED };

struct store_dist {
	int64_t node;       /* id */
	char name[256];     /* of the node */
	int64_t generation; /* the one this state speaks of */
	enum store_dist_state state;
	int64_t time;     /* of the last change */
	char detail[512]; /* where the file lies, or why it failed */
};

/* Notes d, unless what is known of that node is of a newer generation already. */
int store_dist_set(struct store *s, const struct store_dist *d, struct err *e);

/* The state of every node that was part of a commit, the first node first. *list is n elements;
 * free() it. */
int store_dist_list(struct store *s, struct store_dist **list, size_t *n, struct err *e);
const char *store_dist_word(enum store_dist_state state);

/* ---- what this node serves: list and mode, switched together ---- */

struct store_active {
	int64_t generation; /* 0: nothing is active */
	bool mixed;
	struct buf file; /* owned; buf_free() it */
};

int store_active_get(struct store *s, struct store_active *a, struct err *e);

/* Makes a the active list of this node, in one transaction with its distribution state "active"
 * (detail says where the file lies). */
int store_active_set(struct store *s, const struct store_active *a, const char *detail,
		     struct err *e);

#endif
