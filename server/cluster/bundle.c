#include "server/cluster/bundle.h"

#include "common/base64.h"
#include "server/cluster/ctl_facts.h"
#include "server/cluster/follow.h"
#include "server/cluster/node_desc.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 65535 /* bytes; phones load no more */ };

/* ---- telling ---- */

static int digest_of(char digest[STORE_DIGEST_TEXT], json_t *cluster, struct err *e)
{
	char *text = json_dumps(cluster, JSON_COMPACT | JSON_SORT_KEYS);
	int rc = text ? sha256_text(digest, span_of(text, strlen(text)), e) : err_nomem(e);

	free(text);
	return rc;
}

int bundle_cluster(json_t **out, struct store *s, char digest[STORE_DIGEST_TEXT], struct err *e)
{
	char name[STORE_NAME_MAX];
	json_t *nodes = NULL, *tftps = NULL, *cluster;
	int rc = store_cluster_name(s, name, e);

	if (!rc)
		rc = nodes_desc_json(&nodes, s, e);
	if (!rc)
		rc = tftps_desc_json(&tftps, s, e);
	if (rc) {
		json_decref(nodes);
		return rc;
	}
	cluster = json_pack("{s:s, s:o, s:o}", "name", name, "nodes", nodes, "tftp_servers", tftps);
	rc = cluster ? digest_of(digest, cluster, e) : err_nomem(e);
	if (!rc && json_object_set_new(cluster, "digest", json_string(digest)))
		rc = err_nomem(e);
	if (rc)
		json_decref(cluster);
	else
		*out = cluster;
	return rc;
}

static json_t *generation_json(const struct store_ctl *c)
{
	struct buf file = {0};
	json_t *v = NULL;

	base64_put(&file, buf_view(&c->file), BASE64_PLAIN);
	if (!file.bad)
		v = json_pack("{s:I, s:I, s:s, s:s, s:s%}", "generation", (json_int_t)c->generation,
			      "time", (json_int_t)c->time, "user", c->user, "address", c->address,
			      "file", (const char *)file.data, file.len);
	buf_free(&file);
	return v;
}

/* Appends one generation, if there is one of that number; *size grows with it. */
static int add_generation(json_t *list, struct store *s, int64_t generation, size_t *size,
			  struct err *e)
{
	struct store_ctl c;
	int rc = store_ctl_at(s, generation, &c, e);

	if (!rc && c.generation) {
		*size += c.file.len;
		if (json_array_append_new(list, generation_json(&c)))
			rc = err_nomem(e);
	}
	store_ctl_free(&c);
	return rc;
}

int bundle_generations(json_t **out, struct store *s, int64_t after, struct err *e)
{
	json_t *list = json_array();
	struct store_ctl newest;
	size_t size = 0;
	int64_t g = after;
	int rc = store_ctl_current(s, &newest, e);

	while (!rc && g < newest.generation && size + LIST_MAX <= BUNDLE_LISTS_MAX)
		rc = add_generation(list, s, ++g, &size, e);
	if (!rc) {
		*out = list;
		list = NULL;
	}
	json_decref(list);
	store_ctl_free(&newest);
	return rc;
}

/* ---- being told ---- */

static int refuse(struct err *e, const char *what)
{
	return err_set(e, ERR_REFUSED, "bundle", "what the first node says %s", what);
}

static const struct store_node *first_of(const struct store_node *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].first)
			return &list[i];
	return NULL;
}

/* The first node is who it was when this node joined, and is not this node. */
static int check_first(struct store *s, const struct store_node *nodes, size_t n, struct err *e)
{
	const struct store_node *told = first_of(nodes, n), *known;
	struct store_node self, *list;
	size_t count;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	if (self.first || !strcmp(self.uid, told->uid))
		rc = refuse(e, "makes this node the first one, or changes that");
	store_node_free(&self);
	if (rc || store_nodes(s, &list, &count, e))
		return (int)e->kind;
	known = first_of(list, count);
	if (known && strcmp(known->uid, told->uid) != 0)
		rc = refuse(e, "makes another node the first one");
	store_nodes_free(list, count);
	return rc;
}

