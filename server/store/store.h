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

/* ---- administrators ---- */

enum {
	STORE_NAME_MAX = 64,  /* bytes of a user, node or cluster name, NUL included */
	STORE_HASH_MAX = 384, /* bytes of a crypt(3) hash, NUL included (CRYPT_OUTPUT_SIZE) */
};

struct store_user {
	char name[STORE_NAME_MAX];
	char role[16];             /* officer, operator, auditor or viewer */
	char hash[STORE_HASH_MAX]; /* yescrypt */
};

/* ERR_CONFLICT "user-exists". */
int store_user_add(struct store *s, const struct store_user *u, struct err *e);

/* *found tells whether there is such a user; not finding one is no error. */
int store_user_get(struct store *s, const char *name, struct store_user *u, bool *found,
		   struct err *e);

/* ---- the cluster and its nodes ---- */

struct store_cert {
	char role[16];   /* "ccm+tftp", "capf", "provider" */
	struct span der; /* owned by the node it belongs to */
};

struct store_node {
	int64_t id;
	char name[256];           /* host name or address as configured: DNSNAME of its records */
	char ip[46];              /* IPv4 or IPv6 as text; "" if it has none */
	bool first;               /* the publisher */
	bool self;                /* the node this store belongs to */
	struct store_cert *certs; /* ncerts of them, owned */
	size_t ncerts;
};

int store_cluster_name(struct store *s, char name[STORE_NAME_MAX], struct err *e);
int store_cluster_name_set(struct store *s, const char *name, struct err *e);

/* Adds a node with its certificates, in one transaction; sets n->id. ERR_CONFLICT "node-exists". */
int store_node_add(struct store *s, struct store_node *n, struct err *e);

/* All nodes, the first node first. *list is n elements; give it to store_nodes_free(). */
int store_nodes(struct store *s, struct store_node **list, size_t *n, struct err *e);
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

/* Accepts c as generation expected + 1, which it sets, in one transaction: the list, the mode, the
 * history row, and "pending" for every node. ERR_CONFLICT "stale-generation" if the newest is not
 * expected. */
int store_ctl_commit(struct store *s, int64_t expected, struct store_ctl *c, struct err *e);

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
