/* ctladmin phone export: phones as a CSV file that "phone import" takes. */
#include "server/admin/commands.h"

#include "server/admin/phone_csv.h"
#include "server/admin/phone_remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The phones are read twice: how many lines they have, and which parameters, makes the header. */
struct export
{
	FILE *out;
	size_t lines;
	json_t *params; /* names, as the members of an object */
	struct buf row;
};

static int measure(const json_t *phone, void *arg, struct err *e)
{
	const size_t n = json_array_size(json_object_get(phone, "lines"));
	struct export *x = arg;
	const char *name;
	json_t *value;

	if (n > x->lines)
		x->lines = n;
	json_object_foreach(json_object_get(phone, "parameters"), name, value)
	{
		if (json_object_set_new(x->params, name, json_true()))
			return err_nomem(e);
	}
	return 0;
}

static void put(struct export *x, const char *text)
{
	if (x->row.len)
		buf_str(&x->row, ",");
	csv_put(&x->row, text ? text : "");
}

static int end_row(struct export *x, struct err *e)
{
	int rc = 0;

	buf_str(&x->row, "\r\n");
	if (x->row.bad)
		rc = err_nomem(e);
	else if (fwrite(x->row.data, 1, x->row.len, x->out) != x->row.len)
		rc = err_set(e, ERR_FAILED, "file-write", "cannot write: %s", strerror(errno));
	x->row.len = 0;
	return rc;
}

static int put_header(struct export *x, struct err *e)
{
	static const char *const parts[] = {"line", "label", "display"};
	const char *name;
	char column[80];
	json_t *value;

	for (size_t i = 0; phone_csv_texts[i]; i++)
		put(x, phone_csv_texts[i]);
	for (size_t i = 1; i <= x->lines; i++)
		for (size_t k = 0; k < 3; k++) {
			snprintf(column, sizeof(column), "%s%zu", parts[k], i);
			put(x, column);
		}
	json_object_foreach(x->params, name, value)
	{
		snprintf(column, sizeof(column), "parameter.%s", name);
		put(x, column);
	}
	return end_row(x, e);
}

static int put_phone(const json_t *phone, void *arg, struct err *e)
{
	static const char *const parts[] = {"dn", "label", "display"};
	const json_t *lines = json_object_get(phone, "lines");
	const json_t *params = json_object_get(phone, "parameters");
	struct export *x = arg;
	const char *name;
	json_t *value;

	if (json_array_size(lines) > x->lines)
		return err_set(
			e, ERR_CONFLICT, "export",
			"somebody gave a phone more lines while this was written; try again");
	for (size_t i = 0; phone_csv_texts[i]; i++)
		put(x, json_string_value(json_object_get(phone, phone_csv_texts[i])));
	for (size_t i = 0; i < x->lines; i++)
		for (size_t k = 0; k < 3; k++)
			put(x,
			    json_string_value(json_object_get(json_array_get(lines, i), parts[k])));
	json_object_foreach(x->params, name, value)
	{
		put(x, json_string_value(json_object_get(params, name)));
	}
	return end_row(x, e);
}

static int write_all(struct remote *r, struct export *x, struct err *e)
{
	const int rc = put_header(x, e);

	return rc ? rc : remote_each_phone(r, put_phone, x, e);
}

static int export(struct remote *r, struct err *e)
{
	const char *path = remote_kept(r, "output");
	struct export x = {.params = json_object()};
	int rc = remote_each_phone(r, measure, &x, e);

	/* A file that is there stays as it is if the phones cannot be had. */
	if (!rc)
		x.out = path ? fopen(path, "we") : stdout;
	if (!rc && !x.out)
		rc = err_set(e, ERR_FAILED, "file-write", "cannot open %s: %s", path,
			     strerror(errno));
	if (!rc)
		rc = write_all(r, &x, e);
	if (x.out && (path ? fclose(x.out) : fflush(x.out)) && !rc)
		rc = err_set(e, ERR_FAILED, "file-write", "cannot write: %s", strerror(errno));
	json_decref(x.params);
	buf_free(&x.row);
	return rc;
}

int cmd_phone_export(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"",
		"Writes the phones for which everything given is true as a CSV file, which \"phone "
		"import\" takes. Secrets, certificates and what phones asked for are not in it.",
		0,
		0,
		export,
		{{"output", "FILE", REMOTE_KEPT, NULL, "Write there"}, REMOTE_PHONE_FILTER}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}
