/* ctlclient bundle show, sign: the desk without a network. */
#include "ctlclient/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/hex.h"
#include "ctlclient/bundle.h"
#include "ctlclient/options.h"
#include "ctlclient/words.h"

#include <stdio.h>
#include <string.h>

enum { OPT_SIGNER = 256, OPT_YES, OPT_DRY_RUN, OPT_JSON };

enum { WORDS_IN_LINE = 8 };

struct args {
	struct desk_opts desk;
	struct transcript_opts transcript;
	const char *file, *out, *signer;
	bool signing, yes, dry_run, json;
};

static void check_complete(const struct args *a, struct argp_state *state)
{
	if (!a->file)
		argp_error(state, "which bundle?");
	if (!a->signing)
		return;
	if (!a->signer)
		argp_error(state, "who signs? give --signer URI; \"ctlclient token list\" shows "
				  "the URIs");
	if (!a->out && !a->dry_run)
		argp_error(state, "where to? give -o SIGNED");
	if (a->dry_run && a->transcript.path)
		argp_error(state, "--dry-run signs nothing that could be recorded");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		if (!a->signing)
			return 0;
		state->child_inputs[0] = &a->desk;
		state->child_inputs[1] = &a->transcript;
		return 0;
	case 'o':
		a->out = arg;
		return 0;
	case OPT_SIGNER:
		a->signer = arg;
		return 0;
	case OPT_YES:
		a->yes = true;
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			argp_error(state, "\"%s\" is not expected here", arg);
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		check_complete(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- show ---- */

static void put_wish(struct buf *b, const struct change *c)
{
	buf_str(b, change_name(c->kind));
	if (c->kind == CHANGE_MODE)
		buf_str(b, c->mixed ? " mixed" : " nonsecure");
	if (c->kind == CHANGE_REMOVE_TOKEN)
		buf_printf(b, " %s", c->serial);
	for (size_t i = 0; i < c->n; i++)
		buf_printf(b, "\n           token %s",
			   c->tokens[i].name ? c->tokens[i].name : "by certificate");
	for (size_t i = 0; i < c->tftp.n_removed; i++)
		buf_printf(b, "\n           TFTP server %s leaves", c->tftp.removed[i]);
	for (size_t i = 0; i < c->tftp.n_added; i++)
		buf_printf(b, "\n           TFTP server %s", c->tftp.added[i].dns);
}

static void print_bundle(const struct bundle *b)
{
	struct buf bytes = {0};
	struct buf text = {0};

	buf_printf(&text, "kind:      %s\nmade:      %s\nprovider:  %s\ncluster:   %s\n",
		   b->is_signed ? "a signed list" : "a request", b->made, b->provider, b->cluster);
	buf_printf(&text, "builds on: generation %lld\n", (long long)b->generation);
	if (b->is_signed) {
		buf_printf(&text, "mode:      %s\nlist:      %zu bytes\n",
			   b->mixed ? "mixed" : "non-secure", b->list.len);
		if (b->request)
			buf_printf(&text, "request:   %s\n", b->request);
	} else {
		buf_str(&text, "change:    ");
		put_wish(&text, &b->change);
		buf_u8(&text, '\n');
	}
	buf_printf(&text, "SHA-256:   %s\nin words:\n", b->sha256);
	hex_parse(&bytes, b->sha256, 2 * SHA256_LEN);
	words_put(&text, buf_view(&bytes), WORDS_IN_LINE, "  ");
	printf("%s", buf_cstr(&text) ? buf_cstr(&text) : "");
	fflush(stdout);
	buf_free(&bytes);
	buf_free(&text);
}

static json_t *bundle_json(const struct bundle *b)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s*, s:s*, s:s*}", "kind",
			 b->is_signed ? "signed" : "request", "made", b->made, "provider",
			 b->provider, "cluster", b->cluster, "generation",
			 (json_int_t)b->generation, "sha256", b->sha256, "change",
			 b->is_signed ? NULL : change_name(b->change.kind), "security_mode",
			 !b->is_signed ? NULL
			 : b->mixed    ? "mixed"
				       : "nonsecure",
			 "request", b->request);
}

static int show(const struct args *a, struct err *e)
{
	struct bundle b;
	int rc = bundle_read(&b, a->file, e);

	if (rc)
		return rc;
	if (a->json)
		rc = json_print(bundle_json(&b));
	else
		print_bundle(&b);
	bundle_free(&b);
	return rc;
}

/* ---- sign ---- */

