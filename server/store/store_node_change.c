/* Adding, changing and removing nodes, and taking over how the first node describes them. */
#include "server/store/store_node_priv.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

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

/* What phones load from has one record a name: it could not be said which one is to be removed. */
static int check_outside(struct store *s, const char *name, struct err *e)
{
	bool taken;
	const int rc = store_name_is_taken(s, "SELECT 1 FROM tftp_servers WHERE name = ?", name,
					   &taken, e);

	if (rc || !taken)
		return rc;
	err_set(e, ERR_CONFLICT, "node-exists",
		"the list has \"%s\" as a TFTP server outside the cluster", name);
	return err_hint(e, "first take it out: \"ctlclient cluster remove-tftp %s --signer URI\"",
			name);
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
		     : check_outside(s, n->name, e);
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
		rc = store_node_missing(n->name, e);
	else if (*changed)
		rc = check_name(s, n, e);
	if (!rc && *changed)
		rc = update_node_row(s, old->id, n, e);
	if (!rc && *changed && !same_certs(old, n))
		rc = put_certs(s, old->id, n, e);
	store_nodes_free(list, count);
	return rc;
}

int store_node_put(struct store *s, struct store_node *n, struct err *e)
{
	bool changed;
	int64_t id;
	int rc = id_of_uid(s, n->uid, &id, e);

	if (rc)
		return rc;
	if (!id)
		return add_node(s, n, e);
	n->id = id;
	return update_node(s, n, &changed, e);
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

	n.self = false;
	return store_node_put(s, &n, e);
}

static int put_described(struct store *s, const struct store_description *d, const char *self,
			 struct err *e)
{
	int rc = drop_missing(s, d->nodes, d->nnodes, e);

	/* Names are free for whatever has them now. */
	if (!rc)
		rc = free_names(s, e);
	if (!rc)
		rc = store_tftps_drop(s, e);
	for (size_t i = 0; !rc && i < d->nnodes; i++)
		if (strcmp(d->nodes[i].uid, self) != 0)
			rc = put_described_node(s, &d->nodes[i], e);
	for (size_t i = 0; !rc && i < d->ntftps; i++)
		rc = store_tftp_put_row(s, &d->tftps[i], e);
	return rc;
}

int store_describe(struct store *s, const struct store_description *d, struct err *e)
{
	struct store_node self = {0};
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = store_node_self(s, &self, e);
	if (!rc)
		rc = store_cluster_put_name(s, d->name, e);
	if (!rc)
		rc = put_described(s, d, self.uid, e);
	if (!rc)
		rc = store_cluster_put_described(s, d->digest, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "the first node describes the cluster: %zu nodes",
				d->nnodes);
	store_node_free(&self);
	return store_end(s, rc, e);
}
