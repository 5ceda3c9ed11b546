/* ctlclient file sign: .sgn files, many at a time. */
#include "ctlclient/file_commands.h"

#include "common/cli.h"
#include "ctlclient/file_job.h"
#include "ctlclient/signing_key.h"

#include <stdio.h>
#include <string.h>

struct sign_args {
	struct file_opts files;
	struct signing_key_opts signer;
	struct signing_key by;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sign_args *a = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->files;
		state->child_inputs[1] = &a->signer;
		return 0;
	case ARGP_KEY_ARGS:
		file_opts_take(&a->files, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name the files to sign");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int sign_one(void *arg, const struct file_item *item, struct err *e)
{
	struct sign_args *a = arg;
	char name[FILE_NAME_ROOM];
	struct sgn_plan plan;
	struct buf out = {0};
	int rc = file_name_with(name, item, ".sgn", e);

	plan = signing_key_plan(&a->by, &a->signer, name);
	if (!rc)
		rc = sgn_build(&out, &plan, item->content, a->by.sign, a->by.arg, e);
	if (!rc)
		rc = file_put(item, ".sgn", buf_view(&out), 0644, e);
	if (!rc && item->facts)
		json_object_update_new(item->facts,
				       json_pack("{s:o, s:i, s:s}", "name", json_chars(name),
						 "size", (int)out.len, "digest",
						 plan.digest == TL_SHA1 ? "sha1" : "sha512"));
	buf_free(&out);
	return rc;
}

static int run(struct sign_args *a, const char *program)
{
	const struct file_work w = {
		.opts = &a->files, .doing = "signing", .fn = sign_one, .arg = a};
	struct err e = {0};
	int rc = signing_key_open(&a->by, &a->signer, &e);

	if (rc)
		err_print(&e, program);
	else
		rc = file_work_run(&w, program);
	if (!rc && !a->files.json && !(a->files.output && !strcmp(a->files.output, "-")))
		printf("signed: %zu file%s\n", a->files.n, a->files.n == 1 ? "" : "s");
	signing_key_close(&a->by);
	return rc;
}

int file_sign(int argc, char **argv, void *ctx)
{
	static const struct argp_child children[] = {
		{&options_file, 0, NULL, 0}, {&options_signing_key, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		NULL,
		parse,
		"FILE...",
		"Makes FILE.sgn of each file: what phones ask for once their trust list holds the "
		"certificate of the TFTP service."
		"\vThe name that a phone asks for is signed with the file: below a server's root "
		"use "
		"--root.\n"
		"  ctlclient file sign --signer ccm.key --cert ccm.pem --list CTLFile.tlv \\\n"
		"    --root /srv/tftp /srv/tftp/*.cnf.xml /srv/tftp/*/g3-tones.xml",
		children,
		NULL,
		NULL};
	struct sign_args a = {.files = {0}};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return run(&a, argv[0]);
}
