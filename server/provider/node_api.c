#include "server/provider/node_api.h"

#include "server/cluster/bundle.h"
#include "server/cluster/invite.h"
#include "server/cluster/node_desc.h"
#include "server/provider/capf_files.h"
#include "server/store/notify.h"
#include "trustfile/cert.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int node_api_must_be_first(struct store *s, struct err *e)
{
	const char *where = "an unknown address", *name = "another one";
	struct store_node *list;
	bool is_first = false;
	size_t n;
	int rc = 0;

	if (store_nodes(s, &list, &n, e))
		return (int)e->kind;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].first)
			continue;
		is_first = list[i].self;
		name = list[i].name;
		if (*list[i].provider)
			where = list[i].provider;
	}
	if (!is_first) {
		err_set(e, ERR_FAILED, "not-publisher",
			"this node is not the publisher: %s at %s is; changes are made there", name,
			where);
		rc = err_hint(e, "use --server %s", where);
	}
	store_nodes_free(list, n);
	return rc;
}

int node_api_sync(const char *state, struct peers *peers, struct store *s, struct err *e)
{
	const int rc = peers_refresh(peers, s, e);

	return rc ? rc : capf_files_write(state, s, e);
}

int node_api_note_address(struct store *s, const struct hostport *listen, struct err *e)
{
	const bool all = !strcmp(listen->host, "0.0.0.0") || !strcmp(listen->host, "::");
	struct store_node self;
	bool changed;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	node_provider_text(self.provider,
			   !all       ? listen->host
			   : *self.ip ? self.ip
				      : self.name,
			   listen->port);
	rc = store_node_update(s, &self, &changed, e);
	store_node_free(&self);
	return rc;
}

static int read_body(json_t **doc, const struct node_call *c, struct err *e)
{
	if (!json_read(doc, c->body, e))
		return 0;
	e->kind = ERR_USAGE;
	snprintf(e->id, sizeof(e->id), "bad-request");
	return ERR_USAGE;
}

/* ---- joining ---- */

static int no_invitation(struct err *e, const char *why)
{
	err_set(e, ERR_REFUSED, "invitation", "%s", why);
	return err_hint(e, "make a new one on the first node: \"ctladmin node invite NAME\"");
}

/* The invitation, if the secret is right and it is still good. Nobody learns from the time it takes
 * how much of a secret was right. */
static int check_invite(struct store_invite *i, const struct store_node *n, const char *secret,
			struct store *s, struct err *e)
{
	static const char unknown[] = "there is no such invitation for a node of that name";
	uint8_t hash[SHA256_LEN];
	bool found;

	if (!invite_secret_hash(hash, secret))
		return no_invitation(e, unknown);
	if (store_invite_get(s, n->name, i, &found, e))
		return (int)e->kind;
	if (CRYPTO_memcmp(hash, i->hash, sizeof(hash)) != 0 || !found)
		return no_invitation(e, unknown);
	if (*i->used_by && strcmp(i->used_by, n->uid) != 0)
		return no_invitation(e, "the invitation has been used already");
	if (!*i->used_by && i->expires < time(NULL))
		return no_invitation(e, "the invitation has expired");
	return 0;
}

static bool is_own_cert(const struct node_call *c, const struct store_node *n)
{
	struct buf der = {0};
	bool same;

	if (!c->from.cert)
		return false;
	cert_der(&der, c->from.cert);
	same = span_eq(buf_view(&der), store_node_cert(n, "provider")->der);
	buf_free(&der);
	return same;
}

/* A repeated request, because the answer got lost, comes from the node that is known by now. */
static int check_repeated(const struct store_node *n, struct store *s, struct err *e)
{
	struct store_node *list;
	bool other = false;
	size_t count;

	if (store_nodes(s, &list, &count, e))
		return (int)e->kind;
	for (size_t i = 0; i < count; i++) {
		const struct store_cert *known = store_node_cert(&list[i], "provider");

		if (!strcmp(list[i].uid, n->uid))
			other = !known || !span_eq(known->der, store_node_cert(n, "provider")->der);
	}
	store_nodes_free(list, count);
	return other ? no_invitation(e, "the invitation has been used already") : 0;
}

static int admit(struct node_call *c, json_t *doc, struct store *s, struct err *e)
{
	struct store_invite invite;
	const char *secret;
	struct store_node n;
	json_t *node;
	int rc;

	if (json_unpack(doc, "{s:s, s:o}", "secret", &secret, "node", &node))
		return err_set(e, ERR_USAGE, "bad-request", "secret or node is missing");
	rc = node_desc_read(&n, node, e);
	if (rc)
		return rc;
	rc = check_invite(&invite, &n, secret, s, e);
	if (!rc && (n.first || !is_own_cert(c, &n)))
		rc = err_set(e, ERR_REFUSED, "node-description",
			     "the node does not show its own provider certificate");
	if (!rc)
		rc = check_repeated(&n, s, e);
	n.self = false;
	if (!rc)
		rc = store_invite_use(s, &invite, &n, e);
	if (rc)
		log_event(c->log, LOG_LEVEL_WARN,
			  &(struct log_event){.event = "join-refused",
					      .node = n.name,
					      .address = c->address,
					      .reason = e->id},
			  "node %s from %s may not join: %s", n.name, c->address, e->what);
	else
		log_event(c->log, LOG_LEVEL_INFO,
			  &(struct log_event){
				  .event = "joined", .node = n.name, .address = c->address},
			  "node %s (%s) from %s has joined", n.name, n.ip, c->address);
	store_node_free(&n);
	return rc;
}

