/* ctladmin node join: this host becomes a further node of a cluster. */
#include "common/secret.h"
#include "server/admin/commands.h"
#include "server/admin/node_args.h"
#include "server/admin/node_make.h"
#include "server/admin/state_opt.h"
#include "server/cluster/bundle.h"
#include "server/cluster/invite.h"
#include "server/cluster/node_desc.h"
#include "server/net/api_client.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the invitation ---- */

static int read_invite(struct invite *i, const struct node_args *a, struct err *e)
{
	struct secret text;
	int rc;

	if (a->token)
		return invite_read(i, span_of(a->token, strlen(a->token)), e);
	rc = secret_read(&text, a->token_source, "Invitation", "invitation", "--token-source", e);
	if (rc)
		return rc;
	rc = invite_read(i, span_of(text.text, text.len), e);
	secret_free(&text);
	return rc;
}

/* ---- this node ---- */

/* Where other nodes will reach the provider of this one. */
static int find_provider(char text[STORE_PROVIDER_MAX], const struct node_args *a, const char *ip,
			 struct err *e)
{
	struct hostport hp = {.port = PORT_PROVIDER};
	struct conf c;

	if (a->listen) {
		if (hostport_parse(&hp, a->listen, PORT_PROVIDER, e))
			return (int)e->kind;
	} else if (!a->state || a->conf) {
		if (conf_load(&c, a->conf, e))
			return (int)e->kind;
		hp = c.provider;
		conf_free(&c);
	}
	if (!*hp.host || !strcmp(hp.host, "0.0.0.0") || !strcmp(hp.host, "::"))
		snprintf(hp.host, sizeof(hp.host), "%s", ip);
	node_provider_text(text, hp.host, hp.port);
	return 0;
}

static int make_self(struct store *s, const char *state, const struct node_args *a,
		     struct node_plan *p, struct err *e)
{
	static const char *const roles[] = {"provider", "ccm+tftp", NULL};
	struct store_node node = {.self = true};
	struct store_cert certs[NODE_MAKE_CERTS] = {0};
	struct buf der[NODE_MAKE_CERTS] = {{0}};
	int rc = find_provider(node.provider, a, p->ip, e);

	if (!rc)
		rc = node_make_all(&node, certs, der, state, p, roles, e);
	if (!rc)
		rc = store_node_add(s, &node, e);
	for (size_t i = 0; i < NODE_MAKE_CERTS; i++)
		buf_free(&der[i]);
	return rc;
}

/* The node as an attempt before has made it, whose answer got lost; none: *found is false. */
static int find_self(bool *found, struct store *s, const char *state, const char *name,
		     struct err *e)
{
	struct store_node *list;
	bool joined = false;
	size_t n;
	int rc = store_nodes(s, &list, &n, e);

	if (rc)
		return rc;
	*found = n == 1 && list[0].self && !list[0].first && !strcmp(list[0].name, name);
	joined = n > 0 && !*found;
	if (joined) {
		err_set(e, ERR_CONFLICT, "node-exists", "%s is the state of node %s already", state,
			list[0].name);
		rc = err_hint(e, "for another node choose another folder with --state");
	}
	store_nodes_free(list, n);
	return rc;
}

/* ---- asking the publisher ---- */

static int ask(json_t **answer, const struct invite *i, const struct store_node *self,
	       const char *state, struct err *e)
{
	char *cert = node_key_path(state, "provider", "crt");
	char *key = node_key_path(state, "provider", "key");
	struct api_opts opts = {
		.server = i->publisher, .fingerprint = i->fingerprint, .cert = cert, .key = key};
	struct buf secret = {0};
	struct api *api = NULL;
	json_t *body = NULL;
	int rc = cert && key ? api_open(&api, &opts, e) : err_nomem(e);

	if (rc)
		goto out;
	invite_secret_text(&secret, i);
	if (buf_cstr(&secret))
		body = json_pack("{s:s, s:o}", "secret", (const char *)secret.data, "node",
				 node_desc_json(self));
	rc = body ? api_send_json(api, "POST", "/api/v1/nodes/join", body, answer, e)
		  : err_nomem(e);
	if (rc && !strcmp(e->id, "invitation"))
		rc = e->kind = ERR_REFUSED;
out:
	json_decref(body);
	buf_wipe(&secret);
	api_close(api);
	free(cert);
	free(key);
	return rc;
}

static int join_with(struct store *s, const char *state, const struct invite *i, struct err *e)
{
	struct bundle_news news;
	struct store_node self;
	json_t *answer = NULL;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	rc = ask(&answer, i, &self, state, e);
	if (!rc)
		rc = bundle_take(answer, s, &news, e);
	if (!rc)
		printf("\nnode %s (%s) has joined the cluster \"%s\"; its state is in %s\n"
		       "next: start ctlproviderd and ctltftpd on this node\n"
		       "      then, with a token: ctlclient cluster update --signer URI --server "
		       "%s:%u\n"
		       "      so that the trust list names this node, and reset the phones\n",
		       self.name, self.ip, i->cluster, state, i->publisher.host, i->publisher.port);
	json_decref(answer);
	store_node_free(&self);
	return rc;
}

static int join(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct node_plan plan = {.name = a->words[0],
				 .ip = a->ip,
				 .organization = a->organization,
				 .unit = a->unit ? a->unit : "Telephony"};
	struct invite i = {0};
	bool found = false;
	int rc = node_find_out(&plan, e);

	if (!rc)
		rc = find_self(&found, s, state, plan.name, e);
	if (!rc)
		rc = read_invite(&i, a, e);
	if (!rc && !plan.organization)
		plan.organization = i.cluster;
	if (!rc)
		rc = node_make_folders(state, e);
	if (!rc && !found)
		rc = make_self(s, state, a, &plan, e);
	if (!rc)
		rc = join_with(s, state, &i, e);
	OPENSSL_cleanse(&i, sizeof(i));
	return rc;
}

int cmd_node_join(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"ip", OPT_NODE_IP, "ADDRESS", 0, "Address at which phones reach it", 0},
		{"token", OPT_NODE_TOKEN, "TEXT", 0,
		 "The invitation; others on this host may see it here", 0},
		{"token-source", OPT_NODE_TOKEN_SOURCE, "X", 0,
		 "Where the invitation comes from: prompt, env:NAME, file:PATH, fd:N or askpass",
		 0},
		{"listen", OPT_NODE_LISTEN, "HOST[:PORT]", 0,
		 "Where other nodes reach the provider of this one, if not as configured", 0},
		{"organization", OPT_NODE_ORGANIZATION, "O", 0,
		 "O of the certificates (the cluster's name)", 0},
		{"unit", OPT_NODE_UNIT, "OU", 0, "OU of the certificates (Telephony)", 0},
		NODE_OPTIONS_WHERE,
		{0}};
	struct node_args a = {.nwords_min = 1, .nwords_max = 1};

	(void)ctx;
	return node_cmd(&a, options, "NAME",
			"Makes this host a further node of a cluster, with an invitation that "
			"\"ctladmin node invite\" printed on the first node.",
			STORE_CREATE, join, argc, argv);
}
