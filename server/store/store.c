#include "server/store/store_priv.h"

#include "common/file.h"
#include "server/store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_WAIT_MS = 10000 };

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
	if (store_exec(s,
		       "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous "
		       "= FULL",
		       "set up the store", e))
		return (int)e->kind;
	if (access == STORE_CREATE &&
	    store_exec(s, "PRAGMA journal_mode = WAL", "switch the store to WAL", e))
		return (int)e->kind;
	return store_schema_check(s, access, e);
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
	seal_forget(s);
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
