#include "server/provider/courier.h"

#include "common/file.h"
#include "server/cluster/bundle.h"
#include "server/cluster/node_desc.h"
#include "server/net/api_client.h"
#include "server/store/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONNECT_S = 5, VISIT_S = 30, ROUNDS_MAX = 1000 };

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

/* One visit: who goes where, with what. */
struct visit {
	struct courier *c;
	struct store *s;
	struct store_node *nodes;
	size_t n;
	const struct store_node *node; /* to visit */
	int64_t generation;            /* the newest here */
	uint8_t sha256[SHA256_LEN];    /* its digest */
};

static int64_t steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned courier_pause_ms(unsigned failures)
{
	enum { DOUBLINGS_MAX = 9 }; /* COURIER_FIRST_MS << 9 is more than COURIER_MOST_MS */
	const unsigned doublings = failures > DOUBLINGS_MAX ? DOUBLINGS_MAX : failures - 1;
	const unsigned ms = failures ? (unsigned)COURIER_FIRST_MS << doublings : 0;

	return ms < COURIER_MOST_MS ? ms : COURIER_MOST_MS;
}

/* ---- what is known of a node ---- */

static bool is_known(const struct visit *v, const struct store_dist *d)
{
	struct store_dist *list;
	struct err ignored;
	bool same = false;
	size_t n;

	if (store_dist_list(v->s, &list, &n, &ignored))
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i].node == d->node)
			same = list[i].generation == d->generation && list[i].state == d->state &&
			       !strcmp(list[i].detail, d->detail);
	free(list);
	return same;
}

/* Notes the state of the node, and logs it, if it is news. */
static void note(const struct visit *v, enum store_dist_state state, const char *detail)
{
	struct store_dist d = {.node = v->node->id,
			       .generation = v->generation,
			       .state = state,
			       .time = time(NULL)};
	struct err e;

	snprintf(d.detail, sizeof(d.detail), "%s", detail);
	if (!v->generation || is_known(v, &d))
		return;
	log_line(v->c->log, state == STORE_FAILED ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		 "node %s: generation %" PRId64 " %s%s%s", v->node->name, v->generation,
		 store_dist_word(state), *detail ? ": " : "", detail);
	/* The node may have been removed meanwhile. */
	if (store_dist_set(v->s, &d, &e))
		log_line(v->c->log, LOG_LEVEL_WARN, "%s", e.what);
}

/* ---- the first node visits another one ---- */

/* The node says what it is now: name, addresses, certificates. */
static int take_description(const struct visit *v, json_t *answer, struct err *e)
{
	struct store_node now;
	bool changed = false;
	int rc = node_desc_read(&now, json_object_get(answer, "node"), e);

	if (rc)
		return rc;
	if (now.first || strcmp(now.uid, v->node->uid) != 0)
		rc = err_set(e, ERR_REFUSED, "node-description", "at %s answers another node, %s",
			     v->node->provider, now.name);
	else
		rc = store_node_update(v->s, &now, &changed, e);
	if (!rc && changed) {
		log_line(v->c->log, LOG_LEVEL_INFO,
			 "node %s (%s, %s) has changed its name, address or certificates", now.name,
			 now.ip, now.provider);
		notify_all(v->c->state);
	}
	store_node_free(&now);
	return rc;
}

/* What the node lacks, as the document to bring; NULL if it lacks nothing. */
static int pack(json_t **out, const struct visit *v, json_t *answer, struct err *e)
{
	json_t *cluster, *generations = NULL;
	const char *described = json_string_value(json_object_get(answer, "described"));
	const int64_t has = json_integer_value(json_object_get(answer, "generation"));
	char digest[STORE_DIGEST_TEXT];
	bool knows;
	int rc = bundle_cluster(&cluster, v->s, digest, e);

	*out = NULL;
	if (rc)
		return rc;
	knows = described && !strcmp(described, digest);
	if (!knows || has < v->generation)
		rc = bundle_generations(&generations, v->s, has, e);
	if (!rc && generations) {
		*out = json_pack("{s:o}", "generations", generations);
		if (!*out || (!knows && json_object_set(*out, "cluster", cluster)))
			rc = err_nomem(e);
	}
	json_decref(cluster);
	return rc;
}

