#include "server/store/store_priv.h"

#include <stdlib.h>

int store_cluster_name(struct store *s, char name[STORE_NAME_MAX], struct err *e)
{
	struct query q;

	name[0] = '\0';
	query_start(&q, s, "SELECT name FROM cluster");
	if (query_row(&q))
		query_text(&q, name, STORE_NAME_MAX);
	return query_end(&q, "read the name of the cluster", e);
}

int store_cluster_name_set(struct store *s, const char *name, struct err *e)
{
	struct query q;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s, "INSERT OR REPLACE INTO cluster (id, name) VALUES (1, ?)");
	query_put_text(&q, name);
	return store_end(s, query_run(&q, "set the name of the cluster", e), e);
}

static int node_exists(struct store *s, const char *name, bool *found, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT 1 FROM nodes WHERE name = ?");
	query_put_text(&q, name);
	*found = query_row(&q);
	return query_end(&q, "look up the node", e);
}

static int add_node_row(struct store *s, struct store_node *n, struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s, "INSERT INTO nodes (name, ip, first, self) VALUES (?, ?, ?, ?)");
	query_put_text(&q, n->name);
	query_put_text(&q, n->ip);
	query_put_int(&q, n->first);
	query_put_int(&q, n->self);
	rc = query_run(&q, "add the node", e);
	if (!rc)
		n->id = sqlite3_last_insert_rowid(s->db);
	return rc;
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

int store_node_add(struct store *s, struct store_node *n, struct err *e)
{
	bool found;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = node_exists(s, n->name, &found, e);
	if (!rc && found)
		rc = err_set(e, ERR_CONFLICT, "node-exists", "there is a node \"%s\" already",
			     n->name);
	if (!rc)
		rc = add_node_row(s, n, e);
	for (size_t i = 0; !rc && i < n->ncerts; i++)
		rc = add_cert_row(s, n->id, i, &n->certs[i], e);
	return store_end(s, rc, e);
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
	query_text(q, node->name, sizeof(node->name));
	query_text(q, node->ip, sizeof(node->ip));
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

	query_start(&q, s,
		    "SELECT id, name, ip, first, self, position IS NOT NULL, role, der"
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

void store_nodes_free(struct store_node *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].ncerts; k++)
			free((void *)list[i].certs[k].der.data);
		free(list[i].certs);
	}
	free(list);
}
