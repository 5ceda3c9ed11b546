/* ctladmin template ...: parameters that many phones share, over the provider's API. */
#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/secret.h"
#include "server/admin/phone_remote.h"
#include "server/device/harden.h"

#include <stdio.h>
#include <string.h>

#define TEMPLATES "templates"

#define OPTION_DESCRIPTION                                                                         \
	{                                                                                          \
		"description", "TEXT", REMOTE_TEXT, "description", "What it is for"                \
	}
#define OPTION_PARAM                                                                               \
	{                                                                                          \
		"param", "NAME=VALUE", REMOTE_PARAM, NULL,                                         \
			"A parameter, as often as needed; NAME= takes one away"                    \
	}
#define OPTION_HARDENED                                                                            \
	{                                                                                          \
		"hardened", NULL, REMOTE_FLAG, NULL,                                               \
			"Every parameter the way the hardening guides recommend it"                \
	}

/* What was said with --param counts more. */
static void harden(struct remote *r)
{
	json_t *said = json_object_get(r->body, "parameters");
	json_t *all = json_object();

	if (!remote_kept(r, "hardened")) {
		json_decref(all);
		return;
	}
	for (size_t i = 0; harden_at(i); i++)
		if (harden_at(i)->hardened && !harden_at(i)->models)
			json_object_set_new(all, harden_at(i)->name,
					    json_string(harden_at(i)->hardened));
	json_object_update(all, said);
	json_object_set_new(r->body, "parameters", all);
}

/* ---- changing ---- */

static int add(struct remote *r, struct err *e)
{
	json_t *doc;

	harden(r);
	json_object_set_new(r->body, "name", json_chars(r->words[0]));
	return remote_send(r, "POST", TEMPLATES, NULL, r->body, &doc, e)
		       ? (int)e->kind
		       : remote_tell(r, doc, "added");
}

static int set(struct remote *r, struct err *e)
{
	json_t *doc;

	harden(r);
	return remote_send(r, "PATCH", TEMPLATES, r->words[0], r->body, &doc, e)
		       ? (int)e->kind
		       : remote_tell(r, doc, "changed");
}

static int rename_it(struct remote *r, struct err *e)
{
	json_object_set_new(r->body, "name", json_chars(r->words[1]));
	return set(r, e);
}

static int remove_it(struct remote *r, struct err *e)
{
	return remote_remove(r, TEMPLATES, "template", e);
}

int remote_secret(struct remote *r, const char *collection, struct err *e)
{
	struct secret value;
	char prompt[160];
	json_t *doc;
	int rc;

	snprintf(prompt, sizeof(prompt), "%.60s of %.80s", r->words[1], r->words[0]);
	rc = secret_read_new(&value, remote_kept(r, "source"), prompt, "value", "--source", e);
	if (rc)
		return rc;
	json_object_set_new(r->body, "parameters",
			    json_pack("{s:o}", r->words[1], json_chars(value.text)));
	secret_free(&value);
	rc = remote_send(r, "PATCH", collection, r->words[0], r->body, &doc, e);
	return rc ? rc : remote_tell(r, doc, "changed");
}

static int secret(struct remote *r, struct err *e)
{
	return remote_secret(r, TEMPLATES, e);
}

/* ---- showing ---- */

void remote_show_parameters(const json_t *doc)
{
	json_t *object = json_object_get(doc, "parameters"), *value;
	const char *name;
	size_t i;

	json_object_foreach(object, name, value)
	{
		const struct harden_param *p = harden_find(name);
		struct buf b = {0};
		const char *text = remote_text(&b, object, name);
		const char *word = harden_word(p, json_string_value(value));

		printf("  %-26s %s%s%s%s\n", name, text ? text : "",
		       word != json_string_value(value) ? " (" : "",
		       word != json_string_value(value) ? word : "",
		       word != json_string_value(value) ? ")" : "");
		buf_free(&b);
	}
	json_array_foreach(json_object_get(doc, "secrets"), i, value)
	{
		printf("  %-26s (secret)\n", json_string_value(value));
	}
}

