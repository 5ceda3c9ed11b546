#include "server/provider/api.h"

#include "common/json.h"
#include "server/net/http_head.h"
#include "server/net/problem.h"
#include "server/provider/api_call.h"
#include "server/provider/commit.h"
#include "server/provider/expiry.h"
#include "server/provider/node_api.h"
#include "server/provider/views.h"
#include "server/store/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	API_VERSION = 1,
	HISTORY_DEFAULT = 100,
	HISTORY_MAX = 1000,
	CHANGED_MAX = 20, /* generations that a conflict names */
	AWAIT_MS = 2000,  /* that the answer to a commit waits for the other nodes at most */
	AWAIT_LOOK_MS = 10,
};

/* ---- the routes ---- */

static int get_version(struct call *c, struct store *s, struct err *e)
{
	(void)s;
	c->doc = json_pack("{s:s, s:s, s:i}", "product", "ctlsuite", "version", CTL_VERSION, "api",
			   API_VERSION);
	return c->doc ? 0 : err_nomem(e);
}

static void add_warning(const char *sentence, void *arg)
{
	json_array_append_new(arg, json_text(span_of(sentence, strlen(sentence))));
}

static int get_cluster(struct call *c, struct store *s, struct err *e)
{
	json_t *warnings = json_array();
	struct store_node *nodes = NULL;
	size_t n = 0;
	int rc = store_nodes(s, &nodes, &n, e);

	expiry_warn(nodes, n, time(NULL), add_warning, warnings);
	if (!rc)
		rc = view_cluster(&c->doc, s, e);
	if (!rc && (json_object_set(c->doc, "warnings", warnings) ||
		    json_object_set_new(c->doc, "require_hardware",
					json_boolean(c->api->require_hardware))))
		rc = err_nomem(e);
	json_decref(warnings);
	store_nodes_free(nodes, n);
	return rc;
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

/* What the client could not know of: the generations since the one it started from. */
static json_t *what_changed(struct store *s, const struct commit *commit)
{
	const int64_t behind = commit->present - commit->expected;
	json_t *history = NULL, *extra;
	struct err ignored;

	if (behind > 0)
		(void)view_history(&history, s,
				   (size_t)(behind < CHANGED_MAX ? behind : CHANGED_MAX), &ignored);
	extra = json_pack("{s:I, s:O?}", "generation", (json_int_t)commit->present, "changed",
			  json_object_get(history, "generations"));
	json_decref(history);
	return extra;
}

static int push(struct call *c, struct store *s, struct err *e)
{
	struct commit commit = {.user = c->login.user,
				.address = https_peer(c->request),
				.list = https_body(c->request),
				.signers = c->api->signers};
	struct err not_active;
	json_t *more;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = check_content_type(https_header(c->request, "Content-Type"), e);
	if (!rc)
		rc = parse_if_match(&commit.expected, https_header(c->request, "If-Match"), e);
	if (rc)
		return rc;
	rc = commit_ctl(&commit, s, c->api->log, e);
	if (rc && !strcmp(e->id, "stale-generation"))
		c->extra = what_changed(s, &commit);
	if (rc)
		return rc;
	/* It is accepted whatever becomes of it now; the distribution tells. */
	(void)activate(c->api->activator, s, &not_active);
	courier_wake(c->api->courier);
	c->awaited = commit.generation;
	c->await_until_ms = steady_ms() + AWAIT_MS;
	rc = view_distribution(&c->doc, s, e);
	more = json_pack("{s:I, s:s}", "generation", (json_int_t)commit.generation, "security_mode",
			 view_mode(commit.mixed));
	if (!rc && json_object_update(c->doc, more))
		rc = err_nomem(e);
	json_decref(more);
	return rc;
}

static int put_ctl(struct call *c, struct store *s, struct err *e)
{
	struct lease brief;
	int rc = session_enter(c, &brief, e);

	if (rc)
		return rc;
	rc = push(c, s, e);
	session_leave(c, &brief);
	return rc;
}

static const struct route routes[] = {
	{"GET", API_ROOT "/version", AUTH_NONE, get_version, false},
	{"GET", API_ROOT "/cluster", AUTH_READ, get_cluster, true},
	{"GET", API_ROOT "/ctl", AUTH_READ, get_ctl, true},
	{"PUT", API_ROOT "/ctl", AUTH_OFFICER, put_ctl, false},
	{"GET", API_ROOT "/ctl/distribution", AUTH_READ, get_distribution, true},
	{"GET", API_ROOT "/ctl/history", AUTH_READ, get_history, false},
	{"GET", API_ROOT "/session", AUTH_READ, session_list, false},
	{"POST", API_ROOT "/session", AUTH_OFFICER, session_open, false},
	{"DELETE", API_ROOT "/session/", AUTH_OFFICER, session_close, false},
	{"GET", API_ROOT "/audit", AUTH_AUDIT, audit_get, false},
	{"POST", API_ROOT "/nodes/join", AUTH_NODE, node_join, false},
	{"POST", API_ROOT "/nodes/hello", AUTH_NODE, node_hello, false},
	{"GET", API_ROOT "/node", AUTH_NODE, node_get, false},
	{"GET", API_ROOT "/node/ctl", AUTH_NODE, node_lists, false},
	{"PUT", API_ROOT "/node/ctl", AUTH_NODE, node_put, false},
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* ---- answers ---- */

static void call_free(struct call *c)
{
	if (c->later)
		event_free(c->later);
	secret_free(&c->login.password);
	json_decref(c->doc);
	json_decref(c->extra);
	buf_free(&c->body);
	X509_free(c->cert);
	sk_X509_pop_free(c->chain, X509_free);
	free(c);
}

static void count(const struct call *c, int status)
{
	counts_request(&c->api->counts, c->route->method, c->route->path, status);
}

static void answer_problem(struct call *c)
{
	static const struct https_field login = {"WWW-Authenticate", "Basic realm=\"ctlsuite\""};

	count(c, problem_status(&c->e));
	if (problem_status(&c->e) >= 500)
		log_line(c->api->log, LOG_LEVEL_ERROR, "%s %s: %s", c->route->method,
			 c->route->path, c->e.what);
	https_reply_problem(c->request, &c->e, json_incref(c->extra),
			    problem_status(&c->e) == 401 ? &login : NULL);
}

static void send_content(struct call *c, const char *type, struct span body, int64_t generation)
{
	struct https_reply reply = {.status = c->status, .type = type, .body = body};
	char etag[32];

	count(c, c->status);
	if (generation != NO_GENERATION) {
		etag_text(etag, generation);
		reply.fields[0] = (struct https_field){"ETag", etag};
	}
	https_reply(c->request, &reply);
}

static void answer_content(struct call *c)
{
	send_content(c, c->type, buf_view(&c->body), c->generation);
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

int64_t steady_ms(void)
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

/* In the audit log: what is new, and what is refused. */
static void note_login(struct call *c, struct store *s, bool fresh, const struct err *why)
{
	char text[ERR_WHAT_MAX + 64];

	if (why)
		snprintf(text, sizeof(text), "%s %s: %s", c->route->method, c->route->path,
			 why->what);
	else
		snprintf(text, sizeof(text), "%s",
			 c->login.has_cert ? "password and certificate" : "password");
	if (why || fresh)
		login_audit_note(c->api->login_audit, s, !why, text, steady_ms());
}

static int log_in_on_worker(struct call *c, struct store *s, struct err *e)
{
	struct store_user user;
	bool fresh;
	int rc;

	rc = auth_verify(s, &c->login, c->known ? &c->version : NULL, &user, e);
	secret_free(&c->login.password);
	c->login_failed = rc != 0;
	fresh = !rc && !(c->known && c->version == user.version);
	if (fresh && c->has_mac)
		login_cache_add(c->api->logins, c->mac, user.version, steady_ms());
	if (!rc)
		rc = auth_allows(c->route->need, &user, e);
	/* What our own troubles refuse is no decision. */
	if (!rc || rc == ERR_REFUSED)
		note_login(c, s, fresh, rc ? e : NULL);
	return rc;
}

static int log_in_and_run(struct call *c, struct store *s, struct err *e)
{
	int rc;

	if (c->route->need > AUTH_NODE && log_in_on_worker(c, s, e))
		return (int)e->kind;
	rc = c->route->run(c, s, e);
	if (!rc && c->doc)
		rc = write_doc(c, e);
	return rc;
}

static void run_call(void *job, void *own)
{
	struct call *c = job;
	struct store *s = own;

	if (s)
		store_act_as(s, c->login.user, c->login.address);
	(void)log_in_and_run(c, s, &c->e);
	if (s)
		store_act_as(s, NULL, NULL);
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

/* ---- a commit waits for the other nodes ---- */

/* The distribution as it stands now; if that cannot be read, the first answer stays. */
static void run_outcome(void *job, void *own)
{
	struct call *c = job;
	json_t *now = NULL;
	struct err e;

	if (view_distribution(&now, own, &e))
		return;
	json_object_set(c->doc, "distribution", json_object_get(now, "distribution"));
	json_decref(now);
	buf_free(&c->body);
	(void)write_doc(c, &c->e);
}

static void done_outcome(void *job)
{
	answer(job);
}

static void await(struct call *c);

static void on_await(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	await(arg);
}

static void await(struct call *c)
{
	const struct timeval tv = {.tv_usec = AWAIT_LOOK_MS * 1000};
	struct api *a = c->api;
	struct err ignored;

	if (!courier_settled(a->courier, c->awaited) && steady_ms() < c->await_until_ms &&
	    !a->stopping) {
		if (!c->later)
			c->later = evtimer_new(a->base, on_await, c);
		if (c->later && !evtimer_add(c->later, &tv))
			return;
	}
	if (worker_submit(a->pool, run_outcome, done_outcome, c, &ignored))
		answer(c);
}

/* For the next one who asks the same: that the login is good, and the answer. */
static void keep(struct call *c)
{
	const struct kept_answer answer = {.route = c->route,
					   .moment = c->moment,
					   .type = c->type,
					   .generation = c->generation,
					   .body = c->body};

	if (c->moment == LOGIN_NO_MOMENT || c->login_failed || !c->has_mac)
		return;
	login_cache_confirm(c->api->logins, c->mac, c->moment, steady_ms());
	if (c->route->keep && !c->e.kind && c->status == 200)
		kept_put(c->api->kept, &answer, steady_ms());
}

static void done_call(void *job)
{
	struct call *c = job;
	struct api *a = c->api;
	const bool guessed = c->login_failed && !strcmp(c->e.id, "login");
	unsigned hold_ms = 0;

	if (guessed || !c->known) {
		if (c->login_failed && !guessed)
			throttle_cancel(a->throttle, c->login.user, c->login.address);
		else
			hold_ms = throttle_result(a->throttle, c->login.user, c->login.address,
						  !guessed, steady_ms());
	}
	if (!c->login_failed && c->known)
		a->counts.logins_remembered++;
	else if (!c->login_failed)
		a->counts.logins_accepted++;
	else
		a->counts.logins_refused++;
	if (c->login_failed)
		log_limited(&a->strangers, LOG_LEVEL_WARN, "login refused: user %s from %s%s%s",
			    c->login.user, c->login.address, guessed ? "" : ": ",
			    guessed ? "" : c->e.what);
	keep(c);
	if (hold_ms && !a->stopping)
		answer_later(c, hold_ms);
	else if (c->awaited && !c->e.kind)
		await(c);
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

/* True if path is what the route takes; *name is then its last segment, or NULL. */
static bool leads_to(const struct route *route, const char *path, const char **name)
{
	const size_t n = strlen(route->path);

	*name = NULL;
	if (route->path[n - 1] != '/')
		return !strcmp(route->path, path);
	if (strncmp(route->path, path, n) != 0 || !path[n] || strchr(path + n, '/'))
		return false;
	*name = path + n;
	return true;
}

static const struct route *find_route(const char *method, const char *path, const char **name)
{
	for (size_t i = 0; i < ROUTES; i++)
		if (takes(&routes[i], method) && leads_to(&routes[i], path, name))
			return &routes[i];
	return NULL;
}

/* The methods that a path takes, for people and for the field Allow; empty: there is nothing. */
static void methods_of(char text[64], const char *path)
{
	const char *name;
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ROUTES; i++)
		if (leads_to(&routes[i], path, &name))
			n += (size_t)snprintf(text + n, 64 - n, "%s%s%s", n ? ", " : "",
					      routes[i].method,
					      strcmp(routes[i].method, "GET") ? "" : ", HEAD");
}

static void refuse_path(struct api *a, struct https_request *r)
{
	const char *path = https_path(r);
	char methods[64];
	const struct https_field allow = {"Allow", methods};
	struct err e;

	methods_of(methods, path);
	counts_request(&a->counts, "any", "other", *methods ? 405 : 404);
	if (*methods) {
		err_set(&e, ERR_USAGE, "method", "this path takes %s", methods);
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
	count(c, problem_status(&c->e));
	c->api->counts.logins_throttled++;
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

static void take_client_cert(struct call *c)
{
	const X509 *cert = https_peer_cert(c->request);
	unsigned n = 0;

	c->login.has_cert = cert && X509_digest(cert, EVP_sha256(), c->login.cert, &n) &&
			    n == sizeof(c->login.cert);
}

/* Whether this very login was verified a short while ago. */
static void recall(struct call *c)
{
	struct login_cache *logins = c->api->logins;

	c->has_mac = login_cache_mac(logins, &c->login, c->mac);
	c->known = c->has_mac &&
		   login_cache_find(logins, c->mac, steady_ms(), &c->version, &c->confirmed);
	if (!kept_moment(c->api->kept, &c->moment))
		c->moment = LOGIN_NO_MOMENT;
}

/* True if the request could be answered from memory: the login was good and the answer was read,
 * and the store is still the same. */
static bool answer_kept(struct call *c)
{
	const struct kept_answer *a;

	if (!c->route->keep || !c->known || c->moment == LOGIN_NO_MOMENT ||
	    c->confirmed != c->moment || *https_query(c->request) ||
	    https_header(c->request, "If-None-Match"))
		return false;
	a = kept_find(c->api->kept, c->route, c->moment, steady_ms());
	if (!a)
		return false;
	c->api->counts.logins_remembered++;
	send_content(c, a->type, buf_view(&a->body), a->generation);
	call_free(c);
	return true;
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
	snprintf(c->login.address, sizeof(c->login.address), "%s", peer);
	take_client_cert(c);
	recall(c);
	wait_ms = c->known ? throttle_wait(a->throttle, c->login.user, peer, steady_ms())
			   : throttle_ask(a->throttle, c->login.user, peer, steady_ms());
	if (wait_ms) {
		refuse_for_now(c, wait_ms);
		return;
	}
	if (answer_kept(c))
		return;
	if (worker_submit(a->pool, run_call, done_call, c, &c->e)) {
		if (!c->known)
			throttle_cancel(a->throttle, c->login.user, peer);
		answer(c);
	}
}

/* Nodes have no account; what they may do is for the route to say. */
static void done_node_call(void *job)
{
	answer(job);
}

static void take_node_call(struct call *c)
{
	STACK_OF(X509) *chain = https_peer_chain(c->request);

	c->cert = https_peer_cert(c->request);
	if (c->cert)
		X509_up_ref(c->cert);
	c->chain = chain ? X509_chain_up_ref(chain) : NULL;
	/* For the audit log; which node it is, the route finds out. */
	snprintf(c->login.user, sizeof(c->login.user), "(node)");
	snprintf(c->login.address, sizeof(c->login.address), "%s", https_peer(c->request));
	if (worker_submit(c->api->pool, run_call, done_node_call, c, &c->e))
		answer(c);
}

bool api_trusts(const struct https_request *r, void *arg)
{
	const struct peer from = {https_peer_cert(r), https_peer_chain(r)};
	struct api *a = arg;

	return !strcmp(https_path(r), API_ROOT "/node/ctl") && peers_seems_first(a->peers, &from);
}

void api_handle(struct https_request *r, void *arg)
{
	const char *name;
	const struct route *route = find_route(https_method(r), https_path(r), &name);
	struct call *c;
	struct err e;

	if (!route) {
		refuse_path(arg, r);
		return;
	}
	c = call_new(arg, r, route);
	if (!c) {
		err_nomem(&e);
		https_reply_problem(r, &e, NULL, NULL);
		return;
	}
	c->name = name;
	if (route->need == AUTH_NONE) {
		run_call(c, NULL);
		answer(c);
	} else if (route->need == AUTH_NODE) {
		take_node_call(c);
	} else {
		log_in(c);
	}
}
