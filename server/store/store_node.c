#include "server/store/store_priv.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the cluster ---- */

int store_cluster_name(struct store *s, char name[STORE_NAME_MAX], struct err *e)
{
	struct query q;

	name[0] = '\0';
	query_start(&q, s, "SELECT name FROM cluster");
	if (query_row(&q))
		query_text(&q, name, STORE_NAME_MAX);
	return query_end(&q, "read the name of the cluster", e);
}

static int put_cluster_name(struct store *s, const char *name, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO cluster (id, name) VALUES (1, ?)"
		    " ON CONFLICT (id) DO UPDATE SET name = excluded.name");
	query_put_text(&q, name);
	return query_run(&q, "set the name of the cluster", e);
}

int store_cluster_name_set(struct store *s, const char *name, struct err *e)
{
	if (store_begin(s, e))
		return (int)e->kind;
	return store_end(s, put_cluster_name(s, name, e), e);
}

int store_cluster_revision(struct store *s, int64_t *revision, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT revision FROM cluster");
	*revision = query_row(&q) ? query_int(&q) : 0;
	return query_end(&q, "read the revision of the cluster", e);
}

int store_described(struct store *s, char digest[STORE_DIGEST_TEXT], struct err *e)
{
	struct query q;

	digest[0] = '\0';
	query_start(&q, s, "SELECT described FROM cluster");
	if (query_row(&q))
		query_text(&q, digest, STORE_DIGEST_TEXT);
	return query_end(&q, "read the cluster's description", e);
}

static int put_described(struct store *s, const char *digest, struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE cluster SET described = ?");
	query_put_text(&q, digest);
	return query_run(&q, "note the cluster's description", e);
}

/* ---- reading ---- */

/* A new last element of the list, or NULL. */
static struct store_node *grow_nodes(struct store_node **list, size_t *n)
{
	struct store_node *grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	*list = grown;
	grown += (*n)++;
	*grown = (struct store_node){0};
	return grown;
}

