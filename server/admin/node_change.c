/* ctladmin node invite, remove, set-address. */
#include "common/conf.h"
#include "common/json.h"
#include "common/sha256.h"
#include "server/admin/commands.h"
#include "server/admin/node_args.h"
#include "server/cluster/invite.h"
#include "server/cluster/node_desc.h"
#include "server/store/notify.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char list_outdated[] =
	"the trust list is outdated now: bring it in line with \"ctlclient cluster update\" and a "
	"security token,\nthen reset the phones";

static void print_steps(const char *steps)
{
	printf("%s\n", steps);
}

/* ---- invite ---- */

enum { VALID_DEFAULT_S = 3600, VALID_MAX_S = 30 * 24 * 3600 };

/* "90m", "1h", "2d": a number with s, m, h or d. */
static int parse_valid(int64_t *seconds, const char *text, struct err *e)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};
	const size_t digits = strspn(text, "0123456789");
	const long n = digits && digits < 8 ? strtol(text, NULL, 10) : 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (n > 0 && text[digits] == units[i].unit && !text[digits + 1] &&
		    n * units[i].seconds <= VALID_MAX_S) {
			*seconds = n * units[i].seconds;
			return 0;
		}
	return err_set(e, ERR_USAGE, "valid",
		       "--valid takes a time such as 30m, 1h or 2d, 30d at most; not \"%s\"", text);
}

/* Where this provider can be reached: as told, as it noted itself, or as it is configured. */
static int find_address(struct hostport *at, const struct node_args *a,
			const struct store_node *self, struct err *e)
{
	struct conf c;

	if (a->at)
		return hostport_parse(at, a->at, PORT_PROVIDER, e);
	if (*self->provider)
		return hostport_parse(at, self->provider, PORT_PROVIDER, e);
	snprintf(at->host, sizeof(at->host), "%.*s", HOST_MAX - 1,
		 *self->ip ? self->ip : self->name);
	at->port = PORT_PROVIDER;
	if (a->state && !a->conf)
		return 0;
	if (conf_load(&c, a->conf, e))
		return (int)e->kind;
	at->port = c.provider.port;
	conf_free(&c);
	return 0;
}

static int fill_invite(struct invite *i, struct store_invite *row, const struct node_args *a,
		       struct store *s, struct err *e)
{
	struct store_node self;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	if (!self.first) {
		err_set(e, ERR_FAILED, "not-publisher",
			"this is not the first node of the cluster");
		rc = err_hint(e, "invite on the first node; \"ctladmin node list\" names it");
	}
	if (!rc)
		rc = invite_new(i, row->hash, e);
	if (!rc)
		rc = store_cluster_name(s, i->cluster, e);
	if (!rc)
		rc = find_address(&i->publisher, a, &self, e);
	if (!rc)
		rc = sha256_of(i->fingerprint, store_node_cert(&self, "provider")->der, e);
	store_node_free(&self);
	return rc;
}

static int print_invite(const struct node_args *a, const struct invite *i, const char *text,
			int64_t seconds)
{
	if (a->json)
		return json_print(json_pack("{s:s, s:s, s:I, s:s, s:i}", "name", a->words[0],
					    "token", text, "expires",
					    (json_int_t)(time(NULL) + seconds), "publisher",
					    i->publisher.host, "port", i->publisher.port));
	printf("%s\n", text);
	fflush(stdout);
	fprintf(stderr,
		"This invitation is for %s alone, works once, and for %lld minutes; it expects the "
		"publisher at\n%s port %u. Keep it secret, and on the new node type:\n"
		"  ctladmin node join %s --ip ADDRESS --token-source prompt\n",
		a->words[0], (long long)(seconds + 59) / 60, i->publisher.host, i->publisher.port,
		a->words[0]);
	return 0;
}

static int invite(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct store_invite row = {0};
	struct invite i = {0};
	struct buf text = {0};
	int64_t seconds = VALID_DEFAULT_S;
	int rc = node_name_check(a->words[0], e);

	(void)state;
	if (!rc && a->valid)
		rc = parse_valid(&seconds, a->valid, e);
	if (!rc)
		rc = fill_invite(&i, &row, a, s, e);
	if (!rc)
		rc = invite_write(&text, &i, e);
	if (!rc && !buf_cstr(&text))
		rc = err_nomem(e);
	if (!rc) {
		snprintf(row.name, sizeof(row.name), "%s", a->words[0]);
		row.expires = time(NULL) + seconds;
		rc = store_invite_put(s, &row, time(NULL), e);
	}
	if (!rc)
		rc = print_invite(a, &i, (const char *)text.data, seconds);
	OPENSSL_cleanse(&i, sizeof(i));
	buf_wipe(&text);
	return rc;
}

