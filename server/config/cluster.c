#include "server/config/cluster.h"

#include "common/sha256.h"

#include <string.h>

void cluster_free(struct cluster *c)
{
	tl_free(c->list);
	buf_free(&c->file);
	store_nodes_free(c->nodes, c->n);
	*c = (struct cluster){0};
}

static int read_list(struct cluster *c, struct store *s, struct err *e)
{
	struct store_active a = {0};
	int rc = store_active_get(s, &a, e);

	if (rc)
		return rc;
	c->mixed = a.mixed;
	c->generation = a.generation;
	c->file = a.file;
	return c->file.len ? tl_parse(&c->list, buf_view(&c->file), e) : 0;
}

static void put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text) + 1);
}

static int digest_of(struct cluster *c, struct err *e)
{
	struct buf all = {0};
	int rc;

	buf_u8(&all, c->mixed);
	buf_u32(&all, (uint32_t)c->file.len);
	buf_span(&all, buf_view(&c->file));
	for (size_t i = 0; i < c->n; i++) {
		const struct store_node *n = &c->nodes[i];

		put_text(&all, n->name);
		put_text(&all, n->ip);
		for (size_t j = 0; j < n->ncerts; j++) {
			put_text(&all, n->certs[j].role);
			buf_u32(&all, (uint32_t)n->certs[j].der.len);
			buf_span(&all, n->certs[j].der);
		}
		buf_u8(&all, 0);
	}
	rc = all.bad ? err_nomem(e) : sha256_of(c->digest, buf_view(&all), e);
	buf_free(&all);
	return rc;
}

int cluster_refresh(struct cluster *c, struct store *s, bool *fresh, struct err *e)
{
	struct cluster now = {0};
	int rc = store_change_counter(s, &now.counter, e);

	*fresh = false;
	if (rc || (c->known && now.counter == c->counter))
		return rc;
	rc = read_list(&now, s, e);
	if (!rc)
		rc = store_nodes(s, &now.nodes, &now.n, e);
	if (!rc)
		rc = digest_of(&now, e);
	if (rc) {
		cluster_free(&now);
		return rc;
	}
	now.known = true;
	cluster_free(c);
	*c = now;
	*fresh = true;
	return 0;
}
