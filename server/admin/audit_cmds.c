/* ctladmin audit ...: the audit log of this node. */
#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/text.h"
#include "server/admin/state_opt.h"
#include "server/store/audit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	OPT_STATE = 1000,
	OPT_JSON,
	OPT_AFTER,
	OPT_LIMIT,
	OPT_AGAINST,
	LIST_DEFAULT = 50,
	EXPORT_MAX = 60 << 20, /* bytes of an export that is compared with */
};

struct options {
	const char *conf, *state, *output, *against;
	bool json;
	unsigned long after, limit;
	bool has_after;
};

#define OPTION_JSON                                                                                \
	{                                                                                          \
		.name = "json", .key = OPT_JSON, .doc = "print a JSON document"                    \
	}
#define OPTION_AFTER                                                                               \
	{                                                                                          \
		.name = "after", .key = OPT_AFTER, .arg = "N", .doc = "only rows behind number N"  \
	}
#define OPTION_LIMIT                                                                               \
	{                                                                                          \
		.name = "limit", .key = OPT_LIMIT, .arg = "N", .doc = "N rows at most (50)"        \
	}
#define OPTION_OUTPUT                                                                              \
	{                                                                                          \
		.name = "output", .key = 'o', .arg = "FILE", .doc = "write there"                  \
	}
#define OPTION_AGAINST                                                                             \
	{                                                                                          \
		.name = "against", .key = OPT_AGAINST, .arg = "FILE",                              \
		.doc = "an earlier export: its last row must still be there"                       \
	}
#define OPTIONS_STATE                                                                              \
	{.name = "config",                                                                         \
	 .key = 'c',                                                                               \
	 .arg = "FILE",                                                                            \
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},                                          \
	{                                                                                          \
		.name = "state", .key = OPT_STATE, .arg = "DIR",                                   \
		.doc = "folder of the node's state"                                                \
	}

static unsigned long number(const char *arg, struct argp_state *state)
{
	char *end;
	const unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end)
		argp_error(state, "\"%s\" is no number", arg);
	return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_AFTER:
		o->after = number(arg, state);
		o->has_after = true;
		return 0;
	case OPT_LIMIT:
		o->limit = number(arg, state);
		return 0;
	case OPT_AGAINST:
		o->against = arg;
		return 0;
	case 'o':
		o->output = arg;
		return 0;
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not expected here", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(int (*job)(const struct options *o, struct store *s, struct err *e),
	       const struct argp_option *options, const char *doc, int argc, char **argv)
{
	const struct argp argp = {.options = options, .parser = parse, .doc = doc};
	struct options o = {.limit = LIST_DEFAULT};
	struct store *s = NULL;
	char *state = NULL;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, &o);
	rc = state_opt(&state, o.state, o.conf, &e);
	if (!rc)
		rc = store_open(&s, state, STORE_READ, &e);
	if (!rc)
		rc = job(&o, s, &e);
	store_close(s);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

/* ---- rows as text and as JSON ---- */

static const char *when(char text[32], int64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
	return text;
}

static int add_json(const struct audit_row *r, void *arg, struct err *e)
{
	char time[32];
	json_t *row = json_pack("{s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "number",
				(json_int_t)r->number, "time", when(time, r->time), "accepted",
				(int)r->accepted, "user", json_chars(r->user), "address",
				json_chars(r->address), "action", json_chars(r->action), "token",
				json_chars(r->token), "detail", json_text(buf_view(&r->detail)),
				"hash", json_hex(span_of(r->hash, sizeof(r->hash))));

	return json_array_append_new(arg, row) ? err_nomem(e) : 0;
}

/* Every line of the detail behind the first is set in. */
static void print_detail(const struct buf *detail)
{
	const uint8_t *p = detail->data, *const end = p + detail->len;
	bool first = true;

	while (p < end) {
		const uint8_t *const nl = memchr(p, '\n', (size_t)(end - p));
		const size_t n = (size_t)((nl ? nl : end) - p);
		struct buf line = {0};

		text_printable(&line, span_of(p, n));
		printf("%s%s\n", first ? "" : "        ", buf_cstr(&line) ? (char *)line.data : "");
		buf_free(&line);
		first = false;
		p += n + 1;
	}
	if (first)
		printf("\n");
}

static int print_row(const struct audit_row *r, void *arg, struct err *e)
{
	struct buf who = {0};
	char time[32];

	(void)arg;
	text_printable(&who, span_of(r->user, strlen(r->user)));
	buf_str(&who, " ");
	text_printable(&who, span_of(r->address, strlen(r->address)));
	if (*r->token) {
		buf_str(&who, " [");
		text_printable(&who, span_of(r->token, strlen(r->token)));
		buf_str(&who, "]");
	}
	if (!buf_cstr(&who))
		return err_nomem(e);
	printf("%6" PRId64 "  %s  %s  %s  %s: ", r->number, when(time, r->time),
	       r->accepted ? "accepted" : "REFUSED ", (const char *)who.data, r->action);
	print_detail(&r->detail);
	buf_free(&who);
	return 0;
}

