/* ctlclient token wait. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/desk_watch.h"
#include "ctlclient/options.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_JSON = 256, OPT_TIMEOUT, OPT_REMOVED };

enum { DAY = 86400 };

struct args {
	struct desk_opts desk;
	const char *uri;
	int seconds;
	bool removed, json;
};

static int parse_timeout(const char *arg, struct argp_state *state)
{
	char *end;
	const unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || n > DAY)
		argp_error(state, "--timeout takes seconds, 0 to %d, not \"%s\"", DAY, arg);
	return (int)n;
}

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
	case OPT_REMOVED:
		a->removed = true;
		return 0;
	case OPT_TIMEOUT:
		a->seconds = parse_timeout(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (a->uri)
			argp_error(state, "what is \"%s\"?", arg);
		a->uri = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct wait {
	const struct args *args;
	struct desk *desk;
	bool here;                /* what is waited for */
	struct token_view *views; /* n of them, owned: how it looks, or looked before it left */
	size_t n;
	bool told; /* that it waits */
};

static void forget(struct wait *w)
{
	for (size_t i = 0; i < w->n; i++)
		token_view_free(&w->views[i]);
	free(w->views);
	w->views = NULL;
	w->n = 0;
}

static int list_all(struct wait *w, struct tokens *ts, struct err *e)
{
	struct token_info *infos;
	size_t n;

	if (tokens_list(ts, &infos, &n, e))
		return desk_watch_may_pass(e) ? 0 : (int)e->kind;
	w->views = calloc(n + 1, sizeof(*w->views));
	for (size_t i = 0; w->views && i < n; i++)
		if (infos[i].initialized)
			w->views[w->n++].info = infos[i];
	free(infos);
	return w->views ? 0 : err_nomem(e);
}

static int list_named(struct wait *w, struct tokens *ts, struct err *e)
{
	struct token *t;

	if (token_find(&t, ts, w->args->uri, e))
		return desk_watch_may_pass(e) ? 0 : (int)e->kind;
	w->views = calloc(1, sizeof(*w->views));
	if (w->views)
		w->views[w->n++].info = *token_info(t);
	token_free(t);
	return w->views ? 0 : err_nomem(e);
}

static int job_find(struct tokens *ts, void *arg, struct err *e)
{
	struct wait *w = arg;
	struct wait now = {.args = w->args};
	const int rc = w->args->uri ? list_named(&now, ts, e) : list_all(&now, ts, e);

	w->here = now.n > 0;
	if (rc || !w->here) {
		forget(&now);
		return rc;
	}
	forget(w);
	w->views = now.views;
	w->n = now.n;
	for (size_t i = 0; i < w->n && !w->args->removed; i++)
		token_view_certs(&w->views[i], ts);
	return 0;
}

static void tell(struct wait *w, const struct watch_event *events, size_t n)
{
	const struct args *a = w->args;
	char line[512];

	for (size_t i = 0; i < n; i++) {
		desk_watch_text(line, sizeof(line), &events[i]);
		if (*line)
			fprintf(stderr, "%s\n", line);
	}
	if (w->told)
		return;
	w->told = true;
	fprintf(stderr, "waiting until %s%s %s; Ctrl-C ends it\n",
		a->uri ? "the token " : "a token", a->uri ? a->uri : "",
		a->removed ? "is pulled out" : "is put in");
}

/* What is so from the beginning needs no telling. */
static int news(void *arg, const struct watch_event *events, size_t n, bool *done, struct err *e)
{
	struct wait *w = arg;
	const int rc = desk_run(w->desk, job_find, w, e);

	if (rc)
		return rc;
	*done = w->here != w->args->removed;
	if (!*done || w->told)
		tell(w, events, n);
	return 0;
}

static int print_found(const struct wait *w)
{
	if (w->args->json)
		return json_print(token_views_json(w->views, w->n));
	if (w->n)
		token_views_print(w->views, w->n);
	return 0;
}

static int wait_for(const struct args *a, struct err *e)
{
	struct wait w = {.args = a};
	int rc = desk_open(&w.desk, &a->desk, e);

	if (!rc)
		rc = desk_watch(w.desk, a->seconds, news, &w, e);
	if (!rc)
		rc = print_found(&w);
	forget(&w);
	desk_close(w.desk);
	return rc;
}

int token_cmd_wait(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"timeout", OPT_TIMEOUT, "S", 0,
		 "Give up after so many seconds, with exit code 4 (else it waits for ever)", 0},
		{"removed", OPT_REMOVED, NULL, 0, "Wait until it is pulled out", 0},
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"[URI]",
		"Waits until a token is there, the one the URI names or any, and prints it as "
		"\"token list\" does. What comes and goes meanwhile is told on standard error.",
		children,
		NULL,
		NULL};
	struct args a = {.seconds = DESK_WATCH_FOREVER};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(wait_for(&a, &e), &e, argv[0]);
}
