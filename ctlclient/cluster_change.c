/* ctlclient cluster set-mode, update, add-token, remove-token, add-tftp, remove-tftp, and request:
 * the same wish, carried out here and now, or written down for a desk without a network. */
#include "ctlclient/cluster_commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/hex.h"
#include "ctlclient/bundle.h"
#include "ctlclient/cluster_session.h"
#include "ctlclient/link.h"
#include "ctlclient/push.h"
#include "ctlclient/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_SIGNER = 256, OPT_SAST, OPT_DIGEST, OPT_DRY_RUN, OPT_YES, OPT_SAVE };

enum { WORDS_IN_LINE = 8 };

struct change_args {
	struct change change;
	struct cluster_opts cluster;
	struct desk_opts desk;
	struct transcript_opts transcript;
	bool request;     /* write the wish down */
	bool has_kind;    /* request: the wish was named */
	const char *what; /* the mode, the token or the serial number */
	const char *signer;
	const char *out;  /* request */
	const char *save; /* the others */
	bool dry_run, yes;
};

/* ---- the command line ---- */

static const char *wanted(enum change_kind kind)
{
	switch (kind) {
	case CHANGE_MODE:
		return "which mode? mixed or nonsecure";
	case CHANGE_ADD_TOKEN:
		return "which token? give its URI or its certificate's file";
	case CHANGE_REMOVE_TOKEN:
		return "which token? give its serial number; \"ctl show\" prints them";
	case CHANGE_ADD_TFTP:
		return "which TFTP server? give host=H,ip=A,cert=FILE";
	case CHANGE_REMOVE_TFTP:
		return "which TFTP server? give its name; \"cluster show\" prints them";
	case CHANGE_UPDATE:
		break;
	}
	return NULL;
}

static void add_token(struct change *c, const char *name, struct argp_state *state)
{
	if (c->n == CHANGE_TOKENS_MAX)
		argp_error(state, "more than %d tokens", CHANGE_TOKENS_MAX);
	c->tokens[c->n++] = (struct change_token){.name = name};
}

static void add_tftp(struct change *c, const char *text, struct argp_state *state)
{
	struct draft_server s;
	struct err e = {0};
	int rc = tftp_wish_parse(&s, text, &e);

	if (!rc)
		rc = tftp_wish_add(&c->tftp, &s, &e);
	X509_free(s.cert);
	if (rc) {
		err_print(&e, state->name);
		exit(rc);
	}
}

static void fill_change(struct change_args *a, struct argp_state *state)
{
	struct change *c = &a->change;
	struct err e;

	if (wanted(c->kind) && !a->what)
		argp_error(state, "%s", wanted(c->kind));
	switch (c->kind) {
	case CHANGE_MODE:
		c->mixed = !strcmp(a->what, "mixed");
		if (!c->mixed && strcmp(a->what, "nonsecure") != 0)
			argp_error(state, "the mode is mixed or nonsecure, not \"%s\"", a->what);
		break;
	case CHANGE_ADD_TOKEN:
		add_token(c, a->what, state);
		break;
	case CHANGE_REMOVE_TOKEN:
		c->serial = a->what;
		break;
	case CHANGE_ADD_TFTP:
		add_tftp(c, a->what, state);
		break;
	case CHANGE_REMOVE_TFTP:
		if (tftp_wish_remove(&c->tftp, a->what, &e))
			argp_error(state, "%s", e.what);
		break;
	case CHANGE_UPDATE:
		break;
	}
}

static void check_complete(const struct change_args *a, struct argp_state *state)
{
	if (a->request && !a->out)
		argp_error(state, "where to? give -o BUNDLE");
	if (!a->request && !a->signer)
		argp_error(state, "who signs? give --signer URI; \"ctlclient token list\" shows "
				  "the URIs");
	if (a->dry_run && (a->transcript.path || a->save))
		argp_error(state, "--dry-run signs nothing that could be recorded or saved");
}

