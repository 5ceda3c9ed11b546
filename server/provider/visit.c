#include "server/provider/visit.h"

#include "server/cluster/bundle.h"
#include "server/cluster/node_desc.h"
#include "server/net/api_client.h"
#include "server/store/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONNECT_S = 5, VISIT_S = 30, ROUNDS_MAX = 1000 };

/* One visit: who goes where, with what. */
struct visit {
	const struct visitor *who;
	struct store *s;
	struct store_node *nodes;
	size_t n;
	const struct store_node *node; /* to visit */
	int64_t generation;            /* the newest here */
	uint8_t sha256[SHA256_LEN];    /* its digest */
};

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
	static const char *const events[] = {[STORE_PENDING] = "node-pending",
					     [STORE_DELIVERED] = "node-delivered",
					     [STORE_ACTIVE] = "node-active",
					     [STORE_FAILED] = "node-failed"};
	struct store_dist d = {.node = v->node->id,
			       .generation = v->generation,
			       .state = state,
			       .time = time(NULL)};
	struct log_event event;
	struct err e;

	snprintf(d.detail, sizeof(d.detail), "%s", detail);
	if (!v->generation || is_known(v, &d))
		return;
	event = (struct log_event){
		.event = events[state], .node = v->node->name, .generation = v->generation};
	log_event(v->who->log, state == STORE_FAILED ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, &event,
		  "node %s: generation %" PRId64 " %s%s%s", v->node->name, v->generation,
		  store_dist_word(state), *detail ? ": " : "", detail);
	/* The node may have been removed meanwhile. */
	if (store_dist_set(v->s, &d, &e))
		log_line(v->who->log, LOG_LEVEL_WARN, "%s", e.what);
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
		log_event(v->who->log, LOG_LEVEL_INFO,
			  &(struct log_event){.event = "node-changed", .node = now.name},
			  "node %s (%s, %s) has changed its name, address or certificates",
			  now.name, now.ip, now.provider);
		notify_all(v->who->state);
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
	log_event(v->who->log, LOG_LEVEL_WARN,
		  &(struct log_event){.event = "ctl-came-back",
				      .node = v->node->name,
				      .generation = news.generation},
		  "got the lists up to generation %" PRId64
		  " back from node %s, as this store comes from a backup",
		  news.generation, v->node->name);
	/* Brings them into service here, and causes the next visit. */
	notify_all(v->who->state);
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
		log_line(v->who->log, LOG_LEVEL_WARN,
			 "the first node, %s, cannot be told of us: %s", v->node->name, e->what);
	json_decref(body);
	json_decref(answer);
	return rc;
}

/* ---- a visit ---- */

static int call_on(const struct visit *v, bool first, struct err *e)
{
	const struct store_cert *pin = store_node_cert(v->node, "provider");
	struct api_opts opts = {.pin = pin ? pin->der : span_of(NULL, 0),
				.cert = access(v->who->chain, R_OK) ? v->who->cert : v->who->chain,
				.key = v->who->key,
				.connect_s = CONNECT_S,
				.total_s = VISIT_S,
				.cancel = v->who->stop};
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

int visit_node(const struct visitor *who, struct store *s, int64_t id, int64_t *generation,
	       struct err *e)
{
	struct visit v = {.who = who, .s = s};
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