/* The description and the newest list. */
static int welcome(json_t **out, struct store *s, struct err *e)
{
	char digest[STORE_DIGEST_TEXT];
	json_t *cluster, *generations = NULL;
	struct store_ctl newest;
	int rc = bundle_cluster(&cluster, s, digest, e);

	if (rc)
		return rc;
	rc = store_ctl_current(s, &newest, e);
	if (!rc)
		rc = bundle_generations(&generations, s,
					newest.generation ? newest.generation - 1 : 0, e);
	store_ctl_free(&newest);
	if (rc) {
		json_decref(cluster);
		return rc;
	}
	*out = json_pack("{s:o, s:o}", "cluster", cluster, "generations", generations);
	return *out ? 0 : err_nomem(e);
}

int node_api_join(json_t **out, struct node_call *c, struct store *s, struct err *e)
{
	json_t *doc = NULL;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = read_body(&doc, c, e);
	if (!rc)
		rc = admit(c, doc, s, e);
	if (!rc)
		rc = welcome(out, s, e);
	if (!rc) {
		c->news = true;
		notify_all(c->state);
	}
	json_decref(doc);
	return rc;
}

/* ---- a node tells of itself ---- */

static int take_hello(struct node_call *c, json_t *doc, const char *uid, struct store *s,
		      struct err *e)
{
	struct store_node n;
	bool changed = false;
	int rc = node_desc_read(&n, json_object_get(doc, "node"), e);

	if (rc)
		return rc;
	if (n.first || strcmp(n.uid, uid) != 0)
		rc = err_set(e, ERR_REFUSED, "node-description",
			     "a node can only speak for itself");
	if (!rc)
		rc = store_node_update(s, &n, &changed, e);
	if (!rc && changed) {
		log_line(c->log, LOG_LEVEL_INFO, "node %s (%s, %s) has changed", n.name, n.ip,
			 n.provider);
		notify_all(c->state);
	}
	store_node_free(&n);
	return rc;
}

int node_api_hello(json_t **out, struct node_call *c, struct store *s, struct err *e)
{
	char uid[STORE_UID_MAX];
	json_t *doc = NULL;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = peer_is_node(&c->from, s, uid, e);
	if (!rc)
		rc = read_body(&doc, c, e);
	if (!rc)
		rc = take_hello(c, doc, uid, s, e);
	if (!rc) {
		c->news = true;
		*out = json_object();
		rc = *out ? 0 : err_nomem(e);
	}
	json_decref(doc);
	return rc;
}

/* ---- the first node asks and brings ---- */

static int find_failure(char failure[512], struct store *s, int64_t self, struct err *e)
{
	struct store_dist *list;
	size_t n;

	failure[0] = '\0';
	if (store_dist_list(s, &list, &n, e))
		return (int)e->kind;
	for (size_t i = 0; i < n; i++)
		if (list[i].node == self && list[i].state == STORE_FAILED)
			snprintf(failure, 512, "%s", list[i].detail);
	free(list);
	return 0;
}

static int state_json(json_t **out, struct store *s, struct err *e)
{
	char described[STORE_DIGEST_TEXT], failure[512] = "";
	struct store_active active = {0};
	struct store_ctl newest = {0};
	struct store_node self;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	rc = store_described(s, described, e);
	if (!rc)
		rc = store_ctl_current(s, &newest, e);
	if (!rc)
		rc = store_active_get(s, &active, e);
	if (!rc)
		rc = find_failure(failure, s, self.id, e);
	if (!rc) {
		*out = json_pack("{s:o, s:s, s:I, s:o, s:I, s:o}", "node", node_desc_json(&self),
				 "described", described, "generation",
				 (json_int_t)newest.generation, "sha256",
				 json_hex(span_of(newest.sha256, sizeof(newest.sha256))), "active",
				 (json_int_t)active.generation, "failure",
				 json_text(span_of(failure, strlen(failure))));
		rc = *out ? 0 : err_nomem(e);
	}
	buf_free(&active.file);
	store_ctl_free(&newest);
	store_node_free(&self);
	return rc;
}

int node_api_get(json_t **out, struct node_call *c, struct store *s, struct err *e)
{
	const int rc = peer_is_first(&c->from, s, e);

	return rc ? rc : state_json(out, s, e);
}

/* Everything that was taken is brought into service, also if something behind it was refused. */
static int take_bundle(struct node_call *c, json_t *doc, struct store *s, struct err *e)
{
	struct bundle_news news;
	struct err ignored;
	const int rc = bundle_take(doc, s, &news, e);

	if (rc)
		log_event(c->log, LOG_LEVEL_WARN,
			  &(struct log_event){.event = "delivery-refused",
					      .address = c->address,
					      .reason = e->id},
			  "refused what the first node (from %s) brought: %s", c->address, e->what);
	if (news.generation)
		(void)activate(c->activator, s, &ignored);
	if (!news.described)
		return rc;
	log_line(c->log, LOG_LEVEL_INFO, "the description of the cluster has changed");
	if (node_api_sync(c->state, c->peers, s, &ignored))
		log_line(c->log, LOG_LEVEL_ERROR, "%s", ignored.what);
	notify_all(c->state);
	return rc;
}

int node_api_put(json_t **out, struct node_call *c, struct store *s, struct err *e)
{
	json_t *doc = NULL;
	int rc = peer_is_first(&c->from, s, e);

	if (!rc)
		rc = read_body(&doc, c, e);
	if (!rc)
		rc = take_bundle(c, doc, s, e);
	if (!rc)
		rc = state_json(out, s, e);
	json_decref(doc);
	return rc;
}

int node_api_lists(json_t **out, struct node_call *c, struct store *s, struct err *e)
{
	json_t *generations;

	if (peer_is_first(&c->from, s, e) || bundle_generations(&generations, s, c->after, e))
		return (int)e->kind;
	*out = json_pack("{s:o}", "generations", generations);
	return *out ? 0 : err_nomem(e);
}