/* This first node was restored from a backup: what was accepted since comes back. */
static int take_back(struct api *api, const struct visit *v, struct err *e)
{
	struct bundle_news news;
	char path[64];
	json_t *doc;
	int rc;

	snprintf(path, sizeof(path), "/api/v1/node/ctl?after=%" PRId64, v->generation);
	rc = api_get_json(api, path, &doc, e);
	if (rc)
		return rc;
	rc = bundle_take_back(doc, v->s, &news, e);
	json_decref(doc);
	if (!news.generation)
		return rc;
	log_line(v->c->log, LOG_LEVEL_WARN,
		 "got the lists up to generation %" PRId64
		 " back from node %s, as this store comes from a backup",
		 news.generation, v->node->name);
	/* Brings them into service here, and causes the next visit. */
	notify_all(v->c->state);
	return err_set(e, ERR_FAILED, "node-late", "lists have come back");
}

static int check_answer(json_t *answer, struct err *e)
{
	if (json_is_integer(json_object_get(answer, "generation")) &&
	    json_is_integer(json_object_get(answer, "active")) &&
	    json_is_string(json_object_get(answer, "described")) &&
	    json_is_string(json_object_get(answer, "failure")))
		return 0;
	return err_set(e, ERR_FAILED, "node-answer", "the node answers what makes no sense here");
}

/* Brings what it lacks, in as many rounds as it takes; *answer is what it said last. */
static int bring(struct api *api, const struct visit *v, json_t **answer, struct err *e)
{
	int rc = api_get_json(api, "/api/v1/node", answer, e);

	if (!rc)
		rc = check_answer(*answer, e);
	if (!rc)
		rc = take_description(v, *answer, e);
	if (!rc && json_integer_value(json_object_get(*answer, "generation")) > v->generation)
		rc = take_back(api, v, e);
	for (int i = 0; !rc && i < ROUNDS_MAX; i++) {
		json_t *parcel, *reply = NULL;

		rc = pack(&parcel, v, *answer, e);
		if (rc || !parcel)
			break;
		rc = api_send_json(api, "PUT", "/api/v1/node/ctl", parcel, &reply, e);
		json_decref(parcel);
		if (!rc)
			rc = check_answer(reply, e);
		if (rc) {
			json_decref(reply);
			break;
		}
		json_decref(*answer);
		*answer = reply;
	}
	return rc;
}

static bool same_list(const struct visit *v, json_t *answer)
{
	const char *theirs = json_string_value(json_object_get(answer, "sha256"));
	json_t *ours = json_hex(span_of(v->sha256, sizeof(v->sha256)));
	const bool same = theirs && ours && !strcmp(theirs, json_string_value(ours));

	json_decref(ours);
	return same;
}

/* What its answer means for the distribution. */
static int judge(const struct visit *v, json_t *answer, struct err *e)
{
	const int64_t has = json_integer_value(json_object_get(answer, "generation"));
	const int64_t active = json_integer_value(json_object_get(answer, "active"));
	const char *failure = json_string_value(json_object_get(answer, "failure"));

	if (has == v->generation && has && !same_list(v, answer))
		return err_set(e, ERR_FAILED, "node-differs",
			       "the node has another list as generation %" PRId64
			       "; the next one that is signed replaces both",
			       has);
	if (active < v->generation && *failure)
		return err_set(e, ERR_FAILED, "node-failed", "%s", failure);
	note(v, active < v->generation ? STORE_DELIVERED : STORE_ACTIVE, "");
	return active < v->generation
		       ? err_set(e, ERR_FAILED, "node-late", "the node does not serve the list yet")
		       : 0;
}

