#include "server/store/store_priv.h"

#include "server/store/audit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store_ctl_free(struct store_ctl *c)
{
	buf_free(&c->file);
	buf_free(&c->difference);
	*c = (struct store_ctl){0};
}

/* ---- reading ---- */

#define CTL_COLUMNS                                                                                \
	"generation, time, user, address, mixed, signer_subject, signer_issuer, signer_serial,"    \
	" length(file), sha256, difference"

/* The columns of CTL_COLUMNS. False if out of memory. */
static bool take_ctl(struct query *q, struct store_ctl *c)
{
	struct buf digest = {0};
	bool ok;

	*c = (struct store_ctl){.generation = query_int(q), .time = query_int(q)};
	query_text(q, c->user, sizeof(c->user));
	query_text(q, c->address, sizeof(c->address));
	c->mixed = query_int(q) != 0;
	query_text(q, c->signer.subject, sizeof(c->signer.subject));
	query_text(q, c->signer.issuer, sizeof(c->signer.issuer));
	query_text(q, c->signer.serial, sizeof(c->signer.serial));
	c->size = (size_t)query_int(q);
	query_blob(q, &digest);
	ok = digest.len == sizeof(c->sha256);
	if (ok)
		memcpy(c->sha256, digest.data, digest.len);
	buf_free(&digest);
	query_blob(q, &c->difference);
	return ok && !c->difference.bad;
}

/* The one row of a query for CTL_COLUMNS and the file, or none. */
static int read_ctl(struct query *q, struct store_ctl *c, struct err *e)
{
	int rc;

	*c = (struct store_ctl){0};
	if (query_row(q)) {
		if (!take_ctl(q, c))
			q->rc = SQLITE_NOMEM;
		query_blob(q, &c->file);
		if (c->file.bad)
			q->rc = SQLITE_NOMEM;
	}
	rc = query_end(q, "read the CTL", e);
	if (rc)
		store_ctl_free(c);
	return rc;
}

int store_ctl_current(struct store *s, struct store_ctl *c, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "SELECT " CTL_COLUMNS ", file FROM ctl ORDER BY generation DESC LIMIT 1");
	return read_ctl(&q, c, e);
}

int store_ctl_at(struct store *s, int64_t generation, struct store_ctl *c, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT " CTL_COLUMNS ", file FROM ctl WHERE generation = ?");
	query_put_int(&q, generation);
	return read_ctl(&q, c, e);
}

static bool take_history_row(struct query *q, struct store_ctl **list, size_t *n)
{
	struct store_ctl *grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return false;
	*list = grown;
	return take_ctl(q, &grown[(*n)++]);
}

int store_ctl_history(struct store *s, size_t limit, struct store_ctl **list, size_t *n,
		      struct err *e)
{
	struct query q;
	int rc;

	*list = NULL;
	*n = 0;
	query_start(&q, s, "SELECT " CTL_COLUMNS " FROM ctl ORDER BY generation DESC LIMIT ?");
	query_put_int(&q, (int64_t)limit);
	while (query_row(&q))
		if (!take_history_row(&q, list, n))
			q.rc = SQLITE_NOMEM;
	rc = query_end(&q, "read the history", e);
	if (!rc)
		return 0;
	for (size_t i = 0; i < *n; i++)
		store_ctl_free(&(*list)[i]);
	free(*list);
	*list = NULL;
	*n = 0;
	return rc;
}

/* ---- the commit ---- */

static int newest_generation(struct store *s, int64_t *generation, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT max(generation) FROM ctl");
	*generation = query_row(&q) ? query_int(&q) : 0;
	return query_end(&q, "read the generation", e);
}

static int insert_ctl(struct store *s, const struct store_ctl *c, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO ctl (generation, time, user, address, mixed, signer_subject,"
		    " signer_issuer, signer_serial, sha256, file, difference)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	query_put_int(&q, c->generation);
	query_put_int(&q, c->time);
	query_put_text(&q, c->user);
	query_put_text(&q, c->address);
	query_put_int(&q, c->mixed);
	query_put_text(&q, c->signer.subject);
	query_put_text(&q, c->signer.issuer);
	query_put_text(&q, c->signer.serial);
	query_put_blob(&q, span_of(c->sha256, sizeof(c->sha256)));
	query_put_blob(&q, buf_view(&c->file));
	query_put_blob(&q, buf_view(&c->difference));
	return query_run(&q, "store the CTL", e);
}

static int all_pending(struct store *s, const struct store_ctl *c, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT OR REPLACE INTO dist (node, generation, state, time, detail)"
		    " SELECT id, ?, ?, ?, '' FROM nodes");
	query_put_int(&q, c->generation);
	query_put_int(&q, STORE_PENDING);
	query_put_int(&q, c->time);
	return query_run(&q, "note the distribution", e);
}

