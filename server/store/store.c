#include "server/store/store_priv.h"

#include "common/file.h"
#include "server/store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_WAIT_MS = 10000 };

/* The schema, step by step: a store at PRAGMA user_version n has seen the first n of these. */
static const char *const migrations[] = {
	"CREATE TABLE users ("
	" name TEXT PRIMARY KEY,"
	" role TEXT NOT NULL CHECK (role IN ('officer', 'operator', 'auditor', 'viewer')),"
	" hash TEXT NOT NULL) STRICT;"

	"CREATE TABLE cluster ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" name TEXT NOT NULL) STRICT;"

	"CREATE TABLE nodes ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" ip TEXT NOT NULL,"
	" first INTEGER NOT NULL CHECK (first IN (0, 1)),"
	" self INTEGER NOT NULL CHECK (self IN (0, 1))) STRICT;"
	"CREATE UNIQUE INDEX one_first_node ON nodes (first) WHERE first;"
	"CREATE UNIQUE INDEX one_self_node ON nodes (self) WHERE self;"

	"CREATE TABLE certs ("
	" node INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" role TEXT NOT NULL,"
	" der BLOB NOT NULL,"
	" PRIMARY KEY (node, position)) STRICT;"

	"CREATE TABLE ctl ("
	" generation INTEGER PRIMARY KEY CHECK (generation > 0),"
	" time INTEGER NOT NULL,"
	" user TEXT NOT NULL,"
	" address TEXT NOT NULL,"
	" mixed INTEGER NOT NULL CHECK (mixed IN (0, 1)),"
	" signer_subject TEXT NOT NULL,"
	" signer_issuer TEXT NOT NULL,"
	" signer_serial TEXT NOT NULL,"
	" sha256 BLOB NOT NULL CHECK (length(sha256) = 32),"
	" file BLOB NOT NULL,"
	" difference BLOB NOT NULL) STRICT;"

	"CREATE TABLE dist ("
	" node INTEGER PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,"
	" generation INTEGER NOT NULL,"
	" state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),"
	" time INTEGER NOT NULL,"
	" detail TEXT NOT NULL) STRICT;"

	"CREATE TABLE active ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" generation INTEGER NOT NULL,"
	" mixed INTEGER NOT NULL CHECK (mixed IN (0, 1)),"
	" file BLOB NOT NULL) STRICT;",

	/* Several nodes. The description's revision counts every change of nodes and certificates,
	 * by whomever; described is what this node was told last, as a digest. */
	"ALTER TABLE nodes ADD COLUMN uid TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE nodes ADD COLUMN provider TEXT NOT NULL DEFAULT '';"
	"UPDATE nodes SET uid = lower(hex(randomblob(16)));"
	"CREATE UNIQUE INDEX node_uid ON nodes (uid);"
	"ALTER TABLE cluster ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE cluster ADD COLUMN described TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE invites ("
	" name TEXT PRIMARY KEY,"
	" hash BLOB NOT NULL CHECK (length(hash) = 32),"
	" expires INTEGER NOT NULL,"
	" used_by TEXT NOT NULL DEFAULT '') STRICT;"
#define REVISE(what, table)                                                                        \
	"CREATE TRIGGER " table "_" what " AFTER " what " ON " table                               \
	" BEGIN UPDATE cluster SET revision = revision + 1; END;"
	REVISE("INSERT", "nodes") REVISE("UPDATE", "nodes") REVISE("DELETE", "nodes")
		REVISE("INSERT", "certs") REVISE("UPDATE", "certs") REVISE("DELETE", "certs"),
#undef REVISE

	/* Accounts that can be locked, and may demand a client certificate; version is another one
	 * after every change. The audit log, which only grows: audit.h. */
	"ALTER TABLE users ADD COLUMN locked INTEGER NOT NULL DEFAULT 0 CHECK (locked IN (0, 1));"
	"ALTER TABLE users ADD COLUMN cert BLOB NOT NULL DEFAULT x''"
	" CHECK (length(cert) IN (0, 32));"
	"ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE audit ("
	" number INTEGER PRIMARY KEY,"
	" time INTEGER NOT NULL,"
	" accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),"
	" user TEXT NOT NULL,"
	" address TEXT NOT NULL,"
	" action TEXT NOT NULL,"
	" token TEXT NOT NULL,"
	" detail TEXT NOT NULL,"
	" hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"
	"CREATE TRIGGER audit_insert BEFORE INSERT ON audit"
	" WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)"
	" BEGIN SELECT RAISE(ABORT, 'the audit log only grows at its end'); END;"
	"CREATE TRIGGER audit_update BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;"
	"CREATE TRIGGER audit_delete BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;",

	/* A backup was restored, and no list accepted since. */
	"ALTER TABLE cluster ADD COLUMN restored INTEGER NOT NULL DEFAULT 0"
	" CHECK (restored IN (0, 1));",
};

enum { SCHEMA_VERSION = sizeof(migrations) / sizeof(migrations[0]) };

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