int cmd_node_invite(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"valid", OPT_NODE_VALID, "TIME", 0, "How long: 30m, 1h, 2d (1h)", 0},
		{"at", OPT_NODE_AT, "HOST[:PORT]", 0,
		 "Where the new node reaches this provider, if not at this node's address", 0},
		NODE_OPTION_JSON,
		NODE_OPTIONS_WHERE,
		{0}};
	struct node_args a = {.nwords_min = 1, .nwords_max = 1};

	(void)ctx;
	return node_cmd(
		&a, options, "NAME",
		"Prints a one-time invitation with which the node NAME can join the cluster.",
		STORE_WRITE, invite, argc, argv);
}

/* ---- remove ---- */

static int remove_node(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	const char *name = a->words[0];
	char question[400];
	struct store_node n;
	int rc = store_node_get(s, name, &n, e);

	if (rc)
		return rc;
	store_node_free(&n);
	snprintf(question, sizeof(question),
		 "Remove the node %s? It gets no more trust lists; phones trust it until they have "
		 "a list without it.",
		 name);
	if (!a->yes && !cli_confirm(question))
		return err_set(e, ERR_FAILED, "not-confirmed", "nothing was done");
	rc = store_node_remove(s, name, e);
	if (rc)
		return rc;
	notify_all(state);
	printf("removed %s\n", name);
	print_steps(list_outdated);
	printf("stop the services on %s; what it serves to its phones stays the old list\n", name);
	return 0;
}

int cmd_node_remove(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {NODE_OPTION_YES, NODE_OPTIONS_WHERE, {0}};
	struct node_args a = {.nwords_min = 1, .nwords_max = 1};

	(void)ctx;
	return node_cmd(&a, options, "NAME", "Removes a node from the cluster.", STORE_WRITE,
			remove_node, argc, argv);
}

/* ---- set-address ---- */

static int check_address(const struct node_args *a, const struct store_node *n, struct err *e)
{
	struct hostport hp;

	if (!a->name && !a->ip && !a->provider)
		return err_set(e, ERR_USAGE, "usage",
			       "what is new? give --name, --ip or --provider");
	if (!n->self && (a->name || a->ip)) {
		err_set(e, ERR_USAGE, "usage", "name and address of %s are set on that node",
			n->name);
		return err_hint(e, "here only --provider, where to reach it, can be set");
	}
	if (a->name && node_name_check(a->name, e))
		return (int)e->kind;
	if (a->ip && !node_is_address(a->ip))
		return err_set(e, ERR_USAGE, "ip", "--ip %s is not an IPv4 or IPv6 address", a->ip);
	return a->provider ? hostport_parse(&hp, a->provider, PORT_PROVIDER, e) : 0;
}

static int apply_address(const struct node_args *a, struct store_node *n, struct err *e)
{
	struct hostport hp;

	if (a->name)
		snprintf(n->name, sizeof(n->name), "%s", a->name);
	if (a->ip)
		snprintf(n->ip, sizeof(n->ip), "%s", a->ip);
	if (!a->provider)
		return 0;
	if (hostport_parse(&hp, a->provider, PORT_PROVIDER, e))
		return (int)e->kind;
	node_provider_text(n->provider, hp.host, hp.port);
	return 0;
}

static int set_address(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct store_node n;
	bool changed = false;
	int rc = a->nwords ? store_node_get(s, a->words[0], &n, e) : store_node_self(s, &n, e);

	if (rc)
		return rc;
	rc = check_address(a, &n, e);
	if (!rc)
		rc = apply_address(a, &n, e);
	if (!rc)
		rc = store_node_update(s, &n, &changed, e);
	if (!rc) {
		notify_all(state);
		printf("%s is %s, its provider %s%s\n", n.name, *n.ip ? n.ip : "without address",
		       *n.provider ? n.provider : "at an unknown address",
		       changed ? "" : "; that is nothing new");
	}
	if (!rc && changed && (a->name || a->ip)) {
		print_steps(list_outdated);
		printf("the node's certificates still have the old name and address: phones do not "
		       "mind, TLS clients\nmay; \"ctladmin node renew-cert\" makes new ones, one "
		       "role after the other\n");
	}
	store_node_free(&n);
	return rc;
}

int cmd_node_set_address(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"name", OPT_NODE_NAME, "NAME", 0, "The name phones know it by", 0},
		{"ip", OPT_NODE_IP, "ADDRESS", 0, "The address phones reach it at", 0},
		{"provider", OPT_NODE_PROVIDER, "HOST[:PORT]", 0,
		 "Where other nodes reach its provider", 0},
		NODE_OPTIONS_WHERE,
		{0}};
	struct node_args a = {.nwords_max = 1};

	(void)ctx;
	return node_cmd(&a, options, "[NODE]",
			"Gives this node another name or address, or notes where the provider of "
			"another one is reached.",
			STORE_WRITE, set_address, argc, argv);
}
