/* ctladmin node list, show: what this node's store knows. */
#include "common/json.h"
#include "server/admin/commands.h"
#include "server/admin/node_args.h"
#include "server/admin/node_make.h"
#include "server/cluster/cert_json.h"
#include "trustfile/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All nodes, and how far the newest list has got with them. */
struct overview {
	struct store_node *nodes;
	size_t n;
	struct store_dist *dist;
	size_t ndist;
};

static int overview_read(struct overview *o, struct store *s, struct err *e)
{
	int rc = store_nodes(s, &o->nodes, &o->n, e);

	return rc ? rc : store_dist_list(s, &o->dist, &o->ndist, e);
}

static void overview_free(struct overview *o)
{
	store_nodes_free(o->nodes, o->n);
	free(o->dist);
}

static const struct store_dist *dist_of(const struct overview *o, const struct store_node *n)
{
	for (size_t i = 0; i < o->ndist; i++)
		if (o->dist[i].node == n->id)
			return &o->dist[i];
	return NULL;
}

static const char *type_of(const struct store_node *n)
{
	return n->first ? "publisher" : "subscriber";
}

/* ---- JSON ---- */

static json_t *dist_json(const struct store_dist *d)
{
	if (!d)
		return json_null();
	return json_pack("{s:s, s:I, s:o}", "state", store_dist_word(d->state), "generation",
			 (json_int_t)d->generation, "detail",
			 json_text(span_of(d->detail, strlen(d->detail))));
}

static json_t *certs_json(const struct store_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->ncerts; i++) {
		struct err ignored;
		X509 *x;

		if (cert_from_der(&x, n->certs[i].der, &ignored))
			continue;
		json_array_append_new(list, cert_json(n->certs[i].role, x));
		X509_free(x);
	}
	return list;
}

static json_t *node_json(const struct overview *o, const struct store_node *n)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:o, s:o}", "name", n->name, "uid", n->uid,
			 "type", type_of(n), "self", n->self, "ip", n->ip, "provider", n->provider,
			 "distribution", dist_json(dist_of(o, n)), "certificates", certs_json(n));
}

/* ---- text ---- */

static void print_line(const struct overview *o, const struct store_node *n)
{
	const struct store_dist *d = dist_of(o, n);

	printf("%-20s %-10s %-15s %-22s %s%s", n->name, type_of(n), n->ip, n->provider,
	       n->self ? "this node" : "", n->self && d ? ", " : "");
	if (d)
		printf("generation %lld %s%s%s", (long long)d->generation,
		       store_dist_word(d->state), *d->detail && !n->self ? ": " : "",
		       n->self ? "" : d->detail);
	putchar('\n');
}

static void print_cert(const struct store_cert *c)
{
	struct buf subject = {0}, print = {0};
	struct err ignored;
	char until[32] = "?";
	struct tm tm;
	X509 *x;

	if (cert_from_der(&x, c->der, &ignored))
		return;
	(void)cert_name(&subject, X509_get_subject_name(x), &ignored);
	node_fingerprint(&print, c->der);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm))
		strftime(until, sizeof(until), "%Y-%m-%d", &tm);
	printf("  %-12s %s\n               until %s\n               SHA-256 %s\n", c->role,
	       buf_cstr(&subject) ? (const char *)subject.data : "", until,
	       print.data ? (const char *)print.data : "");
	buf_free(&subject);
	buf_free(&print);
	X509_free(x);
}

static void print_node(const struct overview *o, const struct store_node *n)
{
	print_line(o, n);
	for (size_t i = 0; i < n->ncerts; i++)
		print_cert(&n->certs[i]);
}

/* ---- the commands ---- */

static int list(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct overview o = {0};
	json_t *array = json_array();
	int rc = overview_read(&o, s, e);

	(void)state;
	for (size_t i = 0; !rc && i < o.n; i++) {
		if (a->json)
			json_array_append_new(array, node_json(&o, &o.nodes[i]));
		else
			print_line(&o, &o.nodes[i]);
	}
	if (!rc && a->json)
		rc = json_print(json_incref(array));
	json_decref(array);
	overview_free(&o);
	return rc;
}

int cmd_node_list(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {NODE_OPTION_JSON, NODE_OPTIONS_WHERE, {0}};
	struct node_args a = {0};

	(void)ctx;
	return node_cmd(&a, options, NULL,
			"Lists the nodes of the cluster, and how far the trust list has got.",
			STORE_WRITE, list, argc, argv);
}

static const struct store_node *pick(const struct overview *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (name ? !strcmp(o->nodes[i].name, name) : o->nodes[i].self)
			return &o->nodes[i];
	return NULL;
}

static int show(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	const char *name = a->nwords ? a->words[0] : NULL;
	const struct store_node *n;
	struct overview o = {0};
	int rc = overview_read(&o, s, e);

	(void)state;
	if (rc)
		goto out;
	n = pick(&o, name);
	if (!n) {
		err_set(e, ERR_FAILED, "no-node", "there is no node \"%s\" in this cluster",
			name ? name : "(this one)");
		rc = err_hint(e, "\"ctladmin node list\" shows those that there are");
	} else if (a->json) {
		rc = json_print(node_json(&o, n));
	} else {
		print_node(&o, n);
	}
out:
	overview_free(&o);
	return rc;
}

int cmd_node_show(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {NODE_OPTION_JSON, NODE_OPTIONS_WHERE, {0}};
	struct node_args a = {.nwords_max = 1};

	(void)ctx;
	return node_cmd(&a, options, "[NAME]",
			"Shows a node (this one, unless named) with its certificates and their "
			"fingerprints.",
			STORE_WRITE, show, argc, argv);
}
