/* ctlclient cluster set-mode, update, add-token, remove-token: one way through for all of them. */
#include "ctlclient/cluster_commands.h"

#include "common/cli.h"
#include "ctlclient/cluster_view.h"
#include "ctlclient/link.h"
#include "ctlclient/sign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OPT_SIGNER = 256, OPT_SAST, OPT_DIGEST, OPT_DRY_RUN, OPT_YES };

enum {
	SASTS_MAX = 32,
	WATCH_TRIES = 20, /* looks at the distribution until all nodes are active */
	WATCH_NANOSECONDS = 500000000,
};

enum change_kind { SET_MODE, UPDATE, ADD_TOKEN, REMOVE_TOKEN };

struct change_args {
	enum change_kind kind;
	struct cluster_opts cluster;
	struct desk_opts desk;
	const char *what; /* the mode, the token or the serial number */
	const char *signer;
	const char *sasts[SASTS_MAX];
	size_t nsasts;
	enum tl_digest digest; /* 0: as it was */
	bool dry_run, yes;
};

static const char *wanted(enum change_kind kind)
{
	switch (kind) {
	case SET_MODE:
		return "which mode? mixed or nonsecure";
	case ADD_TOKEN:
		return "which token? give its URI or its certificate's file";
	case REMOVE_TOKEN:
		return "which token? give its serial number; \"ctl show\" prints them";
	case UPDATE:
		break;
	}
	return NULL;
}

static void check_complete(const struct change_args *a, struct argp_state *state)
{
	if (wanted(a->kind) && !a->what)
		argp_error(state, "%s", wanted(a->kind));
	if (a->kind == SET_MODE && strcmp(a->what, "mixed") != 0 &&
	    strcmp(a->what, "nonsecure") != 0)
		argp_error(state, "the mode is mixed or nonsecure, not \"%s\"", a->what);
	if (!a->signer)
		argp_error(state, "who signs? give --signer URI; \"ctlclient token list\" shows "
				  "the URIs");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct change_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->cluster;
		state->child_inputs[1] = &a->desk;
		return 0;
	case OPT_SIGNER:
		a->signer = arg;
		return 0;
	case OPT_SAST:
		if (a->nsasts == SASTS_MAX)
			argp_error(state, "more than %d tokens", SASTS_MAX);
		a->sasts[a->nsasts++] = arg;
		return 0;
	case OPT_DIGEST:
		if (!sign_digest_parse(&a->digest, arg))
			argp_error(state, "--digest takes sha1 or sha512");
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_YES:
		a->yes = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->what || !wanted(a->kind))
			argp_error(state, "\"%s\" is not expected here", arg);
		a->what = arg;
		return 0;
	case ARGP_KEY_END:
		check_complete(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool becomes_mixed(const struct change_args *a, const struct cluster_view *v)
{
	return a->kind == SET_MODE ? !strcmp(a->what, "mixed") : v->mixed;
}

static int needs_list(const struct cluster_view *v, const struct change_args *a, struct err *e)
{
	if (v->list || (a->kind == SET_MODE && !strcmp(a->what, "mixed")))
		return 0;
	err_set(e, ERR_REFUSED, "no-ctl", "the cluster has no trust list yet%s",
		a->kind == SET_MODE ? ", and is non-secure" : "");
	return err_hint(e, "make the first one with \"ctlclient cluster set-mode mixed\" and two "
			   "tokens");
}

static int fill_draft(struct draft *d, struct desk *desk, const struct cluster_view *v,
		      const struct change_args *a, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < a->nsasts; i++)
		rc = sign_add_sast(d, desk, a->sasts[i], e);
	if (!rc && a->kind == ADD_TOKEN)
		rc = sign_add_sast(d, desk, a->what, e);
	if (!rc && a->kind == REMOVE_TOKEN)
		rc = draft_remove_sast(d, a->what, e);
	if (rc)
		return rc;
	draft_clear_servers(d);
	return cluster_view_servers(v, d, becomes_mixed(a, v), e);
}

static bool all_active(json_t *answer)
{
	json_t *list = json_object_get(answer, "distribution");
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
	{
		const char *state = json_string_value(json_object_get(d, "state"));

		if (!state || strcmp(state, "active") != 0)
			return false;
	}
	return json_array_size(list) > 0;
}

/* Looks again until every node has the list, or patience ends; *answer is replaced. */
static int watch(struct api *api, json_t **answer, struct err *e)
{
	const struct timespec pause = {0, WATCH_NANOSECONDS};

	for (int i = 0; i < WATCH_TRIES && !all_active(*answer); i++) {
		json_t *fresh = NULL;
		int rc;

		nanosleep(&pause, NULL);
		rc = api_get_json(api, "/api/v1/ctl/distribution", &fresh, e);
		if (rc)
			return rc;
		json_decref(*answer);
		*answer = fresh;
	}
	return 0;
}

static void print_result(json_t *answer, bool mixed)
{
	json_t *d;
	size_t i;

	printf("accepted as generation %lld; the cluster is in %s mode\n",
	       json_integer_value(json_object_get(answer, "generation")),
	       mixed ? "mixed" : "non-secure");
	json_array_foreach(json_object_get(answer, "distribution"), i, d)
	{
		const char *node = json_string_value(json_object_get(d, "node"));
		const char *state = json_string_value(json_object_get(d, "state"));
		const char *detail = json_string_value(json_object_get(d, "detail"));

		printf("  %-20s %-9s %s\n", node ? node : "-", state ? state : "-",
		       detail ? detail : "");
	}
	printf("next: restart the TFTP and call services where they do not follow by themselves, "
	       "and\nreset the phones; put the tokens back into their safe places\n");
}

