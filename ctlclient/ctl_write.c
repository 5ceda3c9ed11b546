/* ctlclient ctl create, update: signed lists in files, without any server. */
#include "ctlclient/ctl_commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "ctlclient/list_file.h"
#include "ctlclient/options.h"
#include "ctlclient/server_spec.h"
#include "ctlclient/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_SIGNER = 256,
	OPT_SAST,
	OPT_SERVER,
	OPT_DIGEST,
	OPT_NONSECURE,
	OPT_ADD_SAST,
	OPT_REMOVE_SAST,
	OPT_ADD_SERVER,
	OPT_REMOVE_SERVER,
	OPT_RETIRED,
	OPT_DRY_RUN,
	OPT_YES,
};

/* A wish that may be repeated, in the order typed. */
struct wish {
	int key; /* OPT_SAST and so on */
	char *text;
};

enum { WISHES_MAX = 256 };

struct write_args {
	struct desk_opts desk;
	struct transcript_opts transcript;
	const char *in, *out, *signer;
	enum tl_digest digest;
	bool has_digest, nonsecure, retired, dry_run, yes, updating;
	struct wish wishes[WISHES_MAX];
	size_t n;
};

static void add_wish(struct write_args *a, int key, char *text, struct argp_state *state)
{
	if (a->n == WISHES_MAX)
		argp_error(state, "more than %d tokens and servers", WISHES_MAX);
	a->wishes[a->n++] = (struct wish){key, text};
}

