/* ctlclient cluster show, status, fetch, history: what asks the provider and changes nothing. */
#include "ctlclient/cluster_commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "ctlclient/cluster_view.h"
#include "ctlclient/ctl_json.h"
#include "ctlclient/link.h"
#include "trustfile/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct read_args {
	struct cluster_opts cluster;
	struct desk_opts desk;
	const char *out;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct read_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		a->cluster.desk = &a->desk;
		state->child_inputs[0] = &a->cluster;
		state->child_inputs[1] = &a->desk;
		return 0;
	case 'o':
		a->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not expected here", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&options_cluster, 0, "Provider:", 1},
	{&options_desk, 0, "Token of the client certificate:", 2},
	{0}};

/* Every command here: parse, connect, do one thing. */
typedef int read_fn(struct api *api, const struct read_args *a, struct err *e);

static int run(const char *doc, const struct argp_option *options, read_fn *fn, int argc,
	       char **argv)
{
	const struct argp argp = {options, parse, NULL, doc, children, NULL, NULL};
	struct read_args a = {0};
	struct link *link = NULL;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, &a);
	rc = link_open(&link, &a.cluster, &e);
	if (!rc)
		rc = fn(link_api(link), &a, &e);
	if (rc)
		err_print(&e, argv[0]);
	link_close(link);
	return rc;
}

static int stdout_failed(int rc, struct err *e)
{
	return rc ? err_set(e, ERR_FAILED, "output", "cannot write to standard output") : 0;
}

static const char *text_of(json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "-";
}

static void print_joined(json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		printf("%s%s", i ? ", " : "", text ? text : "-");
	}
}

static void print_node(json_t *node)
{
	json_t *cert;
	size_t i;

	printf("\n%s (%s)\n  roles:     ", text_of(node, "name"), text_of(node, "type"));
	print_joined(json_object_get(node, "roles"));
	printf("\n  addresses: ");
	print_joined(json_object_get(node, "addresses"));
	printf("\n");
	json_array_foreach(json_object_get(node, "certificates"), i, cert)
		printf("  %-10s %s\n             serial %s, until %.10s\n             SHA-256 %s\n",
		       text_of(cert, "role"), text_of(cert, "subject"), text_of(cert, "serial"),
		       text_of(cert, "not_after"), text_of(cert, "sha256"));
}

static int show(struct api *api, const struct read_args *a, struct err *e)
{
	json_t *doc = NULL;
	json_t *node;
	size_t i;
	int rc = api_get_json(api, "/api/v1/cluster", &doc, e);

	if (rc)
		return rc;
	if (a->cluster.json)
		return stdout_failed(json_print(doc), e);
	printf("cluster:    %s\nmode:       %s\ngeneration: %lld\n", text_of(doc, "name"),
	       text_of(doc, "security_mode"),
	       json_integer_value(json_object_get(doc, "generation")));
	json_array_foreach(json_object_get(doc, "nodes"), i, node) print_node(node);
	json_decref(doc);
	return 0;
}

int cluster_show(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run("Shows the nodes of a cluster with their roles, addresses and certificates.",
		   NULL, show, argc, argv);
}

static json_t *lines_json(const struct buf *lines)
{
	json_t *list = json_array();
	const char *p = (const char *)lines->data;
	const char *end = p ? p + lines->len : p;

	while (list && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);

		json_array_append_new(list, json_stringn(p, n));
		p += n + 1;
	}
	return list;
}

static json_t *status_json(const struct cluster_view *v, const struct buf *outdated, json_t *dist)
{
	return json_pack(
		"{s:O, s:O, s:I, s:b, s:o, s:o, s:o, s:O}", "name", json_object_get(v->doc, "name"),
		"security_mode", json_object_get(v->doc, "security_mode"), "generation",
		(json_int_t)v->generation, "up_to_date", v->list && !outdated->len, "outdated",
		lines_json(outdated), "signer", v->list ? ctl_signer_json(v->list) : json_null(),
		"tokens", json_integer(v->list ? (json_int_t)tl_token_count(v->list) : 0),
		"distribution", json_object_get(dist, "distribution"));
}

