#include "server/provider/api.h"

#include "common/clock.h"
#include "common/json.h"
#include "server/net/problem.h"
#include "server/provider/api_call.h"
#include "server/provider/views.h"
#include "server/store/audit.h"
#include "server/store/notify.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWAIT_LOOK_MS = 10 };

/* ---- answers ---- */

void call_free(struct call *c)
{
	if (c->later)
		event_free(c->later);
	secret_free(&c->login.password);
	json_decref(c->doc);
	json_decref(c->extra);
	/* It may show secrets: of phones, in reports. */
	buf_wipe(&c->body);
	X509_free(c->cert);
	sk_X509_pop_free(c->chain, X509_free);
	free(c);
}

void call_count(const struct call *c, int status)
{
	counts_request(&c->api->counts, c->route->method, c->route->path, status);
}

static void answer_problem(struct call *c)
{
	static const struct http_field login = {"WWW-Authenticate", "Basic realm=\"ctlsuite\""};

	call_count(c, problem_status(&c->e));
	if (problem_status(&c->e) >= 500)
		log_line(c->api->log, LOG_LEVEL_ERROR, "%s %s: %s", c->route->method,
			 c->route->path, c->e.what);
	https_reply_problem(c->request, &c->e, json_incref(c->extra),
			    problem_status(&c->e) == 401 ? &login : NULL);
}

void etag_text(char text[ETAG_MAX], int64_t generation)
{
	snprintf(text, ETAG_MAX, "\"%" PRId64 "\"", generation);
}

void call_send(struct call *c, const char *type, struct span body, int64_t generation)
{
	struct https_reply reply = {.status = c->status, .type = type, .body = body};
	char etag[ETAG_MAX];

	call_count(c, c->status);
	if (generation != NO_GENERATION) {
		etag_text(etag, generation);
		reply.fields[0] = (struct http_field){"ETag", etag};
	}
	https_reply(c->request, &reply);
}

static void answer_content(struct call *c)
{
	call_send(c, c->type, buf_view(&c->body), c->generation);
}

void call_answer(struct call *c)
{
	if (c->e.kind)
		answer_problem(c);
	else
		answer_content(c);
	call_free(c);
}

/* ---- the way through ---- */

static int write_doc(struct call *c, struct err *e)
{
	char *text = json_dumps(c->doc, JSON_INDENT(2));

	if (!text)
		return err_nomem(e);
	buf_str(&c->body, text);
	buf_str(&c->body, "\n");
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	c->type = "application/json";
	return c->body.bad ? err_nomem(e) : 0;
}

/* The services look into the store now and then, but nobody should wait for that. */
static bool may_change_files(const struct route *r)
{
	return r->need > AUTH_NODE && strcmp(r->method, "GET") != 0;
}

static int log_in_and_run(struct call *c, struct store *s, struct err *e)
{
	int rc;

	if (c->route->need > AUTH_NODE && login_verify(c, s, e))
		return (int)e->kind;
	rc = c->route->run(c, s, e);
	/* Also after a failure: an import may have come half-way. */
	if (may_change_files(c->route))
		notify_all(c->api->state);
	if (!rc && c->doc)
		rc = write_doc(c, e);
	return rc;
}

void call_run(void *job, void *own)
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
	call_answer(arg);
}

void call_answer_later(struct call *c, unsigned ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	c->later = evtimer_new(c->api->base, on_later, c);
	if (!c->later || evtimer_add(c->later, &tv))
		call_answer(c);
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

static void done_call(void *job)
{
	call_answer(job);
}

static void on_await(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	call_await(arg);
}

void call_await(struct call *c)
{
	const struct timeval tv = {.tv_usec = AWAIT_LOOK_MS * 1000};
	struct api *a = c->api;
	struct err ignored;

	if (!courier_settled(a->courier, c->awaited) && clock_ms() < c->await_until_ms &&
	    !a->stopping) {
		if (!c->later)
			c->later = evtimer_new(a->base, on_await, c);
		if (c->later && !evtimer_add(c->later, &tv))
			return;
	}
	if (worker_submit(a->pool, run_outcome, done_call, c, &ignored))
		call_answer(c);
}

/* ---- the way in ---- */

static void refuse_path(struct api *a, struct https_request *r)
{
	const char *path = https_path(r);
	char methods[ROUTE_METHODS_MAX];
	const struct http_field allow = {"Allow", methods};
	struct err e;

	route_methods(methods, path);
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

/* Nodes have no account; what they may do is for the route to say. */
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
	if (worker_submit(c->api->pool, call_run, done_call, c, &c->e))
		call_answer(c);
}

bool api_trusts(const struct https_request *r, void *arg)
{
	const struct peer from = {https_peer_cert(r), https_peer_chain(r)};
	struct api *a = arg;

	return !strcmp(https_path(r), API_ROOT "/node/ctl") && peers_seems_first(a->peers, &from);
}

void api_handle(struct https_request *r, void *arg)
{
	char name[ROUTE_NAME_MAX];
	const struct route *route = route_find(https_method(r), https_path(r), name);
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
	memcpy(c->name, name, sizeof(name));
	if (route->need == AUTH_NONE) {
		call_run(c, NULL);
		call_answer(c);
	} else if (route->need == AUTH_NODE) {
		take_node_call(c);
	} else {
		login_take(c);
	}
}
