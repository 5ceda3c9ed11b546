/* ctlclient ctl show, verify, diff: what reads lists and changes nothing. */
#include "ctlclient/ctl_commands.h"

#include "common/cli.h"
#include "ctlclient/ctl_json.h"
#include "ctlclient/list_file.h"
#include "trustfile/listing.h"
#include "trustfile/rules.h"

#include <stdio.h>
#include <string.h>

enum { OPT_JSON = 256, OPT_PREVIOUS, OPT_FILENAME };

struct read_args {
	const char *files[2];
	unsigned nfiles, wanted;
	const char *previous;
	const char *filename; /* what FILENAME should be; NULL: as the file itself says */
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct read_args *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_PREVIOUS:
		a->previous = arg;
		return 0;
	case OPT_FILENAME:
		a->filename = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->nfiles == a->wanted)
			argp_error(state, "too many files");
		a->files[a->nfiles++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->nfiles < a->wanted)
			argp_error(state, a->wanted == 1 ? "name a file" : "name two files");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A list shown or compared may be a CTL or an ITL; either name is right for itself. */
static const char *own_filename(const struct tl *l)
{
	const struct span itl = span_of(TL_ITL_NAME, sizeof(TL_ITL_NAME));

	return span_eq(l->filename, itl) ? TL_ITL_NAME : TL_CTL_NAME;
}

static int print_listing(const struct list_file *f, const struct err *verified)
{
	struct buf text = {0};
	int rc = 0;

	tl_listing(&text, f->list, f->mtime, verified);
	if (text.bad || fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout)) {
		perror("standard output");
		rc = ERR_FAILED;
	}
	buf_free(&text);
	return rc;
}

int ctl_show(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"FILE",
		"Shows a trust list the way the vendor's \"show ctl\" does, and whether its "
		"signature verifies. FILE may be - for standard input."
		"\vThe table's BYTEPOS column is the tag's number. Exit code 3: the list is broken "
		"or its signature does not verify.",
		NULL,
		NULL,
		NULL};
	struct read_args a = {.wanted = 1};
	struct list_file f;
	struct err e;
	int verified;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	if (list_file_open(&f, a.files[0], &e)) {
		err_print(&e, argv[0]);
		return (int)e.kind;
	}
	verified = tl_verify(f.list, own_filename(f.list), &e);
	rc = a.json ? json_print(ctl_json(f.list, verified ? &e : NULL))
		    : print_listing(&f, verified ? &e : NULL);
	list_file_close(&f);
	return rc ? rc : verified;
}

static const char *verdict_text(enum tl_verdict v, bool has_previous)
{
	switch (v) {
	case TL_INSTALL_FIRST:
		return has_previous ? "accepted"
				    : "valid: a phone without a trust list would install it";
	case TL_INSTALL:
		return "valid: a phone with the previous list would install it";
	case TL_UNCHANGED:
		return "valid: it is the previous list, nothing would change";
	case TL_KEEP_OLD:
		break;
	}
	return "refused";
}

static int report_verdict(const struct tl *l, enum tl_verdict v, const struct read_args *a,
			  const struct err *e)
{
	const bool refused = v == TL_KEEP_OLD;

	if (!a->json) {
		if (!refused)
			printf("%s: %s\n", a->files[0], verdict_text(v, a->previous));
		return refused ? ERR_REFUSED : 0;
	}
	json_print(json_pack("{s:b, s:s, s:o, s:o}", "valid", !refused, "verdict",
			     verdict_text(v, a->previous), "signer", ctl_signer_json(l), "reason",
			     refused ? json_pack("{s:s, s:s}", "id", e->id, "text", e->what)
				     : json_null()));
	return refused ? ERR_REFUSED : 0;
}

int ctl_verify(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"previous", OPT_PREVIOUS, "OLD", 0,
		 "The list that the phones have: would they take FILE in its place?", 0},
		{"filename", OPT_FILENAME, "NAME", 0,
		 "The name that must be signed into it (CTLFile.tlv)", 0},
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp argp = {
		options, parse,
		"FILE",  "Checks a trust list as a phone does: format, signature, signer, name.",
		NULL,    NULL,
		NULL};
	struct read_args a = {.wanted = 1, .filename = TL_CTL_NAME};
	struct list_file f = {0};
	struct list_file old = {0};
	struct err e = {0};
	enum tl_verdict v;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = list_file_open(&f, a.files[0], &e);
	if (!rc && a.previous)
		rc = list_file_open(&old, a.previous, &e);
	if (rc)
		goto out;
	v = tl_phone_verdict((const struct tl *const[]){old.list}, 1, old.list, f.list, a.filename,
			     &e);
	rc = report_verdict(f.list, v, &a, &e);
out:
	if (rc)
		err_print(&e, argv[0]);
	list_file_close(&f);
	list_file_close(&old);
	return rc;
}

static int print_diff(const struct tl_diff *d, bool json)
{
	struct buf text = {0};
	int rc = 0;

	if (json)
		return json_print(ctl_diff_json(d));
	tl_diff_text(&text, d);
	if (buf_cstr(&text))
		printf("%s", buf_cstr(&text));
	if (d->signer_changed)
		printf("another token signed\n");
	if (d->mode_changed)
		printf("the security mode changes\n");
	if (text.bad || fflush(stdout))
		rc = ERR_FAILED;
	buf_free(&text);
	return rc;
}

int ctl_diff(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"OLD NEW",
		"Shows what changes from one trust list to another: who may sign, which servers.",
		NULL,
		NULL,
		NULL};
	struct read_args a = {.wanted = 2};
	struct list_file f[2] = {{0}, {0}};
	struct tl_diff d = {0};
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = list_file_open(&f[0], a.files[0], &e);
	if (!rc)
		rc = list_file_open(&f[1], a.files[1], &e);
	if (!rc)
		rc = tl_diff(&d, f[0].list, f[1].list, &e);
	if (rc)
		err_print(&e, argv[0]);
	else
		rc = print_diff(&d, a.json);
	tl_diff_free(&d);
	list_file_close(&f[0]);
	list_file_close(&f[1]);
	return rc;
}
