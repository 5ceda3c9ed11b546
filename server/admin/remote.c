#include "server/admin/remote.h"

#include "common/cli.h"
#include "common/text.h"
#include "ctlclient/link.h"
#include "ctlclient/options.h"
#include "server/device/harden.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_FIRST = 2000 };

struct args {
	struct remote r;
	struct cluster_opts cluster;
	struct desk_opts desk;
};

/* ---- options ---- */

void remote_escape(struct buf *b, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~*";

	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_u8(b, (uint8_t)*text);
		else
			buf_printf(b, "%%%02X", (unsigned char)*text);
	}
}

static void set_int(json_t *body, const struct remote_option *o, const char *arg,
		    struct argp_state *state)
{
	char *end;
	const long n = strtol(arg, &end, 10);

	if (!*arg || *end)
		argp_error(state, "--%s takes a number, not \"%s\"", o->name, arg);
	json_object_set_new(body, o->member, json_integer(n));
}

static json_t *member(json_t *body, const char *name, json_t *(*make)(void))
{
	json_t *there = json_object_get(body, name);

	if (!there) {
		there = make();
		json_object_set_new(body, name, there);
	}
	return there;
}

/* DN[:LABEL[:DISPLAY]] */
static void add_line(json_t *body, const char *arg)
{
	const size_t dn = strcspn(arg, ":");
	const char *label = arg[dn] ? arg + dn + 1 : "";
	const size_t n = strcspn(label, ":");
	const char *display = label[n] ? label + n + 1 : "";

	json_array_append_new(member(body, "lines", json_array),
			      json_pack("{s:o, s:o, s:o}", "dn", json_text(span_of(arg, dn)),
					"label", json_text(span_of(label, n)), "display",
					json_chars(display)));
}

static void add_param(json_t *body, const char *arg, struct argp_state *state)
{
	const size_t n = strcspn(arg, "=");
	const struct harden_param *p;
	char name[HARDEN_NAME_MAX];

	if (!arg[n] || n >= sizeof(name))
		argp_error(state, "\"%s\" is not NAME=VALUE", arg);
	memcpy(name, arg, n);
	name[n] = '\0';
	p = harden_find(name);
	/* Others on this host can read command lines. */
	if (p && p->secret && arg[n + 1])
		argp_error(state,
			   "%s is secret and has no place on a command line; use the command "
			   "\"secret\"",
			   name);
	json_object_set_new(member(body, "parameters", json_object), name,
			    arg[n + 1] ? json_chars(arg + n + 1) : json_null());
}

static void add_query(struct remote *r, const struct remote_option *o, const char *arg)
{
	buf_printf(&r->query, "%s%s=", r->query.len ? "&" : "?", o->member);
	remote_escape(&r->query, arg);
}

static void take(struct remote *r, size_t i, const char *arg, struct argp_state *state)
{
	const struct remote_option *o = &r->cmd->options[i];

	switch (o->kind) {
	case REMOTE_TEXT:
		json_object_set_new(r->body, o->member, json_chars(arg));
		break;
	case REMOTE_NAME:
		json_object_set_new(r->body, o->member,
				    strcmp(arg, "none") ? json_chars(arg) : json_null());
		break;
	case REMOTE_INT:
		set_int(r->body, o, arg, state);
		break;
	case REMOTE_TRUE:
	case REMOTE_FALSE:
		json_object_set_new(r->body, o->member, json_boolean(o->kind == REMOTE_TRUE));
		break;
	case REMOTE_LINE:
		add_line(r->body, arg);
		break;
	case REMOTE_PARAM:
		add_param(r->body, arg, state);
		break;
	case REMOTE_QUERY:
		add_query(r, o, arg);
		break;
	case REMOTE_FLAG:
		r->kept[i] = "";
		break;
	case REMOTE_KEPT:
		r->kept[i] = arg;
		break;
	}
}

const char *remote_kept(const struct remote *r, const char *option)
{
	for (size_t i = 0; i < REMOTE_OPTIONS_MAX && r->cmd->options[i].name; i++)
		if (!strcmp(r->cmd->options[i].name, option))
			return r->kept[i];
	return NULL;
}

