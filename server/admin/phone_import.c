/* ctladmin phone import: a CSV file of any length, in batches, with a report for each line. */
#include "server/admin/commands.h"

#include "common/text.h"
#include "server/admin/phone_csv.h"
#include "server/admin/phone_remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH_ROWS = 200,
	BATCH_BYTES = 40 * 1024, /* of JSON: the provider takes bodies of 64 KB */
	ROW_BYTES_MAX = 16 * 1024,
};

struct import {
	struct remote *r;
	struct csv csv;
	struct phone_csv columns;
	json_t *batch; /* rows that wait */
	size_t bytes;
	struct pending {
		unsigned long line;
		json_t *refused; /* the result of a line that never was a row; NULL: a row */
	} pending[BATCH_ROWS];   /* in the order of the lines */
	size_t npending;
	unsigned long added, changed, unchanged, refused;
	bool told; /* a first result was printed: JSON needs to know */
};

/* ---- the report ---- */

static void print_json(struct import *m, unsigned long line, const json_t *result)
{
	json_t *doc = json_pack("{s:I}", "line", (json_int_t)line);

	json_object_update(doc, (json_t *)result);
	printf("%s\n    ", m->told ? "," : "");
	json_dumpf(doc, stdout, JSON_COMPACT);
	json_decref(doc);
}

static void print_line(unsigned long line, const json_t *result)
{
	struct buf name = {0}, detail = {0};

	printf("line %lu: %s: %s", line, remote_text(&name, result, "name"),
	       json_string_value(json_object_get(result, "result")));
	if (json_object_get(result, "detail"))
		printf(": %s", remote_text(&detail, result, "detail"));
	printf("\n");
	buf_free(&name);
	buf_free(&detail);
}

static void report(struct import *m, unsigned long line, const json_t *result)
{
	const char *word = json_string_value(json_object_get(result, "result"));
	const bool refused = word && !strcmp(word, "refused");

	if (remote_kept(m->r, "quiet") && !refused)
		return;
	if (m->r->json)
		print_json(m, line, result);
	else
		print_line(line, result);
	m->told = true;
}

static void show_progress(const struct import *m)
{
	if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO))
		fprintf(stderr, "\r%lu lines", m->csv.line - 1);
}

/* ---- batches ---- */

static unsigned long number_of(const json_t *doc, const char *member)
{
	return (unsigned long)json_integer_value(json_object_get(doc, member));
}

static int import_batch(struct import *m, json_t **answer, struct err *e)
{
	const char *existing = remote_kept(m->r, "existing");
	json_t *body;
	int rc;

	*answer = NULL;
	if (!json_array_size(m->batch))
		return 0;
	body = json_pack("{s:O, s:b, s:s}", "phones", m->batch, "dry_run",
			 remote_kept(m->r, "dry-run") != NULL, "existing",
			 existing ? existing : "update");
	rc = remote_send(m->r, "POST", "phones", "import", body, answer, e);
	json_decref(body);
	return rc ? err_wrap(e, "from line %lu on nothing was imported", m->pending[0].line) : 0;
}

static int flush(struct import *m, struct err *e)
{
	json_t *answer;
	size_t row = 0;

	if (import_batch(m, &answer, e))
		return (int)e->kind;
	for (size_t i = 0; i < m->npending; i++) {
		const struct pending *p = &m->pending[i];

		report(m, p->line,
		       p->refused ? p->refused
				  : json_array_get(json_object_get(answer, "results"), row++));
		json_decref(p->refused);
	}
	m->added += number_of(answer, "added");
	m->changed += number_of(answer, "changed");
	m->unchanged += number_of(answer, "unchanged");
	m->refused += number_of(answer, "refused");
	json_decref(answer);
	json_array_clear(m->batch);
	m->bytes = 0;
	m->npending = 0;
	/* Whatever ends this program, what is done was said. */
	fflush(stdout);
	show_progress(m);
	return 0;
}

/* A line is noted; refused is the result if it is none of the batch. */
static int wait_for_batch(struct import *m, json_t *refused, struct err *e)
{
	m->pending[m->npending++] = (struct pending){m->csv.record, refused};
	return m->npending == BATCH_ROWS ? flush(m, e) : 0;
}

static int refuse_line(struct import *m, const struct err *why, struct err *e)
{
	const char *name = m->csv.nfields ? m->csv.fields[0] : "";

	m->refused++;
	return wait_for_batch(m,
			      json_pack("{s:o, s:s, s:s, s:o}", "name", json_chars(name), "result",
					"refused", "id", why->id, "detail", json_chars(why->what)),
			      e);
}

