/* Logging in: on the loop what is remembered, on a worker what must be looked up. */
#include "server/provider/api_call.h"

#include "common/clock.h"
#include "server/net/problem.h"

#include <stdio.h>
#include <string.h>

/* ---- on a worker ---- */

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
		login_audit_note(c->api->login_audit, s, !why, text, clock_ms());
}

int login_verify(struct call *c, struct store *s, struct err *e)
{
	struct store_user user;
	bool fresh;
	int rc;

	rc = auth_verify(s, &c->login, c->known ? &c->version : NULL, &user, e);
	secret_free(&c->login.password);
	c->login_failed = rc != 0;
	fresh = !rc && !(c->known && c->version == user.version);
	if (fresh && c->has_mac)
		login_cache_add(c->api->logins, c->mac, user.version, clock_ms());
	if (!rc)
		rc = auth_allows(c->route->need, &user, e);
	/* What our own troubles refuse is no decision. */
	if (!rc || rc == ERR_REFUSED)
		note_login(c, s, fresh, rc ? e : NULL);
	return rc;
}

/* ---- back on the loop ---- */

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
	login_cache_confirm(c->api->logins, c->mac, c->moment, clock_ms());
	if (c->route->keep && !c->e.kind && c->status == 200)
		kept_put(c->api->kept, &answer, clock_ms());
}

static void login_done(void *job)
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
						  !guessed, clock_ms());
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
		call_answer_later(c, hold_ms);
	else if (c->awaited && !c->e.kind)
		call_await(c);
	else
		call_answer(c);
}

/* ---- the way in ---- */

static void refuse_for_now(struct call *c, unsigned wait_ms)
{
	char seconds[16];
	const struct http_field retry = {"Retry-After", seconds};

	snprintf(seconds, sizeof(seconds), "%u", (wait_ms + 999) / 1000);
	err_set(&c->e, ERR_REFUSED, "too-many-logins",
		"too many failed logins of this user from this address; wait %s seconds", seconds);
	call_count(c, problem_status(&c->e));
	c->api->counts.logins_throttled++;
	https_reply_problem(c->request, &c->e, NULL, &retry);
	call_free(c);
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
		   login_cache_find(logins, c->mac, clock_ms(), &c->version, &c->confirmed);
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
	a = kept_find(c->api->kept, c->route, c->moment, clock_ms());
	if (!a)
		return false;
	c->api->counts.logins_remembered++;
	call_send(c, a->type, buf_view(&a->body), a->generation);
	call_free(c);
	return true;
}

/* Checking a password takes a worker; so does everything behind it. */
void login_take(struct call *c)
{
	struct api *a = c->api;
	const char *peer = https_peer(c->request);
	unsigned wait_ms;

	if (auth_parse(&c->login, https_header(c->request, "Authorization"), &c->e)) {
		call_answer(c);
		return;
	}
	snprintf(c->login.address, sizeof(c->login.address), "%s", peer);
	take_client_cert(c);
	recall(c);
	wait_ms = c->known ? throttle_wait(a->throttle, c->login.user, peer, clock_ms())
			   : throttle_ask(a->throttle, c->login.user, peer, clock_ms());
	if (wait_ms) {
		refuse_for_now(c, wait_ms);
		return;
	}
	if (answer_kept(c))
		return;
	if (worker_submit(a->pool, call_run, login_done, c, &c->e)) {
		if (!c->known)
			throttle_cancel(a->throttle, c->login.user, peer);
		call_answer(c);
	}
}
