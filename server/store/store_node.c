/* Reading the nodes. */
#include "server/store/store_node_priv.h"
#include "server/store/store_tftp.h"

#include <stdlib.h>
#include <string.h>

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

/* Appends the nodes that sql, a literal, tells of. */
static int read_nodes(struct store *s, const char *sql, struct store_node **list, size_t *n,
		      struct err *e)
{
	struct query q;

	query_start(&q, s, sql);
	while (query_row(&q))
		if (!take_row(&q, list, n))
			q.rc = SQLITE_NOMEM;
	return query_end(&q, "read the nodes", e);
}

static int read_cluster(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	return read_nodes(
		s,
		"SELECT id, uid, name, ip, provider, first, self, position IS NOT NULL, role, der"
		" FROM nodes LEFT JOIN certs ON node = id ORDER BY first DESC, name, position",
		list, n, e);
}

static int read_tftps(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	const size_t nodes = *n;
	const int rc =
		read_nodes(s,
			   "SELECT -id, '', name, ip, '', 0, 0, 1, '" STORE_TFTP_ROLE "', der"
			   " FROM tftp_servers ORDER BY name",
			   list, n, e);

	for (size_t i = nodes; i < *n; i++)
		(*list)[i].outside = true;
	return rc;
}

static int all_or_nothing(int rc, struct store_node **list, size_t *n)
{
	if (!rc)
		return 0;
	store_nodes_free(*list, *n);
	*list = NULL;
	*n = 0;
	return rc;
}

int store_nodes(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	*list = NULL;
	*n = 0;
	return all_or_nothing(read_cluster(s, list, n, e), list, n);
}

int store_tftps(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	*list = NULL;
	*n = 0;
	return all_or_nothing(read_tftps(s, list, n, e), list, n);
}

int store_servers(struct store *s, struct store_node **list, size_t *n, struct err *e)
{
	int rc;

	*list = NULL;
	*n = 0;
	rc = read_cluster(s, list, n, e);
	if (!rc)
		rc = read_tftps(s, list, n, e);
	return all_or_nothing(rc, list, n);
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

int store_name_is_taken(struct store *s, const char *sql, const char *name, bool *taken,
			struct err *e)
{
	struct query q;

	query_start(&q, s, sql);
	query_put_text(&q, name);
	*taken = query_row(&q);
	return query_end(&q, "look the name up", e);
}

int store_node_missing(const char *name, struct err *e)
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
	return n->id ? 0 : store_node_missing(name ? name : "(this one)", e);
}

int store_node_self(struct store *s, struct store_node *n, struct err *e)
{
	return pick_node(s, NULL, n, e);
}

int store_node_get(struct store *s, const char *name, struct store_node *n, struct err *e)
{
	return pick_node(s, name, n, e);
}