static error_t add_word(struct remote *r, char *arg, struct argp_state *state)
{
	char **grown;

	if (r->nwords == r->cmd->words_max)
		argp_error(state, "\"%s\" is not expected here", arg);
	grown = realloc(r->words, (r->nwords + 1) * sizeof(*grown));
	if (!grown)
		return ENOMEM;
	r->words = grown;
	r->words[r->nwords++] = arg;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	if (key >= KEY_FIRST && key < KEY_FIRST + REMOTE_OPTIONS_MAX) {
		take(&a->r, (size_t)(key - KEY_FIRST), arg, state);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT:
		a->cluster.desk = &a->desk;
		state->child_inputs[0] = &a->cluster;
		state->child_inputs[1] = &a->desk;
		return 0;
	case ARGP_KEY_ARG:
		return add_word(&a->r, arg, state);
	case ARGP_KEY_END:
		if (a->r.nwords < a->r.cmd->words_min)
			argp_error(state, "too few words: %s", a->r.cmd->args_doc);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void fill_options(struct argp_option *to, const struct remote_option *from)
{
	for (size_t i = 0; i < REMOTE_OPTIONS_MAX && from[i].name; i++)
		to[i] = (struct argp_option){.name = from[i].name,
					     .key = KEY_FIRST + (int)i,
					     .arg = from[i].arg,
					     .doc = from[i].doc};
}

int remote_main(const struct remote_cmd *cmd, int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&options_cluster, 0, "Provider:", 1},
		{&options_desk, 0, "Token of the client certificate:", 2},
		{0}};
	struct argp_option options[REMOTE_OPTIONS_MAX + 1] = {0};
	const struct argp argp = {options, parse, cmd->args_doc, cmd->doc, children, NULL, NULL};
	struct args a = {.r = {.cmd = cmd, .body = json_object()}};
	struct link *link = NULL;
	struct err e = {0};
	int rc;

	fill_options(options, cmd->options);
	cli_parse(&argp, argc, argv, &a);
	a.r.json = a.cluster.json;
	rc = link_open(&link, &a.cluster, &e);
	if (!rc) {
		a.r.api = link_api(link);
		rc = a.r.query.bad ? err_nomem(&e) : cmd->run(&a.r, &e);
	}
	if (rc && *e.what)
		err_print(&e, argv[0]);
	link_close(link);
	json_decref(a.r.body);
	buf_free(&a.r.query);
	free(a.r.words);
	return rc;
}

/* ---- the provider ---- */

static const char *path_of(struct buf *b, const char *collection, const char *name,
			   const char *query, struct err *e)
{
	const char *text;

	buf_printf(b, REMOTE_ROOT "/%s", collection);
	if (name) {
		buf_str(b, "/");
		remote_escape(b, name);
	}
	if (query)
		buf_str(b, query);
	text = buf_cstr(b);
	if (!text)
		err_nomem(e);
	return text;
}

int remote_get(struct remote *r, const char *collection, const char *name, const char *query,
	       json_t **doc, struct err *e)
{
	struct buf b = {0};
	const char *path = path_of(&b, collection, name, query, e);
	const int rc = path ? api_get_json(r->api, path, doc, e) : (int)e->kind;

	buf_free(&b);
	return rc;
}

int remote_send(struct remote *r, const char *method, const char *collection, const char *name,
		json_t *body, json_t **doc, struct err *e)
{
	json_t *empty = json_object(), *answer = NULL;
	struct buf b = {0};
	const char *path = path_of(&b, collection, name, NULL, e);
	const int rc = path ? api_send_json(r->api, method, path, body ? body : empty, &answer, e)
			    : (int)e->kind;

	if (doc)
		*doc = answer;
	else
		json_decref(answer);
	json_decref(empty);
	buf_free(&b);
	return rc;
}

bool remote_agreed(const struct remote *r, const char *fmt, ...)
{
	char question[256];
	va_list args;

	if (remote_kept(r, "yes"))
		return true;
	va_start(args, fmt);
	vsnprintf(question, sizeof(question), fmt, args);
	va_end(args);
	return cli_confirm(question);
}

/* ---- output ---- */

const char *remote_text(struct buf *b, const json_t *doc, const char *name)
{
	const json_t *v = json_object_get(doc, name);
	const char *text = json_string_value(v);

	if (json_is_integer(v))
		buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_boolean(v))
		buf_str(b, json_is_true(v) ? "yes" : "no");
	else if (text && *text)
		text_printable(b, span_of(text, strlen(text)));
	else
		buf_str(b, "-");
	return buf_cstr(b);
}

void remote_show(const json_t *doc, const struct remote_field *fields)
{
	for (; fields->label; fields++) {
		struct buf b = {0};
		const char *text;

		if (!json_object_get(doc, fields->member))
			continue;
		text = remote_text(&b, doc, fields->member);
		printf("%-28s %s\n", fields->label, text ? text : "");
		buf_free(&b);
	}
}

static void warn(const json_t *doc)
{
	const json_t *sentence;
	size_t i;

	json_array_foreach(json_object_get(doc, "warnings"), i, sentence)
	{
		struct buf b = {0};

		text_printable(&b,
			       span_of(json_string_value(sentence), json_string_length(sentence)));
		fprintf(stderr, "note: %s\n", buf_cstr(&b) ? (const char *)b.data : "");
		buf_free(&b);
	}
}

int remote_tell(const struct remote *r, json_t *doc, const char *what)
{
	struct buf b = {0};

	if (r->json)
		return json_print(doc);
	printf("%s %s\n", what, remote_text(&b, doc, "name"));
	buf_free(&b);
	warn(doc);
	json_decref(doc);
	return 0;
}

int remote_remove(struct remote *r, const char *collection, const char *kind, struct err *e)
{
	int rc = 0;

	if (!remote_agreed(r, "Remove %zu %s%s?", r->nwords, kind, r->nwords > 1 ? "s" : ""))
		return err_set(e, ERR_FAILED, "cancelled", "nothing was removed");
	for (size_t i = 0; !rc && i < r->nwords; i++) {
		rc = remote_send(r, "DELETE", collection, r->words[i], NULL, NULL, e);
		if (!rc && !r->json)
			printf("removed %s\n", r->words[i]);
	}
	return rc || !r->json ? rc : json_print(json_object());
}
