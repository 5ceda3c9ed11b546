/* ctladmin capf set, generate, find, watch, report, explain: operations, over the provider's API.
 */
#include "server/admin/commands.h"

#include "common/file.h"
#include "server/admin/csv.h"
#include "server/admin/phone_remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define OPERATIONS "capf/operations"

enum { WATCH_S = 2 };

#define ORDER_OPTIONS                                                                              \
	{"by", "TIME", REMOTE_TEXT, "by",                                                          \
	 "Deadline: 2026-12-24T12:00:00Z, or \"2026-12-24 12:00\" in the provider's time"},        \
	{                                                                                          \
		"key", "KIND", REMOTE_TEXT, "key",                                                 \
			"rsa:512 to rsa:4096, ec:p256, ec:p384, ec:p521 (the profile's size)"      \
	}

/* ---- setting ---- */

static int tell_order(struct remote *r, json_t *doc)
{
	struct buf name = {0}, text = {0}, string = {0};
	const bool generated = json_object_get(doc, "generated") != NULL;

	if (r->json)
		return json_print(doc);
	printf("%s: %s%s%s\n", remote_text(&name, doc, "name"), remote_text(&text, doc, "text"),
	       generated ? ", authentication string " : "",
	       generated ? remote_text(&string, doc, "generated") : "");
	buf_free(&name);
	buf_free(&text);
	buf_wipe(&string);
	json_decref(doc);
	return 0;
}

static int order(struct remote *r, const char *name, struct err *e)
{
	json_t *doc;

	if (remote_send(r, "PUT", OPERATIONS, name, r->body, &doc, e))
		return (int)e->kind;
	return tell_order(r, doc);
}

/* ---- several at once: what cannot be set is told, and the others are set all the same ---- */

struct several {
	struct remote *r;
	size_t done, failed;
};

static void order_one(struct several *m, const char *name)
{
	struct err e;

	if (!order(m->r, name, &e)) {
		m->done++;
		return;
	}
	m->failed++;
	fprintf(stderr, "%s: %s\n", name, e.what);
}

static int order_phone(const json_t *phone, void *arg, struct err *e)
{
	(void)e;
	order_one(arg, json_string_value(json_object_get(phone, "name")));
	return 0;
}

static int sum_up(const struct several *m, struct err *e)
{
	fprintf(stderr, "%zu set, %zu not\n", m->done, m->failed);
	return m->failed ? err_set(e, ERR_FAILED, "capf-some", "%zu operations could not be set",
				   m->failed)
			 : 0;
}

static int order_pattern(struct remote *r, const char *pattern, struct err *e)
{
	struct several m = {.r = r};
	int rc;

	buf_str(&r->query, "?name=");
	remote_escape(&r->query, pattern);
	rc = remote_each_phone(r, order_phone, &m, e);
	return rc ? rc : sum_up(&m, e);
}

/* Columns: the device's name; if there is a second, its authentication string. */
static int order_rows(struct several *m, struct csv *c, struct err *e)
{
	bool there;

	for (;;) {
		if (csv_next(c, &there, e))
			return err_wrap(e, "line %lu", c->record);
		if (!there)
			return 0;
		if (!c->nfields || !strcasecmp(c->fields[0], "Device Name"))
			continue;
		if (c->nfields > 1 && *c->fields[1])
			json_object_set_new(m->r->body, "auth_string", json_chars(c->fields[1]));
		order_one(m, c->fields[0]);
	}
}

static int order_file(struct remote *r, const char *path, struct err *e)
{
	struct several m = {.r = r};
	FILE *f = fopen(path, "re");
	struct csv c;
	int rc;

	if (!f)
		return err_set(e, ERR_FAILED, "file-read", "cannot read %s: %s", path,
			       strerror(errno));
	csv_open(&c, f);
	rc = order_rows(&m, &c, e);
	csv_close(&c);
	fclose(f);
	return rc ? rc : sum_up(&m, e);
}

static int set(struct remote *r, struct err *e)
{
	const char *file = remote_kept(r, "from");
	const char *operation = r->words[r->nwords - 1];

	if ((file != NULL) != (r->nwords == 1))
		return err_set(e, ERR_USAGE, "usage",
			       "give a NAME and an operation, or --from FILE and an operation");
	json_object_set_new(r->body, "operation", json_chars(operation));
	if (remote_kept(r, "generate"))
		json_object_set_new(r->body, "auth_string", json_string("generate"));
	if (file)
		return order_file(r, file, e);
	return strpbrk(r->words[0], "*?") ? order_pattern(r, r->words[0], e)
					  : order(r, r->words[0], e);
}

