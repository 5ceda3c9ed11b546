#include "server/provider/peers.h"

#include "server/net/pin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct peers {
	pthread_mutex_t lock;
	struct buf first; /* DER of its provider certificate; empty if this is the first node */
};

static bool is_node(const struct peer *p, const struct store_node *n)
{
	const struct store_cert *c = store_node_cert(n, "provider");

	return !n->self && c && pin_matches(c->der, p->cert, p->chain);
}

/* The node, other than this one, that it comes from; NULL: none of them. */
static const struct store_node *peer_in(const struct peer *p, const struct store_node *list,
					size_t n)
{
	for (size_t i = 0; p->cert && i < n; i++)
		if (is_node(p, &list[i]))
			return &list[i];
	return NULL;
}

static int refuse(struct err *e, const char *who)
{
	return err_set(e, ERR_REFUSED, "node-only", "this path is for %s only", who);
}

int peer_is_first(const struct peer *p, struct store *s, struct err *e)
{
	const struct store_node *from;
	struct store_node *list;
	bool first;
	size_t n;

	if (store_nodes(s, &list, &n, e))
		return (int)e->kind;
	from = peer_in(p, list, n);
	first = from && from->first;
	store_nodes_free(list, n);
	return first ? 0 : refuse(e, "the first node of the cluster");
}

int peer_is_node(const struct peer *p, struct store *s, char uid[STORE_UID_MAX], struct err *e)
{
	const struct store_node *from;
	struct store_node *list;
	bool known;
	size_t n;

	if (store_nodes(s, &list, &n, e))
		return (int)e->kind;
	from = peer_in(p, list, n);
	known = from != NULL;
	if (known)
		memcpy(uid, from->uid, STORE_UID_MAX);
	store_nodes_free(list, n);
	return known ? 0 : refuse(e, "nodes of the cluster");
}

/* ---- remembered ---- */

struct peers *peers_new(void)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p)
		pthread_mutex_init(&p->lock, NULL);
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	buf_free(&p->first);
	free(p);
}

int peers_refresh(struct peers *p, struct store *s, struct err *e)
{
	const struct store_cert *c;
	struct store_node *list;
	struct buf first = {0}, old;
	size_t n;

	if (store_nodes(s, &list, &n, e))
		return (int)e->kind;
	/* The first node comes first. */
	c = n && list[0].first && !list[0].self ? store_node_cert(&list[0], "provider") : NULL;
	if (c)
		buf_span(&first, c->der);
	store_nodes_free(list, n);
	pthread_mutex_lock(&p->lock);
	old = p->first;
	p->first = first;
	pthread_mutex_unlock(&p->lock);
	buf_free(&old);
	return 0;
}

bool peers_seems_first(struct peers *p, const struct peer *peer)
{
	bool first;

	pthread_mutex_lock(&p->lock);
	first = p->first.len && peer->cert &&
		pin_matches(buf_view(&p->first), peer->cert, peer->chain);
	pthread_mutex_unlock(&p->lock);
	return first;
}