static int show(struct remote *r, struct err *e)
{
	static const struct remote_field fields[] = {{"Name", "name"},
						     {"Description", "description"},
						     {"Phones", "phones"},
						     {"Version", "version"},
						     {NULL, NULL}};
	json_t *doc;

	if (remote_get(r, TEMPLATES, r->words[0], NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	remote_show(doc, fields);
	printf("Parameters\n");
	remote_show_parameters(doc);
	json_decref(doc);
	return 0;
}

static int list(struct remote *r, struct err *e)
{
	const json_t *t;
	json_t *doc;
	size_t i;

	if (remote_get(r, TEMPLATES, NULL, NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	json_array_foreach(json_object_get(doc, "templates"), i, t)
	{
		struct buf name = {0}, text = {0};

		printf("%-32s %6" JSON_INTEGER_FORMAT " phones  %s\n",
		       remote_text(&name, t, "name"),
		       json_integer_value(json_object_get(t, "phones")),
		       remote_text(&text, t, "description"));
		buf_free(&name);
		buf_free(&text);
	}
	json_decref(doc);
	return 0;
}

/* ---- the table of parameters: asks nobody ---- */

static json_t *parameter_json(const struct harden_param *p)
{
	json_t *values = json_object();

	for (size_t i = 0; i < HARDEN_VALUES && p->values[i].text; i++)
		json_object_set_new(values, p->values[i].text, json_string(p->values[i].word));
	return json_pack("{s:s, s:s, s:o, s:s?, s:s?, s:s?, s:b}", "name", p->name, "meaning",
			 p->meaning, "values", values, "default", p->normal, "hardened",
			 p->hardened, "models", p->models, "secret", (int)p->secret);
}

static void print_parameter(const struct harden_param *p)
{
	printf("%-26s %s%s%s\n", p->name, p->meaning, p->models ? "; only on " : "",
	       p->models ? p->models : "");
	for (size_t i = 0; i < HARDEN_VALUES && p->values[i].text; i++)
		printf("    %-6s %s%s%s\n", p->values[i].text, p->values[i].word,
		       p->normal && !strcmp(p->normal, p->values[i].text) ? ", the default" : "",
		       p->hardened && !strcmp(p->hardened, p->values[i].text) ? ", hardened" : "");
	if (!p->values[0].text)
		printf("    %s\n", p->secret ? "secret text" : "text");
}

struct local_args {
	bool json;
};

static error_t parse_local(int key, char *arg, struct argp_state *state)
{
	struct local_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not expected here", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool local_wants_json(const char *doc, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{.name = "json", .key = 'j', .doc = "Print one JSON document"}, {0}};
	const struct argp argp = {.options = options, .parser = parse_local, .doc = doc};
	struct local_args a = {0};

	cli_parse(&argp, argc, argv, &a);
	return a.json;
}

int cmd_template_parameters(int argc, char **argv, void *ctx)
{
	const bool json = local_wants_json("Lists the parameters of phones that are known, with "
					   "their values.",
					   argc, argv);
	json_t *list_json = json ? json_array() : NULL;

	(void)ctx;
	for (size_t i = 0; harden_at(i); i++) {
		if (json)
			json_array_append_new(list_json, parameter_json(harden_at(i)));
		else
			print_parameter(harden_at(i));
	}
	return json ? json_print(json_pack("{s:o}", "parameters", list_json)) : 0;
}

/* ---- the way in ---- */

int cmd_template_add(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME", "Adds a template: parameters that many phones share.", 1, 1,
		add,    {OPTION_DESCRIPTION, OPTION_HARDENED, OPTION_PARAM}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_template_set(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME", "Changes a template, for all phones that have it. Reset them afterwards.",
		1,      1,
		set,    {OPTION_DESCRIPTION, OPTION_HARDENED, OPTION_PARAM}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_template_secret(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME PARAMETER",
		"Sets a secret parameter of a template, such as phonePassword.",
		2,
		2,
		secret,
		{{"source", "SOURCE", REMOTE_KEPT, NULL,
		  "Where the value comes from: prompt, env:NAME, file:PATH, fd:N or askpass"}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_template_rename(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {"NAME NEW-NAME",
					      "Gives a template another name; its phones keep it.",
					      2,
					      2,
					      rename_it,
					      {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_template_show(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {"NAME", "Shows a template.", 1, 1, show, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_template_list(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {"", "Lists the templates.", 0, 0, list, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_template_remove(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {"NAME...", "Removes templates that no phone has.",
					      1,         SIZE_MAX,
					      remove_it, {REMOTE_OPTION_YES}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}