static struct store_cert *grow_certs(struct store_node *n)
{
	struct store_cert *grown = realloc(n->certs, (n->ncerts + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	n->certs = grown;
	grown += n->ncerts++;
	*grown = (struct store_cert){0};
	return grown;
}

/* One row: a node with one of its certificates; the nodes come in runs. */
static bool take_row(struct query *q, struct store_node **list, size_t *n)
{
	const int64_t id = query_int(q);
	struct store_node *node = *n ? &(*list)[*n - 1] : NULL;
	struct buf der = {0};
	struct store_cert *c;

	if (!node || node->id != id)
		node = grow_nodes(list, n);
	if (!node)
		return false;
	node->id = id;
	query_text(q, node->uid, sizeof(node->uid));
	query_text(q, node->name, sizeof(node->name));
	query_text(q, node->ip, sizeof(node->ip));
	query_text(q, node->provider, sizeof(node->provider));
	node->first = query_int(q) != 0;
	node->self = query_int(q) != 0;
	if (!query_int(q))
		return true;

	c = grow_certs(node);
	if (!c)
		return false;
	query_text(q, c->role, sizeof(c->role));
	query_blob(q, &der);
	c->der = buf_view(&der);
	return !der.bad;
}

static int read_nodes(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	struct query q;

	query_start(
		&q, s,
		"SELECT id, uid, name, ip, provider, first, self, position IS NOT NULL, role, der"
		" FROM nodes LEFT JOIN certs ON node = id ORDER BY first DESC, name, position");
	while (query_row(&q))
		if (!take_row(&q, list, n))
			q.rc = SQLITE_NOMEM;
	return query_end(&q, "read the nodes", e);
}

int store_nodes(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	int rc;

	*list = NULL;
	*n = 0;
	rc = read_nodes(s, list, n, e);
	if (rc) {
		store_nodes_free(*list, *n);
		*list = NULL;
		*n = 0;
	}
	return rc;
}

void store_node_free(struct store_node *n)
{
	for (size_t k = 0; k < n->ncerts; k++)
		free((void *)n->certs[k].der.data);
	free(n->certs);
	*n = (struct store_node){0};
}

void store_nodes_free(struct store_node *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_node_free(&list[i]);
	free(list);
}

const struct store_cert *store_node_cert(const struct store_node *n, const char *role)
{
	for (size_t i = 0; i < n->ncerts; i++)
		if (!strcmp(n->certs[i].role, role))
			return &n->certs[i];
	return NULL;
}

static int no_node(const char *name, struct err *e)
{
	err_set(e, ERR_FAILED, "no-node", "there is no node \"%s\" in this cluster", name);
	return err_hint(e, "\"ctladmin node list\" shows those that there are");
}

/* The node of that name, or this one if name is NULL. */
static int pick_node(struct store *s, const char *name, struct store_node *n, struct err *e)
{
	struct store_node *list;
	size_t count;
	int rc = store_nodes(s, &list, &count, e);

	*n = (struct store_node){0};
	if (rc)
		return rc;
	for (size_t i = 0; i < count && !n->id; i++) {
		if (name ? strcmp(list[i].name, name) != 0 : !list[i].self)
			continue;
		*n = list[i];
		list[i] = (struct store_node){0};
	}
	store_nodes_free(list, count);
	return n->id ? 0 : no_node(name ? name : "(this one)", e);
}

int store_node_self(struct store *s, struct store_node *n, struct err *e)
{
	return pick_node(s, NULL, n, e);
}

int store_node_get(struct store *s, const char *name, struct store_node *n, struct err *e)
{
	return pick_node(s, name, n, e);
}

/* ---- adding and changing ---- */

static int new_uid(char uid[STORE_UID_MAX], struct err *e)
{
	uint8_t r[(STORE_UID_MAX - 1) / 2];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return err_openssl(e, ERR_FAILED, "store", "no random numbers");
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(uid + 2 * i, 3, "%02x", r[i]);
	return 0;
}

/* The id of the node with that uid; 0 if there is none. */
static int id_of_uid(struct store *s, const char *uid, int64_t *id, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT id FROM nodes WHERE uid = ?");
	query_put_text(&q, uid);
	*id = query_row(&q) ? query_int(&q) : 0;
	return query_end(&q, "look up the node", e);
}

/* A name belongs to one node. */
static int check_name(struct store *s, const struct store_node *n, struct err *e)
{
	struct query q;
	bool found;

	query_start(&q, s, "SELECT 1 FROM nodes WHERE name = ? AND uid <> ?");
	query_put_text(&q, n->name);
	query_put_text(&q, n->uid);
	found = query_row(&q);
	if (query_end(&q, "look up the node", e))
		return (int)e->kind;
	return found ? err_set(e, ERR_CONFLICT, "node-exists", "there is a node \"%s\" already",
			       n->name)
		     : 0;
}

static int add_node_row(struct store *s, struct store_node *n, struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s,
		    "INSERT INTO nodes (uid, name, ip, provider, first, self)"
		    " VALUES (?, ?, ?, ?, ?, ?)");
	query_put_text(&q, n->uid);
	query_put_text(&q, n->name);
	query_put_text(&q, n->ip);
	query_put_text(&q, n->provider);
	query_put_int(&q, n->first);
	query_put_int(&q, n->self);
	rc = query_run(&q, "add the node", e);
	if (!rc)
		n->id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

static int update_node_row(struct store *s, int64_t id, const struct store_node *n, struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE nodes SET name = ?, ip = ?, provider = ? WHERE id = ?");
	query_put_text(&q, n->name);
	query_put_text(&q, n->ip);
	query_put_text(&q, n->provider);
	query_put_int(&q, id);
	return query_run(&q, "change the node", e);
}

static int add_cert_row(struct store *s, int64_t node, size_t position, const struct store_cert *c,
			struct err *e)
{
	struct query q;

	query_start(&q, s, "INSERT INTO certs (node, position, role, der) VALUES (?, ?, ?, ?)");
	query_put_int(&q, node);
	query_put_int(&q, (int64_t)position);
	query_put_text(&q, c->role);
	query_put_blob(&q, c->der);
	return query_run(&q, "add a certificate of the node", e);
}

static int put_certs(struct store *s, int64_t id, const struct store_node *n, struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s, "DELETE FROM certs WHERE node = ?");
	query_put_int(&q, id);
	rc = query_run(&q, "replace the certificates of the node", e);
	for (size_t i = 0; !rc && i < n->ncerts; i++)
		rc = add_cert_row(s, id, i, &n->certs[i], e);
	return rc;
}

static int add_node(struct store *s, struct store_node *n, struct err *e)
{
	int rc = *n->uid ? 0 : new_uid(n->uid, e);

	if (!rc)
		rc = check_name(s, n, e);
	if (!rc)
		rc = add_node_row(s, n, e);
	return rc ? rc : put_certs(s, n->id, n, e);
}

int store_node_add(struct store *s, struct store_node *n, struct err *e)
{
	int64_t id = 0;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = id_of_uid(s, n->uid, &id, e);
	if (!rc && id)
		rc = err_set(e, ERR_CONFLICT, "node-exists", "this node is in the cluster already");
	if (!rc)
		rc = add_node(s, n, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "added %s (%s)", n->name, n->ip);
	return store_end(s, rc, e);
}

static bool same_certs(const struct store_node *a, const struct store_node *b)
{
	if (a->ncerts != b->ncerts)
		return false;
	for (size_t i = 0; i < a->ncerts; i++)
		if (strcmp(a->certs[i].role, b->certs[i].role) != 0 ||
		    !span_eq(a->certs[i].der, b->certs[i].der))
			return false;
	return true;
}

static bool same_node(const struct store_node *a, const struct store_node *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->ip, b->ip) &&
	       !strcmp(a->provider, b->provider) && same_certs(a, b);
}