static int push(struct api *api, const struct buf *file, const struct cluster_view *v,
		const struct change_args *a, struct err *e)
{
	struct api_reply reply;
	json_t *answer = NULL;
	int rc;

	rc = api_put(api, "/api/v1/ctl", buf_view(file), v->generation, &reply, e);
	if (rc == ERR_CONFLICT)
		return err_hint(e, "look at \"ctlclient cluster history\", then run the same "
				   "command again: it starts from the new list");
	if (rc && !strcmp(e->id, "provider-down"))
		return err_hint(e, "the connection broke while the list was under way: see with "
				   "\"ctlclient cluster status\" whether it was accepted, and if "
				   "not, run the same command again");
	if (rc)
		return rc;
	rc = json_read(&answer, buf_view(&reply.body), e);
	buf_free(&reply.body);
	if (!rc)
		rc = watch(api, &answer, e);
	if (rc)
		goto out;
	if (!all_active(answer)) {
		err_set(e, ERR_PARTIAL, "distribution",
			"the list was accepted, but not every node serves it yet");
		rc = err_hint(e,
			      "the provider keeps trying; \"ctlclient cluster status\" shows the "
			      "nodes and the reasons");
	}
	if (a->cluster.json) {
		json_object_set_new(answer, "security_mode",
				    json_string(becomes_mixed(a, v) ? "mixed" : "nonsecure"));
		json_print(answer);
		return rc;
	}
	print_result(answer, becomes_mixed(a, v));
out:
	json_decref(answer);
	return rc;
}

static int change(struct api *api, const struct change_args *a, struct err *e)
{
	struct cluster_view v;
	struct desk *desk = NULL;
	struct draft *draft = NULL;
	struct desk_signer *signer = NULL;
	struct sign_job job;
	struct buf file = {0};
	int rc;

	rc = cluster_view_get(&v, api, e);
	if (!rc)
		rc = needs_list(&v, a, e);
	if (!rc)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_signer_find(&signer, desk, a->signer, e);
	if (!rc)
		rc = draft_new(&draft, v.list, e);
	if (!rc)
		rc = fill_draft(draft, desk, &v, a, e);
	if (rc)
		goto out;
	job = (struct sign_job){
		.draft = draft,
		.signer = signer,
		.old = v.list,
		.digest = a->digest ? a->digest
			  : v.list  ? v.list->digest
				    : TL_SHA1,
		.purpose = "to sign the CTL of the cluster",
		.dry_run = a->dry_run,
		.yes = a->yes,
		.quiet = a->cluster.json,
	};
	rc = sign_list(&file, &job, e);
	if (!rc && a->dry_run)
		printf("nothing was signed, nothing was sent\n");
	else if (!rc)
		rc = push(api, &file, &v, a, e);
out:
	desk_signer_free(signer);
	draft_free(draft);
	desk_close(desk);
	buf_free(&file);
	cluster_view_free(&v);
	return rc;
}

static int run(struct change_args *a, const char *args_doc, const char *doc, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"signer", OPT_SIGNER, "URI", 0,
		 "The token that signs: one that is in the present list", 0},
		{"sast", OPT_SAST, "URI|CERT", 0,
		 "A security token to put into the list; the first time two at least", 0},
		{"digest", OPT_DIGEST, "sha1|sha512", 0,
		 "SHA-1 is understood by all phones, SHA-512 by newer ones only", 0},
		{"dry-run", OPT_DRY_RUN, NULL, 0, "Do all but the signature", 0},
		{"yes", OPT_YES, NULL, 0, "Do not ask before signing", 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_cluster, 0, "Provider:", 1}, {&options_desk, 0, "Tokens:", 2}, {0}};
	const struct argp argp = {options, parse, args_doc, doc, children, NULL, NULL};
	struct link *link = NULL;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, a);
	rc = link_open(&link, &a->cluster, &e);
	if (!rc)
		rc = change(link_api(link), a, &e);
	if (rc)
		err_print(&e, argv[0]);
	link_close(link);
	return rc;
}

int cluster_set_mode(int argc, char **argv, void *ctx)
{
	struct change_args a = {.kind = SET_MODE};

	(void)ctx;
	return run(
		&a, "mixed|nonsecure",
		"Switches a cluster's security mode by signing a new trust list."
		"\vThe first time, two different tokens must be named with --sast; the signer is "
		"one of them.\nPhones follow at their next reset. Do this in a maintenance window.",
		argc, argv);
}

int cluster_update(int argc, char **argv, void *ctx)
{
	struct change_args a = {.kind = UPDATE};

	(void)ctx;
	return run(&a, NULL,
		   "Signs the trust list anew, in line with the cluster's servers; tokens and mode "
		   "stay as they are.",
		   argc, argv);
}

int cluster_add_token(int argc, char **argv, void *ctx)
{
	struct change_args a = {.kind = ADD_TOKEN};

	(void)ctx;
	return run(&a, "URI|CERT", "Adds a security token to those that may sign.", argc, argv);
}

int cluster_remove_token(int argc, char **argv, void *ctx)
{
	struct change_args a = {.kind = REMOVE_TOKEN};

	(void)ctx;
	return run(&a, "SERIAL",
		   "Takes a security token out of those that may sign; two must remain, and the "
		   "signer is one of them.",
		   argc, argv);
}