static int add_row(struct import *m, json_t *row, struct err *e)
{
	const size_t n = json_dumpb(row, NULL, 0, JSON_COMPACT);
	struct err why;

	if (n > ROW_BYTES_MAX) {
		err_set(&why, ERR_USAGE, "csv", "it is too long for a phone");
		return refuse_line(m, &why, e);
	}
	if (m->bytes + n > BATCH_BYTES && flush(m, e))
		return (int)e->kind;
	m->bytes += n;
	return json_array_append(m->batch, row) ? err_nomem(e) : wait_for_batch(m, NULL, e);
}

/* What the command line says holds for rows that do not say it themselves. */
static int take_row(struct import *m, struct err *e)
{
	struct err why;
	json_t *row;
	int rc;

	if (phone_csv_row(&row, &m->columns, &m->csv, &why))
		return refuse_line(m, &why, e);
	rc = json_object_update_missing(row, m->r->body) ? err_nomem(e) : add_row(m, row, e);
	json_decref(row);
	return rc;
}

static int import_rows(struct import *m, struct err *e)
{
	struct err why;
	bool there;
	int rc = csv_next(&m->csv, &there, e);

	if (!rc && !there)
		rc = err_set(e, ERR_FAILED, "csv-empty", "there is nothing in it");
	if (!rc)
		rc = phone_csv_header(&m->columns, &m->csv, e);
	if (!rc && !m->columns.has_header)
		rc = take_row(m, e);
	while (!rc) {
		const int bad = csv_next(&m->csv, &there, &why);

		if (bad && strcmp(why.id, "csv") != 0) {
			*e = why;
			return bad;
		}
		if (!bad && !there)
			break;
		if (bad)
			m->csv.nfields = 0;
		rc = bad ? refuse_line(m, &why, e) : take_row(m, e);
	}
	return rc ? rc : flush(m, e);
}

/* ---- the command ---- */

static void print_sums(const struct import *m)
{
	const char *dry = remote_kept(m->r, "dry-run") ? "would be " : "";

	if (m->r->json)
		printf("\n  ],\n  \"added\": %lu, \"changed\": %lu, \"unchanged\": %lu, "
		       "\"refused\": %lu\n}\n",
		       m->added, m->changed, m->unchanged, m->refused);
	else
		printf("%s%lu added, %lu changed, %lu unchanged, %lu refused\n", dry, m->added,
		       m->changed, m->unchanged, m->refused);
}

static int import_stream(struct remote *r, FILE *in, struct err *e)
{
	struct import *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return err_nomem(e);
	m->r = r;
	m->batch = json_array();
	csv_open(&m->csv, in);
	if (r->json)
		printf("{\n  \"results\": [");
	rc = import_rows(m, e);
	print_sums(m);
	if (!rc && m->refused)
		rc = ERR_REFUSED;
	for (size_t i = 0; i < m->npending; i++)
		json_decref(m->pending[i].refused);
	csv_close(&m->csv);
	json_decref(m->batch);
	free(m);
	return rc;
}

static int import(struct remote *r, struct err *e)
{
	const bool standard = !strcmp(r->words[0], "-");
	FILE *in = standard ? stdin : fopen(r->words[0], "re");
	int rc;

	if (!in)
		return err_set(e, ERR_FAILED, "file-read", "cannot open %s: %s", r->words[0],
			       strerror(errno));
	rc = import_stream(r, in, e);
	if (rc && *e->what)
		err_wrap(e, "%s", r->words[0]);
	if (!standard)
		fclose(in);
	return rc;
}

int cmd_phone_import(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"FILE",
		"Imports phones from a CSV file (\"-\": standard input) whose first line names the "
		"columns, or from a plain list of MAC addresses. A line that cannot be imported "
		"stops "
		"no other. Run it again after an interruption: what is there already is left "
		"unchanged.",
		1,
		1,
		import,
		{{"model", "MODEL", REMOTE_TEXT, "model", "For lines that name none"},
		 {"protocol", "PROTOCOL", REMOTE_TEXT, "protocol", "Likewise: sccp or sip"},
		 {"profile", "NAME", REMOTE_TEXT, "profile", "Likewise"},
		 {"template", "NAME", REMOTE_TEXT, "template", "Likewise"},
		 {"existing", "WHAT", REMOTE_KEPT, NULL,
		  "Phones that are there: update (what the line names), skip or refuse"},
		 {"dry-run", NULL, REMOTE_FLAG, NULL, "Check everything and change nothing"},
		 {"quiet", NULL, REMOTE_FLAG, NULL, "Report only the lines that were refused"}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}