static const struct store_node *find_uid(const struct store_node *list, size_t n, const char *uid)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].uid, uid))
			return &list[i];
	return NULL;
}

/* Within a transaction. What is the same already stays untouched: the revision counts changes. */
static int update_node(struct store *s, const struct store_node *n, bool *changed, struct err *e)
{
	const struct store_node *old;
	struct store_node *list;
	size_t count;
	int rc = store_nodes(s, &list, &count, e);

	if (rc)
		return rc;
	old = find_uid(list, count, n->uid);
	*changed = old && !same_node(old, n);
	if (!old)
		rc = no_node(n->name, e);
	else if (*changed)
		rc = check_name(s, n, e);
	if (!rc && *changed)
		rc = update_node_row(s, old->id, n, e);
	if (!rc && *changed && !same_certs(old, n))
		rc = put_certs(s, old->id, n, e);
	store_nodes_free(list, count);
	return rc;
}

int store_node_update(struct store *s, const struct store_node *n, bool *changed, struct err *e)
{
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = update_node(s, n, changed, e);
	if (!rc && *changed)
		rc = audit_putf(s, "node", e, "changed %s (%s): name, address or certificates",
				n->name, n->ip);
	return store_end(s, rc, e);
}

/* ---- removing ---- */

static int delete_node(struct store *s, int64_t id, struct err *e)
{
	struct query q;

	query_start(&q, s, "DELETE FROM nodes WHERE id = ?");
	query_put_int(&q, id);
	return query_run(&q, "remove the node", e);
}

int store_node_remove(struct store *s, const char *name, struct err *e)
{
	struct store_node n;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = store_node_get(s, name, &n, e);
	if (!rc && (n.first || n.self))
		rc = err_set(e, ERR_REFUSED, "node-needed", "%s is %s: it cannot be removed", name,
			     n.first ? "the first node of the cluster" : "this very node");
	if (!rc)
		rc = delete_node(s, n.id, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "removed %s", name);
	store_node_free(&n);
	return store_end(s, rc, e);
}

/* ---- the description ---- */

static int drop_missing(struct store *s, const struct store_node *nodes, size_t n, struct err *e)
{
	struct store_node *list;
	size_t count;
	int rc = store_nodes(s, &list, &count, e);

	for (size_t i = 0; !rc && i < count; i++)
		if (!list[i].self && !find_uid(nodes, n, list[i].uid))
			rc = delete_node(s, list[i].id, e);
	store_nodes_free(list, count);
	return rc;
}

/* Two nodes may have swapped names: no name may be in the way while they are written. */
static int free_names(struct store *s, struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE nodes SET name = uid WHERE NOT self");
	return query_run(&q, "change the nodes", e);
}

static int put_described_node(struct store *s, const struct store_node *described, struct err *e)
{
	struct store_node n = *described;
	bool changed;
	int64_t id;
	int rc = id_of_uid(s, n.uid, &id, e);

	n.self = false;
	if (rc)
		return rc;
	return id ? update_node(s, &n, &changed, e) : add_node(s, &n, e);
}

int store_describe(struct store *s, const char *cluster, const struct store_node *nodes, size_t n,
		   const char *digest, struct err *e)
{
	struct store_node self = {0};
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = store_node_self(s, &self, e);
	if (!rc)
		rc = put_cluster_name(s, cluster, e);
	if (!rc)
		rc = drop_missing(s, nodes, n, e);
	if (!rc)
		rc = free_names(s, e);
	for (size_t i = 0; !rc && i < n; i++)
		if (strcmp(nodes[i].uid, self.uid) != 0)
			rc = put_described_node(s, &nodes[i], e);
	if (!rc)
		rc = put_described(s, digest, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "the first node describes the cluster: %zu nodes", n);
	store_node_free(&self);
	return store_end(s, rc, e);
}

/* ---- invitations ---- */

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
	bool changed;
	int64_t id = 0;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = note_use(s, i, n->uid, e);
	if (!rc)
		rc = id_of_uid(s, n->uid, &id, e);
	if (!rc)
		rc = id ? update_node(s, n, &changed, e) : add_node(s, n, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "%s (%s) joined", n->name, n->ip);
	return store_end(s, rc, e);
}
