#include "server/admin/phone_csv.h"

#include "server/device/harden.h"
#include "server/device/name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const phone_csv_texts[] = {"name",    "model",    "protocol",    "description", "owner",
				       "profile", "template", "digest_user", "load",        NULL};

/* Written, but never exported. */
static const char *const other_texts[] = {"digest_password", "key", "auth_string", "auth_mode",
					  NULL};

/* What other programs call them. */
static const struct {
	const char *alias, *name;
} aliases[] = {
	{"mac", "name"},
	{"mac_address", "name"},
	{"device_name", "name"},
	{"device", "name"},
	{"device_type", "model"},
	{"device_protocol", "protocol"},
	{"device_security_profile", "profile"},
	{"security_profile", "profile"},
	{"line", "line1"},
	{"dn", "line1"},
	{"directory_number", "line1"},
	{"label", "label1"},
	{"display", "display1"},
};

/* ---- the header ---- */

static const char param_prefix[] = "parameter.";

/* "Device Name " becomes "device_name"; the name of a parameter stays as it is. */
static void plain_name(char *out, size_t size, const char *text)
{
	const bool param = !strncmp(text, param_prefix, strlen(param_prefix));
	size_t n = 0;

	while (*text == ' ')
		text++;
	for (; *text && n + 1 < size; text++)
		out[n++] = param                          ? *text
			   : *text == ' ' || *text == '-' ? '_'
							  : (char)tolower((unsigned char)*text);
	while (n && (out[n - 1] == '_' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcmp(out, aliases[i].alias))
			snprintf(out, size, "%s", aliases[i].name);
}

static bool is_one_of(const char *const *list, const char *name)
{
	while (*list && strcmp(*list, name) != 0)
		list++;
	return *list != NULL;
}

/* "label12": the 11th line from 0. */
static bool line_column(struct phone_csv_column *col, const char *word, enum phone_csv_kind kind)
{
	const size_t n = strlen(word);
	char *end;
	unsigned long number;

	if (strncmp(col->name, word, n) != 0 || !isdigit((unsigned char)col->name[n]))
		return false;
	number = strtoul(col->name + n, &end, 10);
	if (*end || !number || number > PHONE_CSV_LINES_MAX)
		return false;
	col->kind = kind;
	col->line = number - 1;
	return true;
}

static int read_param(struct phone_csv_column *col, const char *text, struct err *e)
{
	const char *name = col->name + strlen(param_prefix);

	/* It says how the name is written, or where all of them are. */
	if (harden_check_name(name, e)) {
		snprintf(e->id, sizeof(e->id), "csv-header");
		return err_wrap(e, "the column \"%.60s\"", text);
	}
	col->kind = PHONE_CSV_PARAM;
	memmove(col->name, name, strlen(name) + 1);
	return 0;
}

static int read_column(struct phone_csv_column *col, const char *text, struct err *e)
{
	plain_name(col->name, sizeof(col->name), text);
	if (!*col->name)
		return 0;
	if (is_one_of(phone_csv_texts, col->name) || is_one_of(other_texts, col->name))
		col->kind = PHONE_CSV_TEXT;
	else if (!strcmp(col->name, "key_size"))
		col->kind = PHONE_CSV_NUMBER;
	else if (!strncmp(col->name, param_prefix, strlen(param_prefix)))
		return read_param(col, text, e);
	else if (!line_column(col, "line", PHONE_CSV_DN) &&
		 !line_column(col, "label", PHONE_CSV_LABEL) &&
		 !line_column(col, "display", PHONE_CSV_DISPLAY)) {
		err_set(e, ERR_USAGE, "csv-header", "the column \"%.60s\" is not known here", text);
		return err_hint(e, "columns are name, model, protocol, profile, line1, label1, "
				   "display1 and so on: doc/phones.md has them all");
	}
	return 0;
}

static int check_columns(const struct phone_csv *p, struct err *e)
{
	bool named = false;

	for (size_t i = 0; i < p->ncolumns; i++) {
		const struct phone_csv_column *col = &p->columns[i];

		named = named || (col->kind == PHONE_CSV_TEXT && !strcmp(col->name, "name"));
		for (size_t k = 0; k < i; k++)
			if (*col->name && col->kind == p->columns[k].kind &&
			    !strcmp(col->name, p->columns[k].name))
				return err_set(e, ERR_USAGE, "csv-header",
					       "the column \"%s\" is there twice", col->name);
	}
	if (named)
		return 0;
	err_set(e, ERR_USAGE, "csv-header", "no column has the phones' names");
	return err_hint(e, "the first line names the columns, one of them \"name\" or \"mac\"");
}

int phone_csv_header(struct phone_csv *p, const struct csv *c, struct err *e)
{
	char name[DEVICE_NAME_MAX];
	struct err ignored;
	int rc = 0;

	*p = (struct phone_csv){.ncolumns = c->nfields, .has_header = true};
	if (c->nfields == 1 && !device_name_parse(name, c->fields[0], &ignored) &&
	    device_name_mac(name)) {
		p->columns[0].kind = PHONE_CSV_TEXT;
		strcpy(p->columns[0].name, "name");
		p->has_header = false;
		return 0;
	}
	for (size_t i = 0; !rc && i < c->nfields; i++)
		rc = read_column(&p->columns[i], c->fields[i], e);
	return rc ? rc : check_columns(p, e);
}

/* ---- rows ---- */

static int add_member(json_t *doc, const char *name, json_t *value, struct err *e)
{
	if (json_object_set_new(doc, name, value))
		return err_set(e, ERR_USAGE, "csv", "the text in column %s is not UTF-8", name);
	return 0;
}

static int add_number(json_t *doc, const char *name, const char *text, struct err *e)
{
	char *end;
	const long n = strtol(text, &end, 10);

	if (*end)
		return err_set(e, ERR_USAGE, "csv", "\"%.40s\" in column %s is no number", text,
			       name);
	return add_member(doc, name, json_integer(n), e);
}

/* The lines that a row has, by their numbers. */
static int add_line_part(json_t *lines, const struct phone_csv_column *col, const char *text,
			 struct err *e)
{
	static const char *const members[] = {[PHONE_CSV_DN] = "dn",
					      [PHONE_CSV_LABEL] = "label",
					      [PHONE_CSV_DISPLAY] = "display"};

	while (json_array_size(lines) <= col->line)
		if (json_array_append_new(lines, json_object()))
			return err_nomem(e);
	return add_member(json_array_get(lines, col->line), members[col->kind], json_string(text),
			  e);
}

static int add_field(json_t *doc, json_t *lines, json_t *params, const struct phone_csv_column *col,
		     const char *text, struct err *e)
{
	switch (col->kind) {
	case PHONE_CSV_TEXT:
		return add_member(doc, col->name, json_string(text), e);
	case PHONE_CSV_NUMBER:
		return add_number(doc, col->name, text, e);
	case PHONE_CSV_PARAM:
		return add_member(params, col->name, json_string(text), e);
	case PHONE_CSV_DN:
	case PHONE_CSV_LABEL:
	case PHONE_CSV_DISPLAY:
		return add_line_part(lines, col, text, e);
	case PHONE_CSV_IGNORE:
		break;
	}
	return 0;
}

/* A label without a number is a mistake, and an empty place between lines is none. */
static int add_lines(json_t *doc, const json_t *lines, struct err *e)
{
	json_t *there = json_array();
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (!json_object_size(line))
			continue;
		if (!json_object_get(line, "dn")) {
			json_decref(there);
			return err_set(e, ERR_USAGE, "csv", "line %zu has a label and no number",
				       i + 1);
		}
		json_array_append(there, (json_t *)line);
	}
	return json_object_set_new(doc, "lines", there) ? err_nomem(e) : 0;
}

int phone_csv_row(json_t **out, const struct phone_csv *p, const struct csv *c, struct err *e)
{
	json_t *doc = json_object(), *lines = json_array(), *params = json_object();
	int rc = 0;

	if (c->nfields > p->ncolumns)
		rc = err_set(e, ERR_USAGE, "csv", "it has %zu fields, and there are %zu columns",
			     c->nfields, p->ncolumns);
	for (size_t i = 0; !rc && i < c->nfields; i++)
		if (*c->fields[i])
			rc = add_field(doc, lines, params, &p->columns[i], c->fields[i], e);
	if (!rc && json_array_size(lines))
		rc = add_lines(doc, lines, e);
	if (!rc && json_object_size(params) && json_object_set(doc, "parameters", params))
		rc = err_nomem(e);
	json_decref(lines);
	json_decref(params);
	if (rc)
		json_decref(doc);
	else
		*out = doc;
	return rc;
}
