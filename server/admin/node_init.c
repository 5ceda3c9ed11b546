#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/text.h"
#include "server/admin/capf_authority.h"
#include "server/admin/node_make.h"
#include "server/admin/state_opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_IP = 1000,
	OPT_CLUSTER,
	OPT_ORGANIZATION,
	OPT_UNIT,
	OPT_STATE,
};

struct options {
	struct node_plan plan;
	const char *cluster, *conf, *state;
};

static const struct argp_option option_table[] = {
	{.name = "ip", .key = OPT_IP, .arg = "ADDRESS", .doc = "address at which phones reach it"},
	{.name = "cluster",
	 .key = OPT_CLUSTER,
	 .arg = "NAME",
	 .doc = "name of the cluster (cluster)"},
	{.name = "organization",
	 .key = OPT_ORGANIZATION,
	 .arg = "O",
	 .doc = "O of the certificates (the cluster's name)"},
	{.name = "unit", .key = OPT_UNIT, .arg = "OU", .doc = "OU of the certificates (Telephony)"},
	{.name = "config",
	 .key = 'c',
	 .arg = "FILE",
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},
	{.name = "state", .key = OPT_STATE, .arg = "DIR", .doc = "folder of the node's state"},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_IP:
		o->plan.ip = arg;
		return 0;
	case OPT_CLUSTER:
		o->cluster = arg;
		return 0;
	case OPT_ORGANIZATION:
		o->plan.organization = arg;
		return 0;
	case OPT_UNIT:
		o->plan.unit = arg;
		return 0;
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->plan.name)
			argp_error(state, "one node at a time");
		o->plan.name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check_cluster(const char *name, struct err *e)
{
	const struct span text = span_of(name, strlen(name));
	struct buf shown = {0};
	bool good;

	text_printable(&shown, text);
	good = text.len && text.len < STORE_NAME_MAX && span_eq(text, buf_view(&shown));
	buf_free(&shown);
	return good ? 0
		    : err_set(e, ERR_USAGE, "cluster-name",
			      "the name of a cluster has 1 to %d printable characters",
			      STORE_NAME_MAX - 1);
}

/* ---- the store ---- */

static int check_new(struct store *s, const char *state, struct err *e)
{
	struct store_node *nodes;
	size_t n;
	int rc = store_nodes(s, &nodes, &n, e);

	if (rc)
		return rc;
	if (n) {
		rc = err_set(e, ERR_CONFLICT, "node-exists", "%s is the state of node %s already",
			     state, nodes[0].name);
		err_hint(e, "for another node choose another folder with --state; new keys for "
			    "this one would lock its phones out");
	}
	store_nodes_free(nodes, n);
	return rc;
}

static void tell(const struct options *o, const char *state, const struct buf *provider)
{
	const struct node_plan *p = &o->plan;
	struct buf text = {0};

	node_fingerprint(&text, buf_view(provider));
	printf("\nnode %s (%s) of cluster \"%s\" is ready in %s\n"
	       "the provider's certificate has the SHA-256 fingerprint\n  %s\n"
	       "ctlclient shows the same when it connects for the first time; compare them\n\n"
	       "next: ctladmin user add NAME --role officer --state %s\n"
	       "      then start ctlproviderd and ctltftpd\n"
	       "      further nodes: ctladmin node invite NAME\n",
	       p->name, p->ip, o->cluster, state, text.data ? (const char *)text.data : "", state);
	buf_free(&text);
}

static int make_node(struct store *s, const char *state, const struct options *o, struct err *e)
{
	static const char *const roles[] = {"provider", "ccm+tftp", "capf", NULL};
	struct store_node node = {.first = true, .self = true};
	struct store_cert certs[NODE_MAKE_CERTS] = {0};
	struct buf der[NODE_MAKE_CERTS] = {{0}};
	int rc = node_make_all(&node, certs, der, state, &o->plan, roles, e);

	if (!rc)
		rc = store_cluster_name_set(s, o->cluster, e);
	/* Last: a node that is in the store is complete. */
	if (!rc)
		rc = store_node_add(s, &node, e);
	if (!rc)
		tell(o, state, &der[0]);
	for (size_t i = 0; i < NODE_MAKE_CERTS; i++)
		buf_free(&der[i]);
	return rc;
}

/* The node is there by then; what this says can be done again. */
static int make_authority(struct store *s, const char *state, const char *key, struct err *e)
{
	if (!capf_authority_make(state, s, key, NULL, e))
		return 0;
	return err_hint(e, "the node is ready but for the key that capf { key } names; when that "
			   "is mended: \"ctladmin capf authority\"");
}

/* key: of CAPF's authority, where the configuration says; NULL: in the folder, as all others. */
static int init(const struct options *o, const char *state, const char *key, struct err *e)
{
	struct store *s = NULL;
	int rc = node_make_folders(state, e);

	if (!rc)
		rc = store_open(&s, state, STORE_CREATE, e);
	if (!rc)
		rc = check_new(s, state, e);
	if (!rc)
		rc = make_node(s, state, o, e);
	if (!rc && key)
		rc = make_authority(s, state, key, e);
	store_close(s);
	return rc;
}

int cmd_node_init(int argc, char **argv, void *ctx)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[NAME]",
		.doc = "Makes this host the first node of a cluster: folders, store, keys and "
		       "certificates. NAME is the host name, or the address, that phones know it "
		       "by.",
	};
	struct options o = {.cluster = "cluster", .plan.unit = "Telephony"};
	struct conf conf = {0};
	char *state = NULL;
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	if (!o.plan.organization)
		o.plan.organization = o.cluster;
	rc = node_find_out(&o.plan, &e);
	if (!rc)
		rc = check_cluster(o.cluster, &e);
	if (!rc)
		rc = state_opt(&state, o.state, o.conf, &e);
	/* A folder of its own is no node of the usual configuration. */
	if (!rc && (o.conf || !o.state))
		rc = conf_load(&conf, o.conf, &e);
	if (!rc)
		rc = init(&o, state, conf.capf.key, &e);
	if (conf.state)
		conf_free(&conf);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}
