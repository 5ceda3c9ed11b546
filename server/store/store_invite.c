/* Invitations to join the cluster. */
#include "server/store/store_node_priv.h"

#include <string.h>

int store_invite_put(struct store *s, const struct store_invite *i, int64_t now, struct err *e)
{
	struct query q;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s, "DELETE FROM invites WHERE expires < ?");
	query_put_int(&q, now);
	rc = query_run(&q, "forget old invitations", e);
	if (!rc) {
		query_start(
			&q, s,
			"INSERT OR REPLACE INTO invites (name, hash, expires) VALUES (?, ?, ?)");
		query_put_text(&q, i->name);
		query_put_blob(&q, span_of(i->hash, sizeof(i->hash)));
		query_put_int(&q, i->expires);
		rc = query_run(&q, "note the invitation", e);
	}
	if (!rc)
		rc = audit_putf(s, "node", e, "invited %s", i->name);
	return store_end(s, rc, e);
}

int store_invite_get(struct store *s, const char *name, struct store_invite *i, bool *found,
		     struct err *e)
{
	struct buf hash = {0};
	struct query q;

	*i = (struct store_invite){0};
	query_start(&q, s, "SELECT name, hash, expires, used_by FROM invites WHERE name = ?");
	query_put_text(&q, name);
	*found = query_row(&q);
	if (*found) {
		query_text(&q, i->name, sizeof(i->name));
		query_blob(&q, &hash);
		if (hash.len == sizeof(i->hash))
			memcpy(i->hash, hash.data, hash.len);
		else
			q.rc = SQLITE_NOMEM;
		i->expires = query_int(&q);
		query_text(&q, i->used_by, sizeof(i->used_by));
	}
	buf_free(&hash);
	return query_end(&q, "look up the invitation", e);
}

static int note_use(struct store *s, const struct store_invite *i, const char *uid, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "UPDATE invites SET used_by = ? WHERE name = ? AND hash = ?"
		    " AND used_by IN ('', ?) RETURNING 1");
	query_put_text(&q, uid);
	query_put_text(&q, i->name);
	query_put_blob(&q, span_of(i->hash, sizeof(i->hash)));
	query_put_text(&q, uid);
	if (query_row(&q))
		return query_end(&q, "use the invitation", e);
	if (query_end(&q, "use the invitation", e))
		return (int)e->kind;
	return err_set(e, ERR_REFUSED, "invitation",
		       "the invitation of \"%s\" has been used already", i->name);
}

int store_invite_use(struct store *s, const struct store_invite *i, struct store_node *n,
		     struct err *e)
{
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = note_use(s, i, n->uid, e);
	if (!rc)
		rc = store_node_put(s, n, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "%s (%s) joined", n->name, n->ip);
	return store_end(s, rc, e);
}