static int exec(struct store *s, const char *sql, const char *doing, struct err *e)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
								       : store_fail(s, doing, e);
}

int store_begin(struct store *s, struct err *e)
{
	/* Not deferred: a transaction that starts as a reader may find itself unable to write. */
	return exec(s, "BEGIN IMMEDIATE", "begin a change", e);
}

int store_end(struct store *s, int rc, struct err *e)
{
	if (!rc)
		rc = exec(s, "COMMIT", "commit a change", e);
	if (!rc)
		s->commits++;
	else if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
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

/* ---- opening ---- */

static int schema_version(struct store *s, int *version, struct err *e)
{
	struct query q;

	query_start(&q, s, "PRAGMA user_version");
	*version = query_row(&q) ? (int)query_int(&q) : 0;
	return query_end(&q, "read the version of the schema", e);
}

static int check_version(struct store *s, int version, struct err *e)
{
	if (version <= SCHEMA_VERSION)
		return 0;
	err_set(e, ERR_FAILED, "store-version",
		"%s was made by a newer ctlsuite: its schema is %d, this program knows %d", s->path,
		version, SCHEMA_VERSION);
	return err_hint(e, "install that ctlsuite again, or restore a backup of the older one");
}

static int migrate(struct store *s, struct err *e)
{
	char pragma[48];
	int version, rc;

	if (store_begin(s, e))
		return (int)e->kind;
	/* Somebody else may have been quicker. */
	rc = schema_version(s, &version, e);
	if (!rc)
		rc = check_version(s, version, e);
	for (int i = version; !rc && i < SCHEMA_VERSION; i++)
		rc = exec(s, migrations[i], "bring the schema up to date", e);
	if (!rc) {
		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", SCHEMA_VERSION);
		rc = exec(s, pragma, "set the version of the schema", e);
	}
	return store_end(s, rc, e);
}

static int check_schema(struct store *s, enum store_access access, struct err *e)
{
	int version;

	if (schema_version(s, &version, e) || check_version(s, version, e))
		return (int)e->kind;
	if (version == SCHEMA_VERSION)
		return 0;
	if (access == STORE_READ) {
		err_set(e, ERR_FAILED, "store-version",
			"%s was made by an older ctlsuite: its schema is %d, not %d", s->path,
			version, SCHEMA_VERSION);
		return err_hint(e, "start ctlproviderd once; it brings the store up to date");
	}
	return migrate(s, e);
}

/* SQLite would make the file with the permissions that the umask leaves. */
static int create_file(const char *state, const char *path, struct err *e)
{
	int fd;

	if (file_mkdirs(state, 0755, e))
		return (int)e->kind;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_FAILED, "store", "cannot make %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

static int find_file(const char *path, struct err *e)
{
	if (!access(path, F_OK))
		return 0;
	err_set(e, ERR_FAILED, "no-store", "there is no store here: cannot open %s: %s", path,
		strerror(errno));
	return err_hint(e, "make one with \"ctladmin node init\", or name the right folder with "
			   "\"state = \" in the configuration");
}

static int open_db(struct store *s, enum store_access access, struct err *e)
{
	const int mode = access == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

	if (sqlite3_open_v2(s->path, &s->db, mode | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return s->db ? store_fail(s, "open the store", e) : err_nomem(e);
	sqlite3_busy_timeout(s->db, BUSY_WAIT_MS);
	sqlite3_extended_result_codes(s->db, 0);
	if (exec(s,
		 "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL",
		 "set up the store", e))
		return (int)e->kind;
	if (access == STORE_CREATE &&
	    exec(s, "PRAGMA journal_mode = WAL", "switch the store to WAL", e))
		return (int)e->kind;
	return check_schema(s, access, e);
}

int store_open(struct store **out, const char *state, enum store_access access, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	s->path = file_join(state, "store.db");
	if (!s->path) {
		rc = err_nomem(e);
		goto out;
	}
	rc = access == STORE_CREATE ? create_file(state, s->path, e) : find_file(s->path, e);
	if (!rc)
		rc = open_db(s, access, e);
	if (rc)
		goto out;
	store_act_as(s, NULL, NULL);
	*out = s;
	s = NULL;
out:
	store_close(s);
	return rc;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nstmts; i++)
		sqlite3_finalize(s->stmts[i].st);
	sqlite3_close(s->db);
	free(s->stmts);
	free(s->path);
	free(s);
}

int store_change_counter(struct store *s, int64_t *counter, struct err *e)
{
	struct query q;

	/* data_version counts what others commit, not what this handle does. */
	query_start(&q, s, "PRAGMA data_version");
	*counter = s->commits + (query_row(&q) ? query_int(&q) : 0);
	return query_end(&q, "look for changes", e);
}

int store_copy(struct store *s, const char *path, struct err *e)
{
	struct query q;

	query_start(&q, s, "VACUUM INTO ?");
	query_put_text(&q, path);
	return query_run(&q, "copy the store", e);
}
