/* ctlclient token list, show. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/options.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_JSON = 256, OPT_ALL };

struct args {
	struct desk_opts desk;
	const char *uri;
	bool wants_uri, json, all;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_ALL:
		a->all = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->wants_uri || a->uri)
			argp_error(state, "what is \"%s\"?", arg);
		a->uri = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->wants_uri && !a->uri)
			argp_error(state, "which token? name it by its URI");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 0}, {0}};

/* ---- list ---- */

struct listing {
	bool all;
	struct token_view *views; /* n of them, owned */
	size_t n;
	struct err *unread; /* n_unread of them, owned: what could not be looked at */
	size_t n_unread;
};

/* A token that does not tell its certificates is still shown. */
void token_view_certs(struct token_view *v, struct tokens *ts)
{
	struct token *t;
	struct err e;

	if (!v->info.initialized)
		return;
	if (token_find(&t, ts, v->info.uri, &e)) {
		err_print(&e, "warning");
		return;
	}
	if (token_certs(t, &v->certs, &v->n, &e))
		err_print(&e, "warning");
	token_free(t);
}

static int keep_unread(struct listing *l, const struct tokens *ts, struct err *e)
{
	size_t n;
	const struct err *list = tokens_unread(ts, &n);

	l->unread = calloc(n + 1, sizeof(*l->unread));
	if (!l->unread)
		return err_nomem(e);
	memcpy(l->unread, list, n * sizeof(*list));
	l->n_unread = n;
	return 0;
}

static int job_list(struct tokens *ts, void *arg, struct err *e)
{
	struct listing *l = arg;
	struct token_info *infos;
	size_t n;

	if (tokens_list(ts, &infos, &n, e))
		return (int)e->kind;
	if (keep_unread(l, ts, e)) {
		free(infos);
		return (int)e->kind;
	}
	l->views = calloc(n + 1, sizeof(*l->views));
	for (size_t i = 0; l->views && i < n; i++) {
		if (!infos[i].initialized && !l->all)
			continue;
		l->views[l->n].info = infos[i];
		token_view_certs(&l->views[l->n++], ts);
	}
	free(infos);
	return l->views ? 0 : err_nomem(e);
}

static void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		token_view_free(&l->views[i]);
	free(l->views);
	free(l->unread);
}

/* Where there is nothing else to show, what could not be looked at is the answer. */
static int tell_unread(const struct listing *l, struct err *e)
{
	const bool fails = l->n_unread && !l->n;

	for (size_t i = fails; i < l->n_unread; i++)
		err_print(&l->unread[i], "warning");
	if (!fails)
		return 0;
	*e = l->unread[0];
	return (int)e->kind;
}

json_t *token_views_json(const struct token_view *views, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(array, token_view_json(&views[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Places that UTF-8 text takes, as far as one character is one place. */
static int places(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void cell(const char *text, int width)
{
	printf("%s%*s  ", text, width - places(text), "");
}

enum { COLUMNS = 5 };

static void row_of(const char *row[COLUMNS], const struct token_info *info)
{
	static const char *const pin[] = {
		[TOKEN_PIN_OK] = "ok",
		[TOKEN_PIN_COUNT_LOW] = "a wrong PIN was given",
		[TOKEN_PIN_FINAL_TRY] = "LAST TRY",
		[TOKEN_PIN_LOCKED] = "LOCKED",
		[TOKEN_PIN_UNSET] = "not set",
	};

	row[0] = info->initialized ? info->label : "(not initialised)";
	row[1] = info->serial;
	row[2] = info->model;
	row[3] = pin[info->pin];
	row[4] = token_is_software(info) ? "in software" : "in the token";
}

static void print_row(const char *row[COLUMNS], const int width[COLUMNS])
{
	for (int c = 0; c < COLUMNS - 1; c++)
		cell(row[c], width[c]);
	printf("%s\n", row[COLUMNS - 1]);
}

static void print_cert_line(const struct token_cert *c)
{
	struct buf b = {0};

	token_name_text(&b, X509_get_subject_name(c->cert));
	buf_str(&b, ", until ");
	token_date_text(&b, X509_get0_notAfter(c->cert));
	if (token_key_is_weak(c->cert))
		buf_str(&b, ", weak key");
	printf("    %s: %s\n    '%s'\n", *c->label ? c->label : "certificate",
	       buf_cstr(&b) ? buf_cstr(&b) : "?", c->uri);
	buf_free(&b);
}

void token_views_print(const struct token_view *views, size_t n)
{
	const char *head[COLUMNS] = {"TOKEN", "SERIAL", "MODEL", "PIN", "KEYS"};
	const char *row[COLUMNS];
	int width[COLUMNS];

	for (int c = 0; c < COLUMNS; c++)
		width[c] = places(head[c]);
	for (size_t i = 0; i < n; i++) {
		row_of(row, &views[i].info);
		for (int c = 0; c < COLUMNS; c++)
			if (places(row[c]) > width[c])
				width[c] = places(row[c]);
	}
	print_row(head, width);
	for (size_t i = 0; i < n; i++) {
		const struct token_view *v = &views[i];

		row_of(row, &v->info);
		print_row(row, width);
		printf("  '%s'\n", v->info.uri);
		for (size_t k = 0; k < v->n; k++)
			print_cert_line(&v->certs[k]);
		if (!v->info.initialized)
			printf("    slot %lu of %s: \"ctlclient token init --slot %lu ...\"\n",
			       v->info.slot, v->info.module, v->info.slot);
	}
}

static int list(const struct args *a, struct err *e)
{
	struct listing l = {.all = a->all};
	struct desk *desk = NULL;
	int rc;

	rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_run(desk, job_list, &l, e);
	if (!rc)
		rc = tell_unread(&l, e);
	if (!rc && !l.n)
		fprintf(stderr, "no token found; put one in, or make one: ctlclient token init "
				"--label \"SAST 1\"\n"
				"(\"ctlclient token list --all\" shows empty slots too; "
				"\"ctlclient doctor\" "
				"tells why one may not show)\n");
	if (!rc && a->json)
		rc = json_print(token_views_json(l.views, l.n));
	else if (!rc && l.n)
		token_views_print(l.views, l.n);
	listing_free(&l);
	desk_close(desk);
	return rc;
}

int token_cmd_list(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{"all", OPT_ALL, NULL, 0, "Show tokens that are not initialised too", 0},
		{0}};
	static const struct argp argp = {
		options,  parse,
		"",       "Lists the tokens present, what may sign on them, and their URIs.",
		children, NULL,
		NULL};
	struct args a = {0};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(list(&a, &e), &e, argv[0]);
}

/* ---- show ---- */

static int show(const struct args *a, struct err *e)
{
	struct token_view v = {0};
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = token_view_of(&v, t, e);
	if (!rc && a->json) {
		rc = json_print(token_view_json(&v));
	} else if (!rc) {
		token_print(&v.info);
		for (size_t i = 0; i < v.n; i++)
			token_print_cert(&v.certs[i]);
		if (!v.n)
			printf("\nno certificate: \"ctlclient token keygen\" makes one\n");
	}
	token_view_free(&v);
	desk_token_free(t);
	desk_close(desk);
	return rc;
}

int token_cmd_show(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0}, {0}};
	static const struct argp argp = {
		options,  parse, "URI", "Shows one token and the certificates on it in detail.",
		children, NULL,  NULL};
	struct args a = {.wants_uri = true};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(show(&a, &e), &e, argv[0]);
}
