/* ctlclient transcript verify. */
#include "ctlclient/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/json.h"
#include "common/sha256.h"
#include "common/text.h"
#include "ctlclient/cert_file.h"
#include "ctlclient/transcript.h"
#include "ctlclient/transcript_check.h"

#include <stdio.h>
#include <string.h>

enum { OPT_CERT = 256, OPT_JSON, OPT_CONTINUES, OPT_UNSIGNED };

struct args {
	const char *file, *cert, *continues;
	bool json, unsigned_too;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case OPT_CERT:
		a->cert = arg;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_CONTINUES:
		a->continues = arg;
		return 0;
	case OPT_UNSIGNED:
		a->unsigned_too = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			argp_error(state, "\"%s\" is not expected here", arg);
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->file)
			argp_error(state, "which record?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A text of the record, safe to show; out is emptied first. */
static const char *shown(struct buf *out, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	out->len = 0;
	text_printable(out, span_of(text ? text : "", text ? strlen(text) : 0));
	return buf_cstr(out) ? buf_cstr(out) : "";
}

static void print_line(const json_t *line)
{
	struct buf text = {0};

	printf("%4lld  %-20s", json_integer_value(json_object_get(line, "n")),
	       shown(&text, line, "time"));
	printf("  %-13s", shown(&text, line, "step"));
	printf(" %s", shown(&text, line, "result"));
	if (json_object_get(line, "error"))
		printf(": %s", shown(&text, json_object_get(line, "error"), "text"));
	printf("\n");
	buf_free(&text);
}

static void print_report(const struct transcript_report *r)
{
	const json_t *first = json_array_get(r->lines, 0);
	struct buf text = {0};
	const json_t *line;
	size_t i;

	if (first) {
		printf("command:   %s\n", shown(&text, first, "command"));
		printf("operator:  %s", shown(&text, first, "operator"));
		printf(" (login %s", shown(&text, first, "login"));
		printf(" on %s)\n", shown(&text, first, "host"));
	}
	if (json_object_get(first, "continues")) {
		const json_t *earlier = json_object_get(first, "continues");

		printf("continues: %s", shown(&text, earlier, "file"));
		printf(", SHA-256 %s\n", shown(&text, earlier, "sha256"));
	}
	json_array_foreach(r->lines, i, line) print_line(line);
	buf_free(&text);
}

static void print_signed(const struct transcript_report *r, bool known)
{
	json_t *cert = transcript_cert(r->signer);
	struct buf text = {0};

	printf("signed by: %s\n", shown(&text, cert, "subject"));
	printf("           serial %s\n", shown(&text, cert, "serial"));
	printf("           SHA-256 %s\n", shown(&text, cert, "sha256"));
	if (!known)
		printf("the record is whole; whether this is your token, --cert CERT tells\n");
	else
		printf("the record is whole, and signed by that certificate's token\n");
	json_decref(cert);
	buf_free(&text);
}

static void print_signer(const struct transcript_report *r, bool known)
{
	if (!r->signer) {
		printf("the record is whole; nobody signed it\n");
		return;
	}
	print_signed(r, known);
}

static json_t *report_json(const struct transcript_report *r, int rc, const struct err *e)
{
	const json_t *end =
		json_array_get(r->lines, json_array_size(r->lines) - (r->signer ? 2 : 1));

	return json_pack("{s:b, s:o, s:o, s:o, s:b, s:O}", "valid", !rc, "reason",
			 rc ? json_pack("{s:s, s:o}", "id", e->id, "text",
					json_text(span_of(e->what, strlen(e->what))))
			    : json_null(),
			 "bad_line", r->bad ? json_integer((json_int_t)r->bad) : json_null(),
			 "signer", !rc && r->signer ? transcript_cert(r->signer) : json_null(),
			 "done", !rc && !json_object_get(end, "error"), "lines", r->lines);
}

/* The record that this one says it continues is the one given. */
static int check_continued(const struct transcript_report *r, const char *path, struct err *e)
{
	const json_t *named = json_object_get(json_array_get(r->lines, 0), "continues");
	const char *sha256 = json_string_value(json_object_get(named, "sha256"));
	char have[2 * SHA256_LEN + 1];
	struct buf earlier = {0};
	int rc = file_read(path, TRANSCRIPT_FILE_MAX, &earlier, e);

	if (!rc)
		rc = sha256_text(have, buf_view(&earlier), e);
	if (!rc && (!sha256 || strcmp(have, sha256) != 0))
		rc = err_set(e, ERR_REFUSED, "transcript-continues",
			     "the record does not continue %s%s", path,
			     sha256 ? ", or that was changed since" : "");
	buf_free(&earlier);
	return rc;
}

static int check(struct transcript_report *r, const struct args *a, struct span file,
		 const X509 *cert, struct err *e)
{
	int rc = transcript_check(r, file, cert, e);

	if (rc && a->unsigned_too && !cert && !strcmp(e->id, "transcript-unsigned"))
		rc = 0;
	return rc || !a->continues ? rc : check_continued(r, a->continues, e);
}

static int verify(const struct args *a, struct err *e)
{
	struct transcript_report r = {0};
	struct buf file = {0};
	X509 *cert = NULL;
	int rc;

	rc = a->cert ? cert_file_read(&cert, a->cert, e) : 0;
	if (!rc)
		rc = file_read(a->file, TRANSCRIPT_FILE_MAX, &file, e);
	if (rc)
		goto out;
	rc = check(&r, a, buf_view(&file), cert, e);
	if (a->json) {
		json_print(report_json(&r, rc, e));
	} else {
		print_report(&r);
		if (!rc)
			print_signer(&r, cert != NULL);
	}
	fflush(stdout);
out:
	if (rc)
		err_wrap(e, "%s", a->file);
	transcript_report_free(&r);
	X509_free(cert);
	buf_free(&file);
	return rc;
}

static int transcript_cmd_verify(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"cert", OPT_CERT, "CERT", 0,
		 "The certificate of the token that must have signed it", 0},
		{"continues", OPT_CONTINUES, "EARLIER", 0,
		 "The record that it must go on from, as it was then", 0},
		{"unsigned", OPT_UNSIGNED, NULL, 0,
		 "Accept a record that nobody could sign, such as that of \"token init\"", 0},
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp argp = {options,
					 parse,
					 "FILE",
					 "Checks the record of a ceremony: that every line follows "
					 "from the one before, and the "
					 "token's signature over all of them. Exit code 3 if not; "
					 "the first bad line is named.",
					 NULL,
					 NULL,
					 NULL};
	struct args a = {0};
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = verify(&a, &e);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

int cmd_transcript(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"verify", "FILE [--cert CERT]", "check the record of a ceremony",
		 transcript_cmd_verify},
		{NULL, NULL, NULL, NULL},
	};

	return cli_dispatch(table, "Records of signing ceremonies, as --transcript writes them.",
			    "", argc, argv, ctx);
}