static int write_signed(const struct bundle *b, const struct cluster_view *v, struct span list,
			const struct args *a, struct transcript *t, struct err *e)
{
	const struct bundle_list l = {
		.provider = b->provider,
		.cluster = b->cluster,
		.generation = b->generation,
		.mixed = change_makes_mixed(&b->change, v),
		.request = b->sha256,
		.tftp = &b->change.tftp,
		.list = list,
	};
	struct buf text = {0};
	json_t *facts = NULL;
	int rc = bundle_signed(&text, &l, e);

	if (!rc)
		rc = file_create(a->out, buf_view(&text), 0644, e);
	if (!rc && t)
		facts = json_pack("{s:o}", "output", transcript_bytes(a->out, buf_view(&text)));
	rc = transcript_step(t, "write", rc, facts, e);
	if (!rc)
		printf("signed: %s\nnext: bring it to a machine that reaches the provider, and "
		       "there:\n  ctlclient cluster push %s\n",
		       a->out, a->out);
	buf_free(&text);
	return rc;
}

static int sign_bundle(const struct bundle *b, const struct args *a, struct transcript *t,
		       struct err *e)
{
	struct cluster_view v;
	struct change_job job = {
		.change = &b->change,
		.view = &v,
		.history = b->history,
		.desk_opts = &a->desk,
		.signer_uri = a->signer,
		.transcript = t,
		.dry_run = a->dry_run,
		.yes = a->yes,
	};
	struct buf list = {0};
	int rc = cluster_view_from(&v, b->description, b->generation, buf_view(&b->list), e);

	if (!rc)
		rc = change_job_run(&list, &job, e);
	if (!rc && a->dry_run)
		printf("nothing was signed\n");
	else if (!rc)
		rc = write_signed(b, &v, buf_view(&list), a, t, e);
	rc = transcript_close(t, rc, e);
	change_job_end(&job);
	cluster_view_free(&v);
	buf_free(&list);
	return rc;
}

static int already_signed(const struct args *a, struct err *e)
{
	err_set(e, ERR_REFUSED, "bundle", "%s is signed already", a->file);
	return err_hint(e, "\"ctlclient cluster push %s\" sends it to the provider", a->file);
}

static int sign(const struct args *a, const char *program, struct err *e)
{
	struct transcript *t = NULL;
	struct bundle b;
	int rc = bundle_read(&b, a->file, e);

	if (!rc && b.is_signed)
		rc = already_signed(a, e);
	if (!rc)
		rc = transcript_open(&t, &a->transcript, program, e);
	if (!rc)
		rc = transcript_step(t, "request", 0,
				     json_pack("{s:o, s:s, s:s, s:s}", "file", json_chars(a->file),
					       "sha256", b.sha256, "made", b.made, "provider",
					       b.provider),
				     e);
	if (!rc) {
		print_bundle(&b);
		rc = sign_bundle(&b, a, t, e);
	} else {
		rc = transcript_close(t, rc, e);
	}
	bundle_free(&b);
	return rc;
}

/* ---- the commands ---- */

static int bundle_cmd_show(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "BUNDLE",
					 "Shows what a bundle is for, where it comes from, and its "
					 "SHA-256, to be compared with "
					 "what was shown where it was made.",
					 NULL,
					 NULL,
					 NULL};
	struct args a = {0};
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = show(&a, &e);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

static int bundle_cmd_sign(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"output", 'o', "SIGNED", 0, "The file to write; it must not exist", 0},
		{"signer", OPT_SIGNER, "URI", 0,
		 "The token that signs: one that is in the present list", 0},
		{"dry-run", OPT_DRY_RUN, NULL, 0, "Do all but the signature", 0},
		{"yes", OPT_YES, NULL, 0, "Do not ask before signing", 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_desk, 0, "Tokens:", 1}, {&options_transcript, 0, "Record:", 2}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"BUNDLE",
		"Shows what a request would change, and signs the new list with a token. Needs no "
		"network.",
		children,
		NULL,
		NULL};
	struct args a = {.signing = true};
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = sign(&a, argv[0], &e);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

int cmd_bundle(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"show", "BUNDLE", "what a bundle is for", bundle_cmd_show},
		{"sign", "BUNDLE -o SIGNED --signer URI", "sign a request, without a network",
		 bundle_cmd_sign},
		{NULL, NULL, NULL, NULL},
	};

	return cli_dispatch(table,
			    "Requests made by \"ctlclient cluster request\" for a desk without a "
			    "network, and lists signed there.",
			    "", argc, argv, ctx);
}