static void print_list_status(const struct cluster_view *v, const struct buf *outdated)
{
	const struct span signer = tl_text(v->list->signer_name);
	const time_t t = (time_t)v->list->timestamp;
	struct tm tm;
	char when[32] = "?";

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	printf("generation: %lld, signed %s by %.*s\n", (long long)v->generation, when,
	       (int)signer.len, (const char *)signer.data);
	printf("tokens:     %zu\n", tl_token_count(v->list));
	if (!outdated->len)
		printf("the list is in line with the cluster\n");
	else
		printf("the list is OUTDATED; \"ctlclient cluster update\" brings it in "
		       "line:\n%.*s",
		       (int)outdated->len, (const char *)outdated->data);
}

static void print_distribution(json_t *dist)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(dist, "distribution"), i, d) printf(
		"  %-20s %-9s generation %lld  %s\n", text_of(d, "node"), text_of(d, "state"),
		json_integer_value(json_object_get(d, "generation")), text_of(d, "detail"));
}

static int status(struct api *api, const struct read_args *a, struct err *e)
{
	struct cluster_view v;
	struct buf outdated = {0};
	json_t *dist = NULL;
	int rc;

	rc = cluster_view_get(&v, api, e);
	if (!rc)
		rc = cluster_view_outdated(&v, &outdated, e);
	if (!rc)
		rc = api_get_json(api, "/api/v1/ctl/distribution", &dist, e);
	if (rc)
		goto out;
	if (a->cluster.json) {
		rc = stdout_failed(json_print(status_json(&v, &outdated, dist)), e);
		goto out;
	}
	printf("cluster:    %s\nmode:       %s\n", text_of(v.doc, "name"),
	       v.mixed ? "mixed" : "non-secure");
	if (v.list)
		print_list_status(&v, &outdated);
	else
		printf("there is no trust list yet; \"ctlclient cluster set-mode mixed\" makes the "
		       "first one, with two tokens\n");
	print_distribution(dist);
out:
	json_decref(dist);
	buf_free(&outdated);
	cluster_view_free(&v);
	return rc;
}

int cluster_status(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run(
		"Shows where a cluster stands: security mode, trust list, who signed it, whether "
		"it is in line with the servers, and which nodes have it.",
		NULL, status, argc, argv);
}

static int fetch(struct api *api, const struct read_args *a, struct err *e)
{
	struct api_reply reply;
	int rc;

	if (!a->out) {
		err_set(e, ERR_USAGE, "usage", "where to? give -o FILE");
		return (int)e->kind;
	}
	rc = api_get(api, "/api/v1/ctl", &reply, e);
	if (rc)
		return rc;
	rc = file_write(a->out, buf_view(&reply.body), 0644, e);
	if (!rc && a->cluster.json)
		rc = stdout_failed(
			json_print(json_pack("{s:o, s:I, s:I}", "file", json_chars(a->out),
					     "generation", (json_int_t)reply.generation, "size",
					     (json_int_t)reply.body.len)),
			e);
	else if (!rc)
		printf("%s: generation %lld, %zu bytes\n", a->out, (long long)reply.generation,
		       reply.body.len);
	buf_free(&reply.body);
	return rc;
}

int cluster_fetch(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"output", 'o', "FILE", 0, "Where to save it", 0}, {0}};

	(void)ctx;
	return run("Saves the trust list that the phones of a cluster get.", options, fetch, argc,
		   argv);
}

static void print_generation(json_t *g)
{
	const char *p = text_of(g, "difference");

	printf("generation %lld  %s  %s from %s, %s\n  signed by %s\n",
	       json_integer_value(json_object_get(g, "generation")), text_of(g, "time"),
	       text_of(g, "user"), text_of(g, "address"), text_of(g, "security_mode"),
	       text_of(json_object_get(g, "signer"), "subject"));
	while (*p) {
		const size_t n = strcspn(p, "\n");

		printf("  %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static int history(struct api *api, const struct read_args *a, struct err *e)
{
	json_t *doc = NULL;
	json_t *g;
	size_t i;
	int rc = api_get_json(api, "/api/v1/ctl/history", &doc, e);

	if (rc)
		return rc;
	if (a->cluster.json)
		return stdout_failed(json_print(doc), e);
	if (!json_array_size(json_object_get(doc, "generations")))
		printf("no trust list has been accepted yet\n");
	json_array_foreach(json_object_get(doc, "generations"), i, g) print_generation(g);
	json_decref(doc);
	return 0;
}

int cluster_history(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run(
		"Shows the generations of a cluster's trust list, newest first: who, from where, "
		"signed by which token, what changed.",
		NULL, history, argc, argv);
}