static json_t *json_head(const struct audit_head *h)
{
	return json_pack("{s:I, s:o}", "number", (json_int_t)h->number, "hash",
			 json_hex(span_of(h->hash, sizeof(h->hash))));
}

/* ---- list ---- */

static int list(const struct options *o, struct store *s, struct err *e)
{
	int64_t after = (int64_t)o->after;
	struct audit_head head;
	json_t *rows;
	int rc = audit_head(s, &head, e);

	if (rc)
		return rc;
	/* The newest, unless told. */
	if (!o->has_after)
		after = head.number - (int64_t)o->limit;
	if (!o->json)
		return audit_read(s, after, o->limit, print_row, NULL, e);
	rows = json_array();
	rc = audit_read(s, after, o->limit, add_json, rows, e);
	if (!rc)
		return json_print(json_pack("{s:o, s:o}", "rows", rows, "head", json_head(&head)));
	json_decref(rows);
	return rc;
}

/* ---- export ---- */

static int write_out(const char *path, json_t *doc, struct err *e)
{
	char *text = json_dumps(doc, JSON_INDENT(1));
	int rc;

	rc = text ? file_write(path, span_of(text, strlen(text)), 0600, e) : err_nomem(e);
	free(text);
	return rc;
}

static int export(const struct options *o, struct store *s, struct err *e)
{
	struct audit_head head;
	json_t *rows = json_array(), *doc;
	int rc = audit_verify(s, NULL, 0, &head, e);

	if (rc)
		err_wrap(e, "nothing was exported");
	else
		rc = audit_read(s, 0, (size_t)head.number, add_json, rows, e);
	doc = json_pack("{s:o, s:o}", "head", json_head(&head), "rows", rows);
	if (!rc && !doc)
		rc = err_nomem(e);
	if (rc || o->output) {
		rc = rc ? rc : write_out(o->output, doc, e);
		json_decref(doc);
		return rc;
	}
	return json_print(doc);
}

/* ---- verify ---- */

/* Number and hash of the last row of an earlier export. */
static int read_head(struct audit_head *head, const char *path, struct err *e)
{
	struct buf file = {0}, hash = {0};
	const char *hex = NULL;
	json_int_t number = 0;
	json_t *doc = NULL;
	int rc = file_read(path, EXPORT_MAX, &file, e);

	if (!rc)
		rc = json_read(&doc, buf_view(&file), e);
	if (!rc && (json_unpack(doc, "{s:{s:I, s:s}}", "head", "number", &number, "hash", &hex) ||
		    !hex_parse(&hash, hex, strlen(hex)) || hash.len != sizeof(head->hash)))
		rc = err_set(e, ERR_FAILED, "audit-export", "it is no export of an audit log");
	if (rc) {
		err_wrap(e, "%s", path);
	} else {
		head->number = number;
		memcpy(head->hash, hash.data, hash.len);
	}
	json_decref(doc);
	buf_free(&hash);
	buf_free(&file);
	return rc;
}

static int verify(const struct options *o, struct store *s, struct err *e)
{
	struct audit_head known, head;
	struct buf hash = {0};
	int rc = o->against ? read_head(&known, o->against, e) : 0;

	if (!rc)
		rc = audit_verify(s, &known, o->against ? 1 : 0, &head, e);
	if (rc)
		return rc;
	if (o->json)
		return json_print(json_pack("{s:b, s:o}", "verified", 1, "head", json_head(&head)));
	hex_lower(&hash, span_of(head.hash, sizeof(head.hash)), 0);
	printf("%" PRId64 " rows, each in its place and as it was written; the last one's hash is\n"
	       "  %s\n",
	       head.number, buf_cstr(&hash) ? (const char *)hash.data : "");
	if (!o->against)
		printf("whether rows were cut off at the end tells only an earlier export: "
		       "--against FILE\n");
	buf_free(&hash);
	return 0;
}

/* ---- the way in ---- */

int cmd_audit_list(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		OPTION_AFTER, OPTION_LIMIT, OPTION_JSON, OPTIONS_STATE, {0}};

	(void)ctx;
	return run(list, options, "Shows the newest rows of the audit log.", argc, argv);
}

int cmd_audit_verify(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		OPTION_AGAINST, OPTION_JSON, OPTIONS_STATE, {0}};

	(void)ctx;
	return run(verify, options,
		   "Checks that no row of the audit log was changed, removed or put elsewhere.",
		   argc, argv);
}

int cmd_audit_export(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		OPTION_OUTPUT,
		{.name = "json", .key = OPT_JSON, .doc = "as a JSON document, which it is anyway"},
		OPTIONS_STATE,
		{0}};

	(void)ctx;
	return run(export, options,
		   "Writes the whole audit log as one JSON document. Keep it elsewhere: \"audit "
		   "verify --against\" needs it.",
		   argc, argv);
}