int cmd_capf_set(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME install|delete|troubleshoot|none\n--from FILE "
		"install|delete|troubleshoot|none",
		"Schedules what CAPF is to do when the phone calls: install or upgrade its "
		"certificate, delete it, read its certificates back, or nothing any more. NAME may "
		"have the wildcards * and ?; an instance of a user is written USER:INSTANCE. What "
		"was pending is replaced.",
		1,
		2,
		set,
		{{"string", "DIGITS", REMOTE_TEXT, "auth_string",
		  "Authentication string, 4 to 10 digits, for one use"},
		 {"generate", NULL, REMOTE_FLAG, NULL, "Make one, and show it"},
		 ORDER_OPTIONS,
		 {"from", "FILE", REMOTE_KEPT, NULL,
		  "CSV: device name, and if there is a second column authentication string"},
		 {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static int generate(struct remote *r, struct err *e)
{
	json_object_set_new(r->body, "operation", json_string("install"));
	json_object_set_new(r->body, "auth_string", json_string("generate"));
	return strpbrk(r->words[0], "*?") ? order_pattern(r, r->words[0], e)
					  : order(r, r->words[0], e);
}

int cmd_capf_generate(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME",
		"Schedules a certificate with a new authentication string, and shows the string.",
		1,
		1,
		generate,
		{ORDER_OPTIONS, {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

/* ---- finding and watching ---- */

static void print_operation(const json_t *o)
{
	static const char *const columns[] = {"name", "text", "auth_mode", "key", "by", "detail"};
	static const int widths[] = {18, 28, 8, 10, 22, 0};

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		struct buf b = {0};
		const char *text = remote_text(&b, o, columns[i]);

		printf("%-*s%s", widths[i], text ? text : "", widths[i] ? " " : "\n");
		buf_free(&b);
	}
}

static int find(struct remote *r, struct err *e)
{
	const json_t *o;
	json_t *doc;
	size_t i;

	if (remote_get(r, OPERATIONS, NULL, buf_cstr(&r->query), &doc, e)) {
		/* Nothing else in this request can be wrong than what was typed. */
		if (!strcmp(e->id, "bad-request"))
			e->kind = ERR_USAGE;
		return (int)e->kind;
	}
	if (r->json)
		return json_print(doc);
	json_array_foreach(json_object_get(doc, "operations"), i, o) print_operation(o);
	json_decref(doc);
	return 0;
}

int cmd_capf_find(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"",
		"Lists operations: those that are pending, have failed or are done.",
		0,
		0,
		find,
		{{"status", "STATUS", REMOTE_QUERY, "status", "pending, failed, successful, none"}, {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static size_t count_status(const json_t *doc, const char *status)
{
	const json_t *o;
	size_t i, n = 0;

	json_array_foreach(json_object_get(doc, "operations"), i, o) n +=
		!strcmp(json_string_value(json_object_get(o, "status")), status);
	return n;
}

static void print_progress(const json_t *doc, bool terminal)
{
	printf("%s%zu pending, %zu successful, %zu failed%s", terminal ? "\r\033[K" : "",
	       count_status(doc, "pending"), count_status(doc, "successful"),
	       count_status(doc, "failed"), terminal ? "" : "\n");
	fflush(stdout);
}

/* Until nothing is pending any more; Ctrl-C ends it before. */
static int watch(struct remote *r, struct err *e)
{
	const bool terminal = isatty(STDOUT_FILENO);
	size_t pending = 1;
	json_t *doc;

	while (pending) {
		if (remote_get(r, OPERATIONS, NULL, NULL, &doc, e))
			return (int)e->kind;
		print_progress(doc, terminal);
		pending = count_status(doc, "pending");
		json_decref(doc);
		if (pending)
			sleep(WATCH_S);
	}
	if (terminal)
		printf("\n");
	return 0;
}

int cmd_capf_watch(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"",
		"Shows how many operations are pending, done and failed, until none is pending.",
		0,
		0,
		watch,
		{{0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

/* ---- explaining ---- */

static int explain(struct remote *r, struct err *e)
{
	const json_t *sentence;
	json_t *doc;
	size_t i;

	if (remote_get(r, OPERATIONS, r->words[0], NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	json_array_foreach(json_object_get(doc, "explain"), i, sentence)
	{
		const json_t *one = json_pack("{s:O}", "s", sentence);
		struct buf b = {0};
		const char *text = remote_text(&b, one, "s");

		printf("%s\n", text ? text : "");
		buf_free(&b);
		json_decref((json_t *)(uintptr_t)one);
	}
	json_decref(doc);
	return 0;
}

int cmd_capf_explain(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME",
		"Says what is pending for a phone, who has to connect to whom, what the phone "
		"needs "
		"to know for that, what happened last time, and what to press on this model.",
		1,
		1,
		explain,
		{{0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

/* ---- the report ---- */

static int report(struct remote *r, struct err *e)
{
	const char *file = remote_kept(r, "output");
	struct api_reply reply = {0};
	struct buf path = {0};
	const char *text;
	int rc;

	buf_str(&path, REMOTE_ROOT "/capf/report.csv");
	buf_span(&path, buf_view(&r->query));
	text = buf_cstr(&path);
	rc = text ? api_get(r->api, text, &reply, e) : err_nomem(e);
	/* It shows authentication strings. */
	if (!rc && file)
		rc = file_write(file, buf_view(&reply.body), 0600, e);
	else if (!rc && fwrite(reply.body.data, 1, reply.body.len, stdout) != reply.body.len)
		rc = err_set(e, ERR_FAILED, "file-write", "cannot write: %s", strerror(errno));
	buf_wipe(&reply.body);
	buf_free(&path);
	return rc;
}

int cmd_capf_report(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"",
		"The CAPF report as CSV, one row for each phone. It shows authentication strings: "
		"they are there to be handed out.",
		0,
		0,
		report,
		{{"output", "FILE", REMOTE_KEPT, NULL, "Write it to FILE, for its owner only"},
		 {"name", "NAME", REMOTE_QUERY, "name", "Phones called so, with * and ?"},
		 {"description", "TEXT", REMOTE_QUERY, "description", "Phones described so"},
		 {"profile", "NAME", REMOTE_QUERY, "profile", "With that security profile"},
		 {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}
