#include "server/provider/api.h"

#include "server/net/http_head.h"
#include "server/net/problem.h"
#include "server/provider/auth.h"
#include "server/provider/commit.h"
#include "server/provider/views.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define API_ROOT "/api/v1"

enum {
	API_VERSION = 1,
	HISTORY_DEFAULT = 100,
	HISTORY_MAX = 1000,
	NO_GENERATION = -1,
};

struct call;

/* Fills in the answer of the call; on a worker unless the route needs no login. */
typedef int route_fn(struct call *c, struct store *s, struct err *e);

struct route {
	const char *method, *path;
	enum auth_need need;
	route_fn *run;
};

/* One request on its way through the workers. */
struct call {
	struct api *api;
	struct https_request *request;
	const struct route *route;
	struct auth_login login;
	bool login_failed;
	struct err e; /* kind ERR_OK: the answer below counts */
	int status;
	json_t *doc;      /* owned; becomes the body if there is one */
	const char *type; /* of the body */
	struct buf body;
	int64_t generation; /* for ETag, or the present one of a conflict; NO_GENERATION */
	struct event *later;
};

/* ---- the routes ---- */

static int get_version(struct call *c, struct store *s, struct err *e)
{
	(void)s;
	c->doc = json_pack("{s:s, s:s, s:i}", "product", "ctlsuite", "version", CTL_VERSION, "api",
			   API_VERSION);
	return c->doc ? 0 : err_nomem(e);
}

static int get_cluster(struct call *c, struct store *s, struct err *e)
{
	return view_cluster(&c->doc, s, e);
}

static int get_distribution(struct call *c, struct store *s, struct err *e)
{
	return view_distribution(&c->doc, s, e);
}

static int get_history(struct call *c, struct store *s, struct err *e)
{
	const char *query = https_query(c->request);
	unsigned long limit = HISTORY_DEFAULT;

	if (*query && !http_query_number(query, "limit", &limit))
		return err_set(e, ERR_USAGE, "bad-request",
			       "the query is not limit=N, N from 0 to %d", HISTORY_MAX);
	return view_history(&c->doc, s, limit < HISTORY_MAX ? limit : HISTORY_MAX, e);
}

static void etag_text(char text[32], int64_t generation)
{
	snprintf(text, 32, "\"%" PRId64 "\"", generation);
}

static int get_ctl(struct call *c, struct store *s, struct err *e)
{
	const char *known = https_header(c->request, "If-None-Match");
	struct store_ctl ctl;
	char etag[32];

	if (store_ctl_current(s, &ctl, e))
		return (int)e->kind;
	if (!ctl.generation) {
		err_set(e, ERR_FAILED, "no-ctl", "the cluster has no CTL yet");
		return err_hint(e, "sign the first one with two tokens: \"ctlclient cluster "
				   "set-mode mixed\"");
	}
	etag_text(etag, ctl.generation);
	c->generation = ctl.generation;
	if (known && (!strcmp(known, "*") || strstr(known, etag))) {
		c->status = 304;
	} else {
		c->type = "application/octet-stream";
		c->body = ctl.file;
		ctl.file = (struct buf){0};
	}
	store_ctl_free(&ctl);
	return 0;
}

/* "4", in quotes. */
static int parse_if_match(int64_t *generation, const char *field, struct err *e)
{
	enum { DIGITS_MAX = 18 };
	size_t digits;

	if (!field) {
		err_set(e, ERR_USAGE, "no-generation",
			"If-Match is missing: it names the generation that the list was made from");
		return err_hint(e, "send If-Match: \"0\" for the first list, else the ETag of the "
				   "one it is made from");
	}
	digits = *field == '"' ? strspn(field + 1, "0123456789") : 0;
	if (!digits || digits > DIGITS_MAX || strcmp(field + 1 + digits, "\"") != 0)
		return err_set(e, ERR_USAGE, "bad-request",
			       "If-Match is not one generation in quotes, such as \"4\"");
	*generation = strtoll(field + 1, NULL, 10);
	return 0;
}

