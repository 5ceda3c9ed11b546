/*
 * The audit log: who decided what, from where, with which token. Append-only (triggers refuse
 * anything else) and chained: every row's hash is made from the hash of the row before, so that a
 * row that was changed, removed or put elsewhere shows. That rows were cut off at the end shows by
 * comparing with a head (number and hash of the last row) that was kept elsewhere.
 *
 * The hash of a row is SHA-256 over: the hash of the row before (32 zero bytes for the first);
 * number, time (seconds since 1970) and 1 or 0 for accepted, 64 bits each; user, address, action,
 * token and detail, each as 32 bits of length in bytes and its UTF-8 text. All big-endian.
 */
#ifndef SERVER_STORE_AUDIT_H
#define SERVER_STORE_AUDIT_H

#include "server/store/store.h"

enum {
	AUDIT_HASH_LEN = 32,
	AUDIT_DETAIL_MAX = 8 * 1024, /* bytes; longer ones are cut */
};

/* A row on its way in. Who and from where is said by store_act_as(). */
struct audit_entry {
	const char *action; /* "login", "ctl", "user", "node", "session", "backup" */
	bool accepted;
	const char *token;  /* subject and serial number of the token behind it; NULL or "": none */
	const char *detail; /* what changed, or why it was refused */
};

struct audit_row {
	int64_t number; /* 1, 2, 3, ... */
	int64_t time;
	bool accepted;
	char user[STORE_NAME_MAX], address[64], action[16], token[768];
	bool whole; /* false: a text is longer than it can be, and was cut */
	struct buf detail;
	uint8_t hash[AUDIT_HASH_LEN];
};

struct audit_head {
	int64_t number; /* 0: the log is empty, and hash is all zero */
	uint8_t hash[AUDIT_HASH_LEN];
};

/* Who is behind what is done through this handle from now on, and from where. NULL and NULL: the
 * user that this process runs as, from "local"; so it is when a store has been opened. */
void store_act_as(struct store *s, const char *user, const char *address);

/* Appends a row, in a transaction of its own. */
int audit_add(struct store *s, const struct audit_entry *a, struct err *e);

/* Number and hash of the last row. */
int audit_head(struct store *s, struct audit_head *head, struct err *e);

/* Called with one row after the other, which is only lent. Not 0 ends the reading. */
typedef int audit_row_fn(const struct audit_row *row, void *arg, struct err *e);

/* Reads rows behind the one numbered after, limit of them at most, in their order. */
int audit_read(struct store *s, int64_t after, size_t limit, audit_row_fn *fn, void *arg,
	       struct err *e);

/* Reads the whole log and checks every row against the one before; *head is the last good one.
 * known, or NULL, are nknown heads kept elsewhere, each of which must be a row of the log.
 * ERR_REFUSED "audit-removed", "audit-changed" or "audit-truncated". */
int audit_verify(struct store *s, const struct audit_head *known, size_t nknown,
		 struct audit_head *head, struct err *e);

#endif