static int self_pending(struct store *s, const struct store_ctl *c, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT OR REPLACE INTO dist (node, generation, state, time, detail)"
		    " SELECT id, ?, ?, ?, '' FROM nodes WHERE self");
	query_put_int(&q, c->generation);
	query_put_int(&q, STORE_PENDING);
	query_put_int(&q, c->time);
	return query_run(&q, "note the distribution", e);
}

static int stale_generation(int64_t newest, int64_t expected, struct err *e)
{
	err_set(e, ERR_CONFLICT, "stale-generation", "the CTL is at generation %lld, not %lld",
		(long long)newest, (long long)expected);
	return err_hint(e, "somebody else was quicker: fetch the present list, make the change "
			   "again and sign it");
}

static int check_expected(struct store *s, const struct store_expected *expected, struct err *e)
{
	int64_t newest, revision;

	if (newest_generation(s, &newest, e) || store_cluster_revision(s, &revision, e))
		return (int)e->kind;
	if (newest != expected->generation)
		return stale_generation(newest, expected->generation, e);
	if (revision == expected->revision)
		return 0;
	return err_set(e, ERR_CONFLICT, "stale-cluster",
		       "a node or certificate of the cluster has changed while the list was "
		       "checked");
}

static int digest(struct store_ctl *c, struct err *e)
{
	c->size = c->file.len;
	if (EVP_Digest(c->file.data, c->file.len, c->sha256, NULL, EVP_sha256(), NULL))
		return 0;
	return err_openssl(e, ERR_FAILED, "store", "cannot digest the CTL");
}

/* how: "accepted", or how else it came. */
static int note_in_audit(struct store *s, const struct store_ctl *c, const char *how, struct err *e)
{
	char token[sizeof(c->signer.subject) + sizeof(c->signer.serial) + 16];
	struct audit_entry a = {.action = "ctl", .accepted = true, .token = token};
	struct buf detail = {0};
	int rc;

	snprintf(token, sizeof(token), "%s serial %s", c->signer.subject, c->signer.serial);
	buf_printf(&detail, "generation %lld %s, %s\n", (long long)c->generation, how,
		   c->mixed ? "mixed" : "non-secure");
	buf_span(&detail, buf_view(&c->difference));
	a.detail = buf_cstr(&detail);
	rc = a.detail ? audit_put(s, &a, e) : err_nomem(e);
	buf_free(&detail);
	return rc;
}

int store_restored(struct store *s, bool *restored, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT restored FROM cluster");
	*restored = query_row(&q) && query_int(&q) != 0;
	return query_end(&q, "look whether this is a backup", e);
}

static int put_restored(struct store *s, bool restored, struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE cluster SET restored = ?");
	query_put_int(&q, restored);
	return query_run(&q, "note whether this is a backup", e);
}

int store_restored_set(struct store *s, struct err *e)
{
	if (store_begin(s, e))
		return (int)e->kind;
	return store_end(s, put_restored(s, true, e), e);
}

int store_ctl_commit(struct store *s, const struct store_expected *expected, struct store_ctl *c,
		     struct err *e)
{
	int rc;

	if (digest(c, e) || store_begin(s, e))
		return (int)e->kind;
	rc = check_expected(s, expected, e);
	c->generation = expected->generation + 1;
	if (!rc)
		rc = insert_ctl(s, c, e);
	if (!rc)
		rc = all_pending(s, c, e);
	if (!rc)
		rc = put_restored(s, false, e);
	if (!rc)
		rc = note_in_audit(s, c, "accepted", e);
	return store_end(s, rc, e);
}

int store_ctl_receive(struct store *s, struct store_ctl *c, struct err *e)
{
	int64_t newest;
	int rc;

	if (digest(c, e) || store_begin(s, e))
		return (int)e->kind;
	rc = newest_generation(s, &newest, e);
	if (!rc && newest >= c->generation)
		rc = stale_generation(newest, c->generation - 1, e);
	if (!rc)
		rc = insert_ctl(s, c, e);
	if (!rc)
		rc = self_pending(s, c, e);
	if (!rc)
		rc = note_in_audit(s, c, "received from the first node", e);
	return store_end(s, rc, e);
}