static int check_content_type(const char *type, struct err *e)
{
	static const char want[] = "application/octet-stream";

	if (type && !strncasecmp(type, want, strlen(want)) &&
	    (type[strlen(want)] == '\0' || type[strlen(want)] == ';'))
		return 0;
	return err_set(e, ERR_USAGE, "content-type", "the body is not of the type %s", want);
}

static int put_ctl(struct call *c, struct store *s, struct err *e)
{
	struct commit commit = {.user = c->login.user,
				.address = https_peer(c->request),
				.list = https_body(c->request)};
	struct err not_active;
	json_t *more;
	int rc = check_content_type(https_header(c->request, "Content-Type"), e);

	if (!rc)
		rc = parse_if_match(&commit.expected, https_header(c->request, "If-Match"), e);
	if (rc)
		return rc;
	rc = commit_ctl(&commit, s, c->api->log, e);
	if (rc) {
		c->generation = commit.present;
		return rc;
	}
	/* It is accepted whatever becomes of it now; the distribution tells. */
	(void)activate(c->api->activator, s, &not_active);
	rc = view_distribution(&c->doc, s, e);
	more = json_pack("{s:I, s:s}", "generation", (json_int_t)commit.generation, "security_mode",
			 view_mode(commit.mixed));
	if (!rc && json_object_update(c->doc, more))
		rc = err_nomem(e);
	json_decref(more);
	return rc;
}