static void take_argument(struct change_args *a, const char *arg, struct argp_state *state)
{
	if (a->request && !a->has_kind) {
		if (!change_parse(&a->change.kind, arg))
			argp_error(state,
				   "the request is set-mode, update, add-token, remove-token, "
				   "add-tftp or remove-tftp, not \"%s\"",
				   arg);
		a->has_kind = true;
		return;
	}
	if (a->what || !wanted(a->change.kind))
		argp_error(state, "\"%s\" is not expected here", arg);
	a->what = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct change_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		a->cluster.desk = &a->desk;
		state->child_inputs[0] = &a->cluster;
		state->child_inputs[1] = &a->desk;
		if (!a->request)
			state->child_inputs[2] = &a->transcript;
		return 0;
	case 'o':
		a->out = arg;
		return 0;
	case OPT_SIGNER:
		a->signer = arg;
		return 0;
	case OPT_SAST:
		add_token(&a->change, arg, state);
		return 0;
	case OPT_DIGEST:
		if (!sign_digest_parse(&a->change.digest, arg))
			argp_error(state, "--digest takes sha1 or sha512");
		return 0;
	case OPT_SAVE:
		a->save = arg;
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_YES:
		a->yes = true;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		fill_change(a, state);
		check_complete(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- here and now ---- */

/* The history only helps to tell which phones follow: without it the work goes on. */
static json_t *get_history(struct api *api)
{
	struct err ignored;
	json_t *doc = NULL;

	return api_get_json(api, "/api/v1/ctl/history?limit=1000", &doc, &ignored) ? NULL : doc;
}

static int save(const struct change_args *a, struct push *p, struct err *e)
{
	int rc;

	if (!a->save)
		return 0;
	rc = push_save(p, a->save, e);
	if (!rc)
		p->kept = a->save;
	return transcript_step(p->transcript, "save", rc, NULL, e);
}

static int sign_and_push(struct api *api, struct change_job *job, const struct change_args *a,
			 struct err *e)
{
	const char *cluster = json_string_value(json_object_get(job->view->doc, "name"));
	struct push p = {.transcript = job->transcript, .json = a->cluster.json};
	struct buf file = {0};
	int rc = change_job_run(&file, job, e);

	if (!rc && a->dry_run)
		printf("nothing was signed, nothing was sent\n");
	if (rc || a->dry_run)
		goto out;
	p.list = (struct bundle_list){
		.provider = a->cluster.server,
		.cluster = cluster ? cluster : "",
		.generation = job->view->generation,
		.mixed = change_makes_mixed(job->change, job->view),
		.list = buf_view(&file),
		.tftp = &a->change.tftp,
	};
	rc = save(a, &p, e);
	if (!rc)
		rc = push_list(api, &p, e);
out:
	buf_free(&file);
	return rc;
}

static int change_now(struct api *api, struct transcript *t, const struct change_args *a,
		      struct err *e)
{
	struct cluster_session session = {0};
	struct cluster_view v = {0};
	struct change_job job = {
		.change = &a->change,
		.view = &v,
		.desk_opts = &a->desk,
		.signer_uri = a->signer,
		.transcript = t,
		.dry_run = a->dry_run,
		.yes = a->yes,
		.quiet = a->cluster.json,
	};
	int rc = a->dry_run ? 0 : cluster_session_open(&session, api, e);

	if (!rc)
		rc = cluster_view_get(&v, api, e);
	if (!rc) {
		job.history = v.list ? get_history(api) : NULL;
		rc = sign_and_push(api, &job, a, e);
	}
	if (rc && !strcmp(e->id, "stale-generation"))
		cluster_session_tell_changes(api, v.generation);
	cluster_session_close(&session);
	rc = transcript_close(t, rc, e);
	change_job_end(&job);
	json_decref(job.history);
	cluster_view_free(&v);
	return rc;
}

/* ---- written down ---- */

static void print_request(const char *path, const char sha256[2 * SHA256_LEN + 1])
{
	struct buf bytes = {0};
	struct buf words = {0};

	hex_parse(&bytes, sha256, 2 * SHA256_LEN);
	words_put(&words, buf_view(&bytes), WORDS_IN_LINE, "  ");
	printf("written: %s\nSHA-256: %s\nin words:\n%s"
	       "next: take it to the desk with the token, and there:\n"
	       "  ctlclient bundle sign %s -o SIGNED --signer URI\n"
	       "then bring SIGNED back here: ctlclient cluster push SIGNED\n",
	       path, sha256, buf_cstr(&words) ? buf_cstr(&words) : "", path);
	buf_free(&bytes);
	buf_free(&words);
}

static int write_request(struct api *api, struct change_args *a, struct err *e)
{
	char sha256[2 * SHA256_LEN + 1];
	struct cluster_view v;
	json_t *history = NULL;
	struct buf text = {0};
	int rc = cluster_view_get(&v, api, e);

	if (!rc)
		rc = change_read_files(&a->change, e);
	if (!rc)
		history = v.list ? get_history(api) : NULL;
	if (!rc)
		rc = bundle_request(&text, sha256, &a->change, &v, history, a->cluster.server, e);
	if (!rc)
		rc = file_create(a->out, buf_view(&text), 0644, e);
	if (!rc && a->cluster.json)
		rc = json_print(json_pack("{s:s, s:s, s:I}", "file", a->out, "sha256", sha256,
					  "generation", (json_int_t)v.generation));
	else if (!rc)
		print_request(a->out, sha256);
	buf_free(&text);
	json_decref(history);
	cluster_view_free(&v);
	return rc;
}

/* ---- */

static int act(struct link *link, struct transcript *t, struct change_args *a, struct err *e)
{
	if (a->request)
		return write_request(link_api(link), a, e);
	return change_now(link_api(link), t, a, e);
}

static int run(struct change_args *a, const struct argp *argp, int argc, char **argv)
{
	struct link *link = NULL;
	struct transcript *t = NULL;
	struct err e = {0};
	int rc;

	cli_parse(argp, argc, argv, a);
	rc = transcript_open(&t, &a->transcript, argv[0], &e);
	if (!rc)
		rc = transcript_step(t, "provider", link_open(&link, &a->cluster, &e),
				     json_pack("{s:s}", "provider", a->cluster.server), &e);
	if (!rc)
		rc = act(link, t, a, &e);
	else
		rc = transcript_close(t, rc, &e);
	if (rc)
		err_print(&e, argv[0]);
	change_free(&a->change);
	link_close(link);
	return rc;
}

static const struct argp_option sast_option = {
	"sast",
	OPT_SAST,
	"URI|CERT",
	0,
	"A security token to put into the list; the first time two at least",
	0};
static const struct argp_option digest_option = {
	"digest",
	OPT_DIGEST,
	"sha1|sha512",
	0,
	"SHA-1 is understood by all phones, SHA-512 by newer ones only",
	0};

static int run_now(enum change_kind kind, const char *args_doc, const char *doc, int argc,
		   char **argv)
{
	const struct argp_option options[] = {
		{"signer", OPT_SIGNER, "URI", 0,
		 "The token that signs: one that is in the present list", 0},
		sast_option,
		digest_option,
		{"dry-run", OPT_DRY_RUN, NULL, 0, "Do all but the signature", 0},
		{"yes", OPT_YES, NULL, 0, "Do not ask before signing", 0},
		{"save", OPT_SAVE, "FILE", 0,
		 "Keep the signed list before it is sent; \"cluster push FILE\" sends it later", 0},
		{0}};
	static const struct argp_child children[] = {{&options_cluster, 0, "Provider:", 1},
						     {&options_desk, 0, "Tokens:", 2},
						     {&options_transcript, 0, "Record:", 3},
						     {0}};
	const struct argp argp = {options, parse, args_doc, doc, children, NULL, NULL};
	struct change_args a = {.change.kind = kind};

	return run(&a, &argp, argc, argv);
}

int cluster_set_mode(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run_now(
		CHANGE_MODE, "mixed|nonsecure",
		"Switches a cluster's security mode by signing a new trust list."
		"\vThe first time, two different tokens must be named with --sast; the signer is "
		"one of them.\nPhones follow at their next reset. Do this in a maintenance window.",
		argc, argv);
}

int cluster_update(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run_now(
		CHANGE_UPDATE, NULL,
		"Signs the trust list anew, in line with the cluster's servers; tokens and mode "
		"stay as they are.",
		argc, argv);
}

int cluster_add_token(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run_now(CHANGE_ADD_TOKEN, "URI|CERT",
		       "Adds a security token to those that may sign.", argc, argv);
}

int cluster_remove_token(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run_now(
		CHANGE_REMOVE_TOKEN, "SERIAL",
		"Takes a security token out of those that may sign; two must remain, and the "
		"signer is one of them.",
		argc, argv);
}

int cluster_add_tftp(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run_now(
		CHANGE_ADD_TFTP, "host=H,ip=A,cert=FILE",
		"Adds a TFTP server outside the cluster to those that phones may load from."
		"\vThe certificate is the one that server signs its files with. Nothing is sent to "
		"it: it has to serve the list itself (\"ctlclient cluster fetch\" gets it). "
		"Servers "
		"that are nodes of the cluster are in the list by themselves. The same name again "
		"gives it another address or certificate.",
		argc, argv);
}

int cluster_remove_tftp(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run_now(CHANGE_REMOVE_TFTP, "H",
		       "Takes a TFTP server outside the cluster out of the list."
		       "\vPhones that load from it refuse it from then on: first point them to "
		       "another one.",
		       argc, argv);
}

int cluster_request(int argc, char **argv, void *ctx)
{
	const struct argp_option options[] = {
		{"output", 'o', "BUNDLE", 0, "The file to write; it must not exist", 0},
		sast_option,
		digest_option,
		{0}};
	static const struct argp_child children[] = {
		{&options_cluster, 0, "Provider:", 1},
		{&options_desk, 0, "Token of the client certificate:", 2},
		{0}};
	const struct argp argp = {
		options,
		parse,
		"[set-mode mixed|nonsecure | update | add-token URI|CERT | remove-token SERIAL"
		" | add-tftp host=H,ip=A,cert=FILE | remove-tftp H]",
		"Fetches all that is needed to sign a change (update unless another is named) into "
		"one file, for a desk without a network: \"ctlclient bundle sign\" there, "
		"\"ctlclient "
		"cluster push\" here.",
		children,
		NULL,
		NULL};
	struct change_args a = {.request = true, .change.kind = CHANGE_UPDATE};

	(void)ctx;
	return run(&a, &argp, argc, argv);
}