/* ---- distribution ---- */

const char *store_dist_word(enum store_dist_state state)
{
	switch (state) {
	case STORE_PENDING:
		return "pending";
	case STORE_DELIVERED:
		return "delivered";
	case STORE_ACTIVE:
		return "active";
	case STORE_FAILED:
		break;
	}
	return "failed";
}

int store_dist_set(struct store *s, const struct store_dist *d, struct err *e)
{
	struct query q;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s,
		    "INSERT INTO dist (node, generation, state, time, detail)"
		    " VALUES (?, ?, ?, ?, ?)"
		    " ON CONFLICT (node) DO UPDATE SET generation = excluded.generation,"
		    " state = excluded.state, time = excluded.time, detail = excluded.detail"
		    " WHERE excluded.generation >= generation");
	query_put_int(&q, d->node);
	query_put_int(&q, d->generation);
	query_put_int(&q, d->state);
	query_put_int(&q, d->time);
	query_put_text(&q, d->detail);
	return store_end(s, query_run(&q, "note the distribution", e), e);
}

static bool take_dist(struct query *q, struct store_dist **list, size_t *n)
{
	struct store_dist *grown = realloc(*list, (*n + 1) * sizeof(*grown));
	struct store_dist *d;

	if (!grown)
		return false;
	*list = grown;
	d = &grown[(*n)++];
	*d = (struct store_dist){.node = query_int(q)};
	query_text(q, d->name, sizeof(d->name));
	d->generation = query_int(q);
	d->state = (enum store_dist_state)query_int(q);
	d->time = query_int(q);
	query_text(q, d->detail, sizeof(d->detail));
	return true;
}

int store_dist_list(struct store *s, struct store_dist **list, size_t *n, struct err *e)
{
	struct query q;
	int rc;

	*list = NULL;
	*n = 0;
	query_start(&q, s,
		    "SELECT node, name, generation, state, time, detail"
		    " FROM dist JOIN nodes ON node = id ORDER BY first DESC, name");
	while (query_row(&q))
		if (!take_dist(&q, list, n))
			q.rc = SQLITE_NOMEM;
	rc = query_end(&q, "read the distribution", e);
	if (rc) {
		free(*list);
		*list = NULL;
		*n = 0;
	}
	return rc;
}

/* ---- the active list ---- */

int store_active_get(struct store *s, struct store_active *a, struct err *e)
{
	struct query q;
	int rc;

	*a = (struct store_active){0};
	query_start(&q, s, "SELECT generation, mixed, file FROM active");
	if (query_row(&q)) {
		a->generation = query_int(&q);
		a->mixed = query_int(&q) != 0;
		query_blob(&q, &a->file);
		if (a->file.bad)
			q.rc = SQLITE_NOMEM;
	}
	rc = query_end(&q, "read the active CTL", e);
	if (rc) {
		buf_free(&a->file);
		*a = (struct store_active){0};
	}
	return rc;
}

static int put_active(struct store *s, const struct store_active *a, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT OR REPLACE INTO active (id, generation, mixed, file)"
		    " VALUES (1, ?, ?, ?)");
	query_put_int(&q, a->generation);
	query_put_int(&q, a->mixed);
	query_put_blob(&q, buf_view(&a->file));
	return query_run(&q, "switch the active CTL", e);
}

static int self_active(struct store *s, const struct store_active *a, const char *detail,
		       struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO dist (node, generation, state, time, detail)"
		    " SELECT id, ?, ?, unixepoch(), ? FROM nodes WHERE self"
		    " ON CONFLICT (node) DO UPDATE SET generation = excluded.generation,"
		    " state = excluded.state, time = excluded.time, detail = excluded.detail"
		    " WHERE excluded.generation >= generation");
	query_put_int(&q, a->generation);
	query_put_int(&q, STORE_ACTIVE);
	query_put_text(&q, detail);
	return query_run(&q, "note the active CTL", e);
}

int store_active_set(struct store *s, const struct store_active *a, const char *detail,
		     struct err *e)
{
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = put_active(s, a, e);
	if (!rc)
		rc = self_active(s, a, detail, e);
	return store_end(s, rc, e);
}
