#include "server/provider/courier.h"

#include "common/clock.h"
#include "common/file.h"
#include "server/provider/visit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A node to visit. */
struct item {
	int64_t id;
	int64_t due_ms; /* of the next visit, on the steady clock */
	unsigned failures;
	bool busy;
	bool again;      /* woken while busy */
	int64_t settled; /* the generation of the last visit */
};

struct courier {
	const char *state;
	const struct log *log;
	char *cert, *chain, *key; /* paths; chain is there after a renewal only */
	atomic_bool stop;
	struct store *stores[COURIERS];
	pthread_t threads[COURIERS];
	size_t nthreads;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct item *items;
	size_t n;
	bool stale;   /* the items are not those of the store */
	size_t seats; /* taken by threads that are starting */
};

unsigned courier_pause_ms(unsigned failures)
{
	enum { DOUBLINGS_MAX = 9 }; /* COURIER_FIRST_MS << 9 is more than COURIER_MOST_MS */
	const unsigned doublings = failures > DOUBLINGS_MAX ? DOUBLINGS_MAX : failures - 1;
	const unsigned ms = failures ? (unsigned)COURIER_FIRST_MS << doublings : 0;

	return ms < COURIER_MOST_MS ? ms : COURIER_MOST_MS;
}

/* ---- the round ---- */

static struct item *find_item(struct courier *c, int64_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].id == id)
			return &c->items[i];
	return NULL;
}

/* The first node visits all others; they visit it. */
static bool is_to_visit(const struct store_node *n, bool self_is_first)
{
	return !n->self && (self_is_first || n->first);
}

static bool self_is_first(const struct store_node *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nodes[i].self)
			return nodes[i].first;
	return false;
}

/* Locked. On failure the old items stay. */
static int refresh_items(struct courier *c, struct store *s, struct err *e)
{
	struct store_node *nodes;
	struct item *items;
	size_t n, count = 0;
	bool first;
	int rc = store_nodes(s, &nodes, &n, e);

	if (rc)
		return rc;
	items = calloc(n + 1, sizeof(*items));
	if (!items) {
		store_nodes_free(nodes, n);
		return err_nomem(e);
	}
	first = self_is_first(nodes, n);
	for (size_t i = 0; i < n; i++) {
		const struct item *old = find_item(c, nodes[i].id);

		if (!is_to_visit(&nodes[i], first))
			continue;
		items[count++] = old ? *old : (struct item){.id = nodes[i].id, .settled = -1};
	}
	store_nodes_free(nodes, n);
	free(c->items);
	c->items = items;
	c->n = count;
	c->stale = false;
	return 0;
}

/* The one that is due first and nobody is visiting; NULL if there is none. */
static struct item *next_item(struct courier *c)
{
	struct item *next = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (!c->items[i].busy && (!next || c->items[i].due_ms < next->due_ms))
			next = &c->items[i];
	return next;
}

/* Waits, until a time of the steady clock (< 0: for ever) at most. Locked. */
static void wait_until(struct courier *c, int64_t ms)
{
	const struct timespec t = {.tv_sec = (time_t)(ms / 1000),
				   .tv_nsec = (long)(ms % 1000) * 1000000};

	if (ms < 0)
		pthread_cond_wait(&c->changed, &c->lock);
	else
		pthread_cond_timedwait(&c->changed, &c->lock, &t);
}

static void finish(struct courier *c, int64_t id, bool well, int64_t generation)
{
	struct item *it = find_item(c, id);

	if (!it)
		return;
	it->busy = false;
	it->settled = generation;
	it->failures = well || it->again ? 0 : it->failures + 1;
	it->due_ms = clock_ms();
	if (!it->again)
		it->due_ms += well ? COURIER_CHECK_MS : courier_pause_ms(it->failures);
	it->again = false;
}

/* Locked; unlocked while visiting. */
static void go(struct courier *c, struct store *s, struct item *it)
{
	const struct visitor who = {.state = c->state,
				    .log = c->log,
				    .cert = c->cert,
				    .chain = c->chain,
				    .key = c->key,
				    .stop = &c->stop};
	const int64_t id = it->id;
	int64_t generation = -1;
	struct err e;
	int rc;

	it->busy = true;
	pthread_mutex_unlock(&c->lock);
	rc = visit_node(&who, s, id, &generation, &e);
	pthread_mutex_lock(&c->lock);
	finish(c, id, !rc, generation);
	pthread_cond_broadcast(&c->changed);
}

static void *run(void *arg)
{
	struct courier *c = arg;
	struct store *s;
	struct err e;

	pthread_mutex_lock(&c->lock);
	s = c->stores[c->seats++];
	while (!c->stop) {
		struct item *it;

		if (c->stale && refresh_items(c, s, &e)) {
			log_line(c->log, LOG_LEVEL_ERROR, "%s", e.what);
			wait_until(c, clock_ms() + COURIER_FIRST_MS);
			continue;
		}
		it = next_item(c);
		if (it && it->due_ms <= clock_ms())
			go(c, s, it);
		else
			wait_until(c, it ? it->due_ms : -1);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

bool courier_is_news(struct courier_news *n, struct store *s)
{
	struct store_ctl newest = {0};
	int64_t revision;
	struct err ignored;
	bool news;

	if (store_cluster_revision(s, &revision, &ignored) ||
	    store_ctl_current(s, &newest, &ignored))
		return true;
	news = atomic_exchange(&n->revision, revision) != revision;
	news |= atomic_exchange(&n->generation, newest.generation) != newest.generation;
	store_ctl_free(&newest);
	return news;
}

void courier_wake(struct courier *c)
{
	pthread_mutex_lock(&c->lock);
	c->stale = true;
	for (size_t i = 0; i < c->n; i++) {
		c->items[i].again = c->items[i].busy;
		c->items[i].failures = 0;
		c->items[i].due_ms = 0;
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

bool courier_settled(struct courier *c, int64_t generation)
{
	bool settled;

	pthread_mutex_lock(&c->lock);
	settled = !c->stale;
	for (size_t i = 0; i < c->n; i++)
		settled = settled && c->items[i].settled >= generation;
	pthread_mutex_unlock(&c->lock);
	return settled;
}

/* ---- coming and going ---- */

static void init_lock(struct courier *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static int start(struct courier *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < COURIERS; i++)
		rc = store_open(&c->stores[i], c->state, STORE_WRITE, e);
	for (size_t i = 0; !rc && i < COURIERS; i++) {
		const int why = pthread_create(&c->threads[i], NULL, run, c);

		if (why)
			rc = err_set(e, ERR_FAILED, "courier", "cannot start a thread: %s",
				     strerror(why));
		else
			c->nthreads++;
	}
	return rc;
}

int courier_new(struct courier **out, const char *state, const struct log *log, struct err *e)
{
	struct courier *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_nomem(e);
	c->state = state;
	c->log = log;
	c->stale = true;
	init_lock(c);
	c->cert = file_join(state, "keys/provider.crt");
	c->chain = file_join(state, "keys/provider.chain");
	c->key = file_join(state, "keys/provider.key");
	rc = c->cert && c->chain && c->key ? start(c, e) : err_nomem(e);
	if (rc)
		courier_free(c);
	else
		*out = c;
	return rc;
}

void courier_free(struct courier *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->nthreads; i++)
		pthread_join(c->threads[i], NULL);
	for (size_t i = 0; i < COURIERS; i++)
		store_close(c->stores[i]);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c->items);
	free(c->cert);
	free(c->chain);
	free(c->key);
	free(c);
}
