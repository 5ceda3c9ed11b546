/* ctlclient file verify, strip: signed files read. */
#include "ctlclient/file_commands.h"

#include "common/cli.h"
#include "ctlclient/file_trust.h"

#include <stdio.h>
#include <string.h>

struct read_args {
	struct file_opts files;
	struct file_trust_opts trust;
	struct file_trust by;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct read_args *a = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->files;
		state->child_inputs[1] = &a->trust;
		return 0;
	case ARGP_KEY_ARGS:
		file_opts_take(&a->files, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name the files");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(struct read_args *a, const struct file_work *w, const char *program)
{
	struct err e = {0};
	int rc = file_trust_open(&a->by, &a->trust, &e);

	if (rc)
		err_print(&e, program);
	else
		rc = file_work_run(w, program);
	file_trust_close(&a->by);
	return rc;
}

static const struct argp_child children[] = {
	{&options_file, 0, NULL, 0}, {&options_file_trust, 0, NULL, 0}, {0}};

/* ---- verify ---- */

static int verify_one(void *arg, const struct file_item *item, struct err *e)
{
	const struct read_args *a = arg;
	struct buf signer = {0};
	struct sgn s;
	const int rc = file_trust_judge(&s, &a->by, item, item->name, e);

	if (item->facts) {
		json_object_set_new(item->facts, "verdict",
				    json_string(rc ? "refused" : "accepted"));
		return rc;
	}
	if (rc) {
		printf("%s: refused\n", item->path);
		return rc;
	}
	sgn_signer_text(&signer, &s);
	printf("%s: %s, signed by %s\n", item->path, a->trust.unverified ? "not verified" : "good",
	       buf_cstr(&signer) ? (const char *)signer.data : "");
	buf_free(&signer);
	return 0;
}

int file_verify(int argc, char **argv, void *ctx)
{
	static const struct argp argp = {NULL,
					 parse,
					 "FILE...",
					 "Judges .sgn and .enc.sgn files as a phone with these "
					 "trust lists would: form, name, "
					 "signer and signature."
					 "\vExit code 3: a phone would refuse one of them at "
					 "least; standard error says why.",
					 children,
					 NULL,
					 NULL};
	struct read_args a = {.files = {0}};
	const struct file_work w = {
		.opts = &a.files, .doing = "verifying", .go_on = true, .fn = verify_one, .arg = &a};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return run(&a, &w, argv[0]);
}

/* ---- strip ---- */

static int strip_one(void *arg, const struct file_item *item, struct err *e)
{
	const struct read_args *a = arg;
	char inside[FILE_NAME_ROOM];
	struct file_item bare = *item;
	struct sgn s;
	int rc = file_trust_judge(&s, &a->by, item, item->name, e);

	if (rc)
		return rc;
	if (s.kind != TF_SGN) {
		err_set(e, ERR_REFUSED, "sgn-parse", "the file is encrypted");
		return err_hint(e, "\"ctlclient file decrypt\" opens it, with the phone's key");
	}
	rc = file_name_without(inside, item, ".sgn", e);
	bare.name = inside;
	return rc ? rc : file_put(&bare, "", s.payload, 0644, e);
}

int file_strip(int argc, char **argv, void *ctx)
{
	static const struct argp argp = {
		NULL,
		parse,
		"FILE.sgn...",
		"Writes the files that are inside signed ones, once their signatures have been "
		"verified."
		"\vExample:\n"
		"  ctlclient file strip --list CTLFile.tlv -o - SEP001122334455.cnf.xml.sgn",
		children,
		NULL,
		NULL};
	struct read_args a = {.files = {0}};
	const struct file_work w = {
		.opts = &a.files, .doing = "stripping", .fn = strip_one, .arg = &a};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return run(&a, &w, argv[0]);
}