static int deliver(const struct visit *v, struct api *api, struct err *e)
{
	json_t *answer = NULL;
	int rc = bring(api, v, &answer, e);

	if (!rc)
		rc = judge(v, answer, e);
	if (rc && strcmp(e->id, "node-late") != 0)
		note(v, STORE_FAILED, e->what);
	json_decref(answer);
	return rc;
}

/* ---- another node tells the first ---- */

static int report(const struct visit *v, struct api *api, struct err *e)
{
	json_t *body = NULL, *answer = NULL;
	int rc = 0;

	for (size_t i = 0; i < v->n; i++)
		if (v->nodes[i].self)
			body = json_pack("{s:o}", "node", node_desc_json(&v->nodes[i]));
	rc = body ? api_send_json(api, "POST", "/api/v1/nodes/hello", body, &answer, e)
		  : err_nomem(e);
	if (rc)
		log_line(v->c->log, LOG_LEVEL_WARN, "the first node, %s, cannot be told of us: %s",
			 v->node->name, e->what);
	json_decref(body);
	json_decref(answer);
	return rc;
}

/* ---- a visit ---- */

static int call_on(const struct visit *v, bool first, struct err *e)
{
	const struct store_cert *pin = store_node_cert(v->node, "provider");
	struct api_opts opts = {.pin = pin ? pin->der : span_of(NULL, 0),
				.cert = access(v->c->chain, R_OK) ? v->c->cert : v->c->chain,
				.key = v->c->key,
				.connect_s = CONNECT_S,
				.total_s = VISIT_S,
				.cancel = &v->c->stop};
	struct api *api = NULL;
	int rc;

	if (!*v->node->provider) {
		rc = err_set(e, ERR_FAILED, "node-address",
			     "nobody knows the address of its provider; \"ctladmin node "
			     "set-address\" there, or start it once");
		note(v, STORE_FAILED, e->what);
		return rc;
	}
	rc = hostport_parse(&opts.server, v->node->provider, 0, e);
	if (!rc)
		rc = api_open(&api, &opts, e);
	if (!rc)
		rc = first ? deliver(v, api, e) : report(v, api, e);
	api_close(api);
	return rc;
}

static const struct store_node *self_of(const struct visit *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->nodes[i].self)
			return &v->nodes[i];
	return NULL;
}

/* Goes to the node of that id; *generation is what it was visited with. */
static int visit(struct courier *c, struct store *s, int64_t id, int64_t *generation, struct err *e)
{
	struct visit v = {.c = c, .s = s};
	struct store_ctl newest = {0};
	int rc = store_ctl_current(s, &newest, e);

	if (!rc)
		rc = store_nodes(s, &v.nodes, &v.n, e);
	if (rc)
		goto out;
	*generation = v.generation = newest.generation;
	memcpy(v.sha256, newest.sha256, sizeof(v.sha256));
	for (size_t i = 0; i < v.n; i++)
		if (v.nodes[i].id == id)
			v.node = &v.nodes[i];
	if (v.node && self_of(&v))
		rc = call_on(&v, self_of(&v)->first, e);
out:
	store_nodes_free(v.nodes, v.n);
	store_ctl_free(&newest);
	return rc;
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
	it->due_ms = steady_ms();
	if (!it->again)
		it->due_ms += well ? COURIER_CHECK_MS : courier_pause_ms(it->failures);
	it->again = false;
}

/* Locked; unlocked while visiting. */
static void go(struct courier *c, struct store *s, struct item *it)
{
	const int64_t id = it->id;
	int64_t generation = -1;
	struct err e;
	int rc;

	it->busy = true;
	pthread_mutex_unlock(&c->lock);
	rc = visit(c, s, id, &generation, &e);
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
			wait_until(c, steady_ms() + COURIER_FIRST_MS);
			continue;
		}
		it = next_item(c);
		if (it && it->due_ms <= steady_ms())
			go(c, s, it);
		else
			wait_until(c, it ? it->due_ms : -1);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
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
