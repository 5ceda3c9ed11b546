/* What the files of the store share: transactions, and statements with sticky errors. */
#ifndef SERVER_STORE_STORE_PRIV_H
#define SERVER_STORE_STORE_PRIV_H

#include "server/store/store.h"

#include <sqlite3.h>

struct store_stmt {
	const char *sql; /* the literal it was made from: compared by address */
	sqlite3_stmt *st;
};

struct store {
	sqlite3 *db;
	char *path;               /* of store.db */
	struct store_stmt *stmts; /* prepared so far, nstmts of them */
	size_t nstmts;
	int64_t commits;                        /* made through this handle */
	int depth;                              /* of store_begin() */
	uint8_t *secrets_key;                   /* seal.h; owned, NULL until it is needed */
	char user[STORE_NAME_MAX], address[64]; /* who acts, for the audit log */
};

/* Turns what SQLite complained about last into an error; doing is what was attempted ("add the
 * user"). */
int store_fail(struct store *s, const char *doing, struct err *e);

/* Runs SQL that binds nothing and has no rows. */
int store_exec(struct store *s, const char *sql, const char *doing, struct err *e);

/* Brings the schema up to date, or refuses one that is not ours (store_open). */
int store_schema_check(struct store *s, enum store_access access, struct err *e);

/* Appends a row to the audit log (audit.h), inside the transaction that does what it tells of. */
struct audit_entry;
int audit_put(struct store *s, const struct audit_entry *a, struct err *e);

/* As audit_put, for something accepted without a token. */
int audit_putf(struct store *s, const char *action, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Wipes the key of seal.h out of memory. */
void seal_forget(struct store *s);

/* One run of a statement. Bindings and columns are taken in order. After a failure everything does
 * nothing until query_end(), which tells. */
struct query {
	struct store *s;
	sqlite3_stmt *st;
	int at; /* the next parameter, then the next column */
	int rc;
};

/* Takes sql, which must be a literal, from the cache or prepares it. */
void query_start(struct query *q, struct store *s, const char *sql);
void query_put_int(struct query *q, int64_t v);
void query_put_id(struct query *q, int64_t id);         /* 0 is bound as NULL */
void query_put_text(struct query *q, const char *text); /* must live until query_end() */
void query_put_blob(struct query *q, struct span s);    /* as above */

/* Steps; true if there is a row, whose columns may be read then. */
bool query_row(struct query *q);
int64_t query_int(struct query *q);
void query_text(struct query *q, char *to, size_t size);
void query_blob(struct query *q, struct buf *to); /* appends; also the bytes of a text */

/* Ends the run. 0, or the kind of the error in e. */
int query_end(struct query *q, const char *doing, struct err *e);

/* Steps a statement that has no rows, and ends it. */
int query_run(struct query *q, const char *doing, struct err *e);

#endif