static void check_complete(const struct write_args *a, struct argp_state *state)
{
	if (a->updating && !a->in)
		argp_error(state, "which list? give -i OLD");
	if (!a->out && !a->dry_run)
		argp_error(state, "where to? give -o FILE");
	if (!a->signer)
		argp_error(state, "who signs? give --signer URI; \"ctlclient token list\" shows "
				  "the URIs");
	if (a->dry_run && a->transcript.path)
		argp_error(state, "--dry-run signs nothing that could be recorded");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct write_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		state->child_inputs[1] = &a->transcript;
		return 0;
	case 'i':
		a->in = arg;
		return 0;
	case 'o':
		a->out = arg;
		return 0;
	case OPT_SIGNER:
		a->signer = arg;
		return 0;
	case OPT_DIGEST:
		a->has_digest = sign_digest_parse(&a->digest, arg);
		if (!a->has_digest)
			argp_error(state, "--digest takes sha1 or sha512");
		return 0;
	case OPT_NONSECURE:
		a->nonsecure = true;
		return 0;
	case OPT_RETIRED:
		a->retired = true;
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_YES:
		a->yes = true;
		return 0;
	case OPT_SAST:
	case OPT_SERVER:
	case OPT_ADD_SAST:
	case OPT_REMOVE_SAST:
	case OPT_ADD_SERVER:
	case OPT_REMOVE_SERVER:
		add_wish(a, key, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not expected here", arg);
		return 0;
	case ARGP_KEY_END:
		check_complete(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int add_server(struct draft *d, const char *text, bool nonsecure, struct err *e)
{
	struct draft_server s;
	int rc = server_spec_parse(&s, text, nonsecure, e);

	if (!rc)
		rc = draft_add_server(d, &s, e);
	X509_free(s.cert);
	return rc;
}

static int fulfil(const struct wish *w, struct draft *d, struct desk *desk,
		  const struct write_args *a, struct err *e)
{
	switch (w->key) {
	case OPT_SAST:
	case OPT_ADD_SAST:
		return sign_add_sast(d, desk, w->text, e);
	case OPT_REMOVE_SAST:
		return draft_remove_sast(d, w->text, e);
	case OPT_REMOVE_SERVER:
		return draft_remove_server(d, w->text, a->retired, e);
	default:
		return add_server(d, w->text, a->nonsecure, e);
	}
}

static int fill_draft(struct draft *d, struct desk *desk, const struct write_args *a, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < a->n; i++)
		rc = fulfil(&a->wishes[i], d, desk, a, e);
	if (!rc && a->nonsecure)
		rc = draft_strip(d, e);
	return rc;
}

/* An update begins by proving the old list: it verifies, or nothing may be built on it. */
static int open_old(struct list_file *old, const struct write_args *a, struct err *e)
{
	int rc = list_file_open(old, a->in, e);

	if (rc)
		return rc;
	rc = tl_verify(old->list, TL_CTL_NAME, e);
	if (rc)
		err_wrap(e, "%s", a->in);
	return rc;
}

static enum tl_digest pick_digest(const struct write_args *a, const struct tl *old)
{
	if (a->has_digest)
		return a->digest;
	return old ? old->digest : TL_SHA1;
}

static int write_out(const struct buf *out, const struct write_args *a, struct transcript *t,
		     struct err *e)
{
	json_t *facts =
		t ? json_pack("{s:o}", "output", transcript_bytes(a->out, buf_view(out))) : NULL;
	const int rc = file_write(a->out, buf_view(out), 0644, e);

	return transcript_step(t, "write", rc, facts, e);
}

static int sign_draft(struct buf *out, const struct sign_job *job, const struct write_args *a,
		      struct err *e)
{
	int rc = fill_draft(job->draft, job->desk, a, e);

	if (!rc)
		rc = sign_list(out, job, e);
	if (!rc && !a->dry_run)
		rc = write_out(out, a, job->transcript, e);
	return rc;
}

static int write_list(const struct write_args *a, struct transcript *t, struct err *e)
{
	struct list_file old = {0};
	struct sign_job job = {
		.purpose = "to sign the CTL",
		.transcript = t,
		.dry_run = a->dry_run,
		.yes = a->yes,
	};
	struct buf out = {0};
	int rc = 0;

	if (a->updating) {
		rc = open_old(&old, a, e);
		rc = transcript_step(t, "input", rc,
				     t ? transcript_bytes(a->in, buf_view(&old.bytes)) : NULL, e);
	}
	job.old = old.list;
	job.digest = pick_digest(a, old.list);
	if (!rc)
		rc = desk_open(&job.desk, &a->desk, e);
	if (!rc)
		rc = desk_signer_find(&job.signer, job.desk, a->signer, e);
	if (!rc)
		rc = draft_new(&job.draft, old.list, e);
	if (!rc)
		rc = sign_draft(&out, &job, a, e);
	rc = transcript_close(t, rc, e);
	if (!rc)
		printf(a->dry_run ? "nothing was signed\n" : "signed: %s, %zu bytes\n", a->out,
		       out.len);
	desk_signer_free(job.signer);
	draft_free(job.draft);
	desk_close(job.desk);
	list_file_close(&old);
	buf_free(&out);
	return rc;
}

static int run(struct write_args *a, const struct argp *argp, int argc, char **argv)
{
	struct transcript *t = NULL;
	struct err e = {0};
	int rc;

	cli_parse(argp, argc, argv, a);
	rc = transcript_open(&t, &a->transcript, argv[0], &e);
	if (!rc)
		rc = write_list(a, t, &e);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

#define OPTIONS_FOR_BOTH                                                                           \
	{"output", 'o', "FILE", 0, "The list to write", 0},                                        \
		{"signer", OPT_SIGNER, "URI", 0, "The token that signs; must be in the list", 0},  \
		{"digest",                                                                         \
		 OPT_DIGEST,                                                                       \
		 "sha1|sha512",                                                                    \
		 0,                                                                                \
		 "SHA-1 is understood by all phones, SHA-512 by newer ones only",                  \
		 0},                                                                               \
		{"nonsecure",                                                                      \
		 OPT_NONSECURE,                                                                    \
		 NULL,                                                                             \
		 0,                                                                                \
		 "Non-secure form: call and TFTP servers without certificates",                    \
		 0},                                                                               \
		{"dry-run", OPT_DRY_RUN, NULL, 0, "Do all but the signature", 0},                  \
	{                                                                                          \
		"yes", OPT_YES, NULL, 0, "Do not ask before signing", 0                            \
	}

static const struct argp_child children[] = {
	{&options_desk, 0, "Tokens:", 0}, {&options_transcript, 0, "Record:", 0}, {0}};

int ctl_create(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		OPTIONS_FOR_BOTH,
		{"sast", OPT_SAST, "URI|CERT", 0,
		 "A security token that may sign: its URI or its certificate's file; at least two",
		 0},
		{"server", OPT_SERVER, "role=R,host=H,ip=A,cert=FILE", 0,
		 "A server; R is ccm+tftp, ccm, tftp, capf, app-server or tvs", 0},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Makes a first trust list and signs it with a token."
		"\vExample:\n"
		"  ctlclient ctl create -o CTLFile.tlv --signer 'pkcs11:token=SAST%201' \\\n"
		"    --sast 'pkcs11:token=SAST%201' --sast 'pkcs11:token=SAST%202' \\\n"
		"    --server role=ccm+tftp,host=pub,ip=192.0.2.10,cert=pub.pem",
		children,
		NULL,
		NULL};
	struct write_args a = {0};

	(void)ctx;
	return run(&a, &argp, argc, argv);
}

int ctl_update(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"input", 'i', "OLD", 0, "The list that the phones have now", 0},
		OPTIONS_FOR_BOTH,
		{"add-sast", OPT_ADD_SAST, "URI|CERT", 0, "A further security token", 0},
		{"remove-sast", OPT_REMOVE_SAST, "SERIAL", 0,
		 "Take the token out whose certificate has this serial number", 0},
		{"add-server", OPT_ADD_SERVER, "role=R,host=H,ip=A,cert=FILE", 0,
		 "A further server", 0},
		{"remove-server", OPT_REMOVE_SERVER, "H", 0, "Take a host's records out", 0},
		{"retired", OPT_RETIRED, NULL, 0,
		 "The hosts of --remove-server are gone for good, call servers or not", 0},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Makes a new trust list from an old one and signs it with a token of the old one.",
		children,
		NULL,
		NULL};
	struct write_args a = {.updating = true};

	(void)ctx;
	return run(&a, &argp, argc, argv);
}