static int take_cluster(json_t *cluster, struct store *s, struct bundle_news *news, struct err *e)
{
	json_t *array, *tftp_array = NULL; /* an older first node does not tell of them */
	struct store_node *nodes = NULL, *tftps = NULL;
	struct store_description d = {0};
	char before[STORE_DIGEST_TEXT];
	int rc;

	if (json_unpack(cluster, "{s:s, s:s, s:o, s?o}", "name", &d.name, "digest", &d.digest,
			"nodes", &array, "tftp_servers", &tftp_array) ||
	    strlen(d.name) >= STORE_NAME_MAX || strlen(d.digest) >= STORE_DIGEST_TEXT)
		return refuse(e, "has a cluster without name, digest and nodes");
	rc = nodes_desc_read(&nodes, &d.nnodes, array, e);
	if (!rc)
		rc = tftps_desc_read(&tftps, &d.ntftps, tftp_array, e);
	d.nodes = nodes;
	d.tftps = tftps;
	if (!rc)
		rc = check_first(s, nodes, d.nnodes, e);
	if (!rc)
		rc = store_described(s, before, e);
	if (!rc && strcmp(before, d.digest) != 0) {
		rc = store_describe(s, &d, e);
		news->described = !rc;
	}
	store_nodes_free(nodes, d.nnodes);
	store_nodes_free(tftps, d.ntftps);
	return rc;
}

static int read_generation(struct store_ctl *c, json_t *doc, struct err *e)
{
	json_int_t generation, when;
	const char *user, *address, *file;

	*c = (struct store_ctl){0};
	if (json_unpack(doc, "{s:I, s:I, s:s, s:s, s:s}", "generation", &generation, "time", &when,
			"user", &user, "address", &address, "file", &file) ||
	    generation < 1 || !base64_take(&c->file, span_of(file, strlen(file)), BASE64_PLAIN) ||
	    !c->file.len || c->file.len > LIST_MAX) {
		store_ctl_free(c);
		return refuse(e, "has a generation without number, time, user, address or file");
	}
	c->generation = generation;
	c->time = when;
	snprintf(c->user, sizeof(c->user), "%s", user);
	snprintf(c->address, sizeof(c->address), "%s", address);
	return 0;
}

/* A generation that is there: the same list, or two histories have parted. */
static int compare(const struct store_ctl *c, struct store *s, struct err *e)
{
	struct store_ctl here;
	int rc = store_ctl_at(s, c->generation, &here, e);

	if (!rc && here.generation && !span_eq(buf_view(&here.file), buf_view(&c->file)))
		rc = err_set(e, ERR_CONFLICT, "ctl-generation",
			     "this node has another list as generation %lld",
			     (long long)c->generation);
	store_ctl_free(&here);
	return rc;
}

/* c after newest: the node's own check, with the tokens in its own list. */
static int accept(struct store_ctl *c, const struct store_ctl *newest, struct store *s,
		  struct err *e)
{
	const struct span before = buf_view(&newest->file), after = buf_view(&c->file);
	struct ctl_facts facts = {0};
	int rc = follow_step(before, after, &c->mixed, e);

	if (!rc)
		rc = ctl_facts_read(&facts, before, after, e);
	if (!rc) {
		c->signer = facts.signer;
		c->difference = facts.difference;
		facts.difference = (struct buf){0};
		rc = store_ctl_receive(s, c, e);
	}
	ctl_facts_free(&facts);
	return rc;
}

static int take_generation(json_t *doc, struct store *s, struct bundle_news *news, struct err *e)
{
	struct store_ctl c, newest;
	int rc = read_generation(&c, doc, e);

	if (rc)
		return rc;
	rc = store_ctl_current(s, &newest, e);
	if (!rc && c.generation <= newest.generation)
		rc = compare(&c, s, e);
	else if (!rc)
		rc = accept(&c, &newest, s, e);
	if (!rc && c.generation > newest.generation)
		news->generation = c.generation;
	if (rc)
		err_wrap(e, "generation %lld", (long long)c.generation);
	store_ctl_free(&c);
	store_ctl_free(&newest);
	return rc;
}

static int take_generations(json_t *list, struct store *s, struct bundle_news *news, struct err *e)
{
	json_t *generation;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, generation)
	{
		if (!rc)
			rc = take_generation(generation, s, news, e);
	}
	return rc;
}

int bundle_take_back(json_t *doc, struct store *s, struct bundle_news *news, struct err *e)
{
	bool restored;

	*news = (struct bundle_news){0};
	if (store_restored(s, &restored, e))
		return (int)e->kind;
	if (!restored)
		return err_set(e, ERR_REFUSED, "node-ahead",
			       "another node has newer lists, but no backup was restored here");
	return take_generations(json_object_get(doc, "generations"), s, news, e);
}

int bundle_take(json_t *doc, struct store *s, struct bundle_news *news, struct err *e)
{
	json_t *cluster = json_object_get(doc, "cluster");
	int rc = 0;

	*news = (struct bundle_news){0};
	if (!json_is_object(doc))
		return refuse(e, "is no object");
	if (cluster)
		rc = take_cluster(cluster, s, news, e);
	return rc ? rc : take_generations(json_object_get(doc, "generations"), s, news, e);
}
