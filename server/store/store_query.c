/* Transactions, statements, and what SQLite has to complain about. */
#include "server/store/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- errors ---- */

static bool disk_is_full(sqlite3 *db)
{
	const int code = sqlite3_errcode(db);
	const int why = sqlite3_system_errno(db);

	return code == SQLITE_FULL || ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) &&
				       (why == ENOSPC || why == EDQUOT));
}

int store_fail(struct store *s, const char *doing, struct err *e)
{
	if (disk_is_full(s->db)) {
		err_set(e, ERR_FAILED, "disk-full",
			"cannot %s: the disk with %s is full; nothing was changed", doing, s->path);
		return err_hint(e, "free some space on that file system and try again");
	}
	return err_set(e, ERR_FAILED, "store", "cannot %s in %s: %s", doing, s->path,
		       sqlite3_errmsg(s->db));
}

/* ---- transactions ---- */

int store_exec(struct store *s, const char *sql, const char *doing, struct err *e)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
								       : store_fail(s, doing, e);
}

int store_begin(struct store *s, struct err *e)
{
	/* Not deferred: a transaction that starts as a reader may find itself unable to write. */
	const char *sql = s->depth ? "SAVEPOINT inner_change" : "BEGIN IMMEDIATE";
	int rc;

	/* A savepoint of its own would be a transaction of its own. */
	if (s->depth && sqlite3_get_autocommit(s->db))
		return err_set(e, ERR_FAILED, "store",
			       "cannot go on in %s: an earlier failure undid the whole change",
			       s->path);
	rc = store_exec(s, sql, "begin a change", e);
	if (!rc)
		s->depth++;
	return rc;
}

static int end_inner(struct store *s, int rc, struct err *e)
{
	if (!rc)
		return store_exec(s, "RELEASE inner_change", "end a change", e);
	/* A failure that took the whole transaction with it has no savepoints any more. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK TO inner_change; RELEASE inner_change", NULL, NULL,
			     NULL);
	return rc;
}

int store_end(struct store *s, int rc, struct err *e)
{
	if (--s->depth)
		return end_inner(s, rc, e);
	if (!rc)
		rc = store_exec(s, "COMMIT", "commit a change", e);
	if (!rc)
		s->commits++;
	else if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int store_batch_begin(struct store *s, struct err *e)
{
	return store_begin(s, e);
}

int store_batch_end(struct store *s, struct err *e)
{
	/* A change may have failed so badly, on a full disk, that SQLite took all of them back. */
	if (sqlite3_get_autocommit(s->db))
		return store_end(s,
				 err_set(e, ERR_FAILED, "store",
					 "the changes in %s were taken back", s->path),
				 e);
	return store_end(s, 0, e);
}

/* ---- statements ---- */

static sqlite3_stmt *cached(const struct store *s, const char *sql)
{
	for (size_t i = 0; i < s->nstmts; i++)
		if (s->stmts[i].sql == sql)
			return s->stmts[i].st;
	return NULL;
}

static int prepare(struct store *s, const char *sql, sqlite3_stmt **st)
{
	struct store_stmt *grown = realloc(s->stmts, (s->nstmts + 1) * sizeof(*s->stmts));
	int rc;

	if (!grown)
		return SQLITE_NOMEM;
	s->stmts = grown;
	rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
	if (rc == SQLITE_OK)
		s->stmts[s->nstmts++] = (struct store_stmt){sql, *st};
	return rc;
}

void query_start(struct query *q, struct store *s, const char *sql)
{
	*q = (struct query){.s = s, .st = cached(s, sql), .at = 1, .rc = SQLITE_OK};
	if (!q->st)
		q->rc = prepare(s, sql, &q->st);
}

void query_put_int(struct query *q, int64_t v)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->st, q->at++, v);
}

void query_put_id(struct query *q, int64_t id)
{
	if (q->rc != SQLITE_OK)
		return;
	q->rc = id ? sqlite3_bind_int64(q->st, q->at, id) : sqlite3_bind_null(q->st, q->at);
	q->at++;
}

void query_put_text(struct query *q, const char *text)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_text(q->st, q->at++, text, -1, SQLITE_STATIC);
}

void query_put_blob(struct query *q, struct span s)
{
	/* A NULL pointer would be bound as NULL, not as an empty blob. */
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_blob64(q->st, q->at++, s.len ? (const void *)s.data : "",
					    s.len, SQLITE_STATIC);
}

bool query_row(struct query *q)
{
	if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW)
		return false;
	q->rc = sqlite3_step(q->st);
	q->at = 0;
	return q->rc == SQLITE_ROW;
}

int64_t query_int(struct query *q)
{
	return sqlite3_column_int64(q->st, q->at++);
}

void query_text(struct query *q, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(q->st, q->at++);

	snprintf(to, size, "%s", text ? (const char *)text : "");
}

void query_blob(struct query *q, struct buf *to)
{
	const void *data = sqlite3_column_blob(q->st, q->at);

	buf_put(to, data, (size_t)sqlite3_column_bytes(q->st, q->at));
	q->at++;
}

int query_end(struct query *q, const char *doing, struct err *e)
{
	int rc = 0;

	if (q->rc == SQLITE_NOMEM)
		rc = err_nomem(e);
	else if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW && q->rc != SQLITE_DONE)
		rc = store_fail(q->s, doing, e);
	if (q->st) {
		sqlite3_reset(q->st);
		sqlite3_clear_bindings(q->st);
	}
	return rc;
}

int query_run(struct query *q, const char *doing, struct err *e)
{
	query_row(q);
	return query_end(q, doing, e);
}