static const struct route routes[] = {
	{"GET", API_ROOT "/version", AUTH_NONE, get_version},
	{"GET", API_ROOT "/cluster", AUTH_READ, get_cluster},
	{"GET", API_ROOT "/ctl", AUTH_READ, get_ctl},
	{"PUT", API_ROOT "/ctl", AUTH_OFFICER, put_ctl},
	{"GET", API_ROOT "/ctl/distribution", AUTH_READ, get_distribution},
	{"GET", API_ROOT "/ctl/history", AUTH_READ, get_history},
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* ---- answers ---- */

static void call_free(struct call *c)
{
	if (c->later)
		event_free(c->later);
	secret_free(&c->login.password);
	json_decref(c->doc);
	buf_free(&c->body);
	free(c);
}

static void answer_problem(struct call *c)
{
	static const struct https_field login = {"WWW-Authenticate", "Basic realm=\"ctlsuite\""};
	const bool stale = !strcmp(c->e.id, "stale-generation");
	json_t *extra = stale ? json_pack("{s:I}", "generation", (json_int_t)c->generation) : NULL;

	if (problem_status(&c->e) >= 500)
		log_line(c->api->log, LOG_LEVEL_ERROR, "%s %s: %s", c->route->method,
			 c->route->path, c->e.what);
	https_reply_problem(c->request, &c->e, extra, problem_status(&c->e) == 401 ? &login : NULL);
}

static void answer_content(struct call *c)
{
	struct https_reply reply = {
		.status = c->status, .type = c->type, .body = buf_view(&c->body)};
	char etag[32];

	if (c->generation != NO_GENERATION) {
		etag_text(etag, c->generation);
		reply.fields[0] = (struct https_field){"ETag", etag};
	}
	https_reply(c->request, &reply);
}

static void answer(struct call *c)
{
	if (c->e.kind)
		answer_problem(c);
	else
		answer_content(c);
	call_free(c);
}

/* ---- the way through ---- */

static int64_t steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int write_doc(struct call *c, struct err *e)
{
	char *text = json_dumps(c->doc, JSON_INDENT(2));

	if (!text)
		return err_nomem(e);
	buf_str(&c->body, text);
	buf_str(&c->body, "\n");
	free(text);
	c->type = "application/json";
	return c->body.bad ? err_nomem(e) : 0;
}

static int log_in_and_run(struct call *c, struct store *s, struct err *e)
{
	const enum auth_need need = c->route->need;
	struct store_user user;
	int rc;

	if (need != AUTH_NONE) {
		rc = auth_verify(s, &c->login, &user, e);
		secret_free(&c->login.password);
		c->login_failed = rc != 0;
		if (rc || auth_allows(need, &user, e))
			return (int)e->kind;
	}
	rc = c->route->run(c, s, e);
	if (!rc && c->doc)
		rc = write_doc(c, e);
	return rc;
}

static void run_call(void *job, void *own)
{
	struct call *c = job;

	(void)log_in_and_run(c, own, &c->e);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	answer(arg);
}

static void answer_later(struct call *c, unsigned ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	c->later = evtimer_new(c->api->base, on_later, c);
	if (!c->later || evtimer_add(c->later, &tv))
		answer(c);
}

static void done_call(void *job)
{
	struct call *c = job;
	struct api *a = c->api;
	const char *peer = https_peer(c->request);
	const bool guessed = c->login_failed && !strcmp(c->e.id, "login");
	unsigned hold_ms = 0;

	if (c->login_failed && !guessed)
		throttle_cancel(a->throttle, c->login.user, peer);
	else
		hold_ms = throttle_result(a->throttle, c->login.user, peer, !guessed, steady_ms());
	if (guessed)
		log_limited(&a->strangers, LOG_LEVEL_WARN, "login refused: user %s from %s",
			    c->login.user, peer);
	if (hold_ms && !a->stopping)
		answer_later(c, hold_ms);
	else
		answer(c);
}

/* ---- the way in ---- */

/* HEAD is GET whose body stays behind. */
static bool takes(const struct route *route, const char *method)
{
	return !strcmp(route->method, method) ||
	       (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

static const struct route *find_route(const char *method, const char *path)
{
	for (size_t i = 0; i < ROUTES; i++)
		if (!strcmp(routes[i].path, path) && takes(&routes[i], method))
			return &routes[i];
	return NULL;
}

static void refuse_path(struct https_request *r)
{
	const char *path = https_path(r);
	const struct https_field allow = {"Allow",
					  find_route("PUT", path) ? "GET, HEAD, PUT" : "GET, HEAD"};
	struct err e;

	if (find_route("GET", path)) {
		err_set(&e, ERR_USAGE, "method", "this path takes %s", allow.value);
		https_reply_problem(r, &e, NULL, &allow);
	} else {
		err_set(&e, ERR_USAGE, "no-such-path", "there is nothing at that path");
		err_hint(&e, "the API begins at " API_ROOT "/version");
		https_reply_problem(r, &e, NULL, NULL);
	}
}

static void refuse_for_now(struct call *c, unsigned wait_ms)
{
	char seconds[16];
	const struct https_field retry = {"Retry-After", seconds};

	snprintf(seconds, sizeof(seconds), "%u", (wait_ms + 999) / 1000);
	err_set(&c->e, ERR_REFUSED, "too-many-logins",
		"too many failed logins of this user from this address; wait %s seconds", seconds);
	https_reply_problem(c->request, &c->e, NULL, &retry);
	call_free(c);
}

static struct call *call_new(struct api *a, struct https_request *r, const struct route *route)
{
	struct call *c = calloc(1, sizeof(*c));

	if (c) {
		c->api = a;
		c->request = r;
		c->route = route;
		c->status = 200;
		c->generation = NO_GENERATION;
	}
	return c;
}

/* Checking a password takes a worker; so does everything behind it. */
static void log_in(struct call *c)
{
	struct api *a = c->api;
	const char *peer = https_peer(c->request);
	unsigned wait_ms;

	if (auth_parse(&c->login, https_header(c->request, "Authorization"), &c->e)) {
		answer(c);
		return;
	}
	wait_ms = throttle_ask(a->throttle, c->login.user, peer, steady_ms());
	if (wait_ms) {
		refuse_for_now(c, wait_ms);
		return;
	}
	if (worker_submit(a->pool, run_call, done_call, c, &c->e)) {
		throttle_cancel(a->throttle, c->login.user, peer);
		answer(c);
	}
}

void api_handle(struct https_request *r, void *arg)
{
	const struct route *route = find_route(https_method(r), https_path(r));
	struct call *c;
	struct err e;

	if (!route) {
		refuse_path(r);
		return;
	}
	c = call_new(arg, r, route);
	if (!c) {
		err_nomem(&e);
		https_reply_problem(r, &e, NULL, NULL);
	} else if (route->need == AUTH_NONE) {
		run_call(c, NULL);
		answer(c);
	} else {
		log_in(c);
	}
}
