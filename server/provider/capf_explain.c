#include "server/provider/capf_explain.h"

#include "server/device/words.h"
#include "server/provider/when.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct explaining {
	const struct capf_situation *s;
	void (*tell)(const char *sentence, void *arg);
	void *arg;
};

__attribute__((format(printf, 2, 3))) static void say(const struct explaining *x, const char *fmt,
						      ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	x->tell(text, x->arg);
}

void capf_status_words(char text[48], const struct store_capf *c)
{
	static const char *const operations[] = {"", "Install/Upgrade", "Delete", "Troubleshoot"};

	if (c->status == STORE_CAPF_IDLE)
		snprintf(text, 48, "No Pending Operation");
	else
		snprintf(text, 48, "%s %s", operations[c->operation],
			 store_capf_status_words[c->status]);
}

/* ---- what is pending ---- */

static void about_operation(const struct explaining *x)
{
	static const char *const jobs[] = {"", "a new certificate (LSC) is to be installed",
					   "its certificate (LSC) is to be deleted",
					   "its certificates are to be read back"};
	const struct store_capf_case *c = x->s->c;
	char when[WHEN_MAX];

	switch (c->capf.status) {
	case STORE_CAPF_IDLE:
		say(x,
		    "Nothing is pending for %s. \"ctladmin capf set %s install\" schedules a "
		    "certificate.",
		    c->name, c->name);
		return;
	case STORE_CAPF_SUCCESSFUL:
		say(x, "The last operation of %s is done; nothing is pending.", c->name);
		return;
	case STORE_CAPF_FAILED:
		say(x,
		    "The last operation of %s has failed: %s. Set it again when the reason is "
		    "gone.",
		    c->name, c->capf.detail);
		return;
	case STORE_CAPF_PENDING:
		break;
	}
	if (c->capf.by)
		say(x, "Pending: %s, until %s. Key: %s.", jobs[c->capf.operation],
		    when_text(when, c->capf.by), c->key);
	else
		say(x, "Pending: %s. Key: %s.", jobs[c->capf.operation], c->key);
}

/* ---- who calls whom ---- */

static void about_connection(const struct explaining *x)
{
	const struct capf_situation *s = x->s;

	say(x,
	    "CAPF never calls a phone. The phone connects to %s (%s), TCP port %u, and proves "
	    "who it is.",
	    s->host, *s->address ? s->address : s->host, s->conf->listen.port);
}

static void about_proof(const struct explaining *x)
{
	const struct store_capf_case *c = x->s->c;

	switch (c->auth) {
	case DEVICE_AUTH_STRING:
		say(x, "It proves itself by authentication string: somebody types it in. %s",
		    c->capf.has_string ? "One is set, for one use."
				       : "None is set, so it will be refused.");
		break;
	case DEVICE_AUTH_NULL:
		say(x, "It proves nothing (null string): whoever calls himself so gets the "
		       "certificate. That is for closed networks only.");
		break;
	case DEVICE_AUTH_LSC:
	case DEVICE_AUTH_MIC:
		say(x,
		    "It proves itself with the certificate that it has, the %s first. The "
		    "manufacturer of a MIC must be believed here (\"ctladmin capf trust\").",
		    c->auth == DEVICE_AUTH_LSC ? "LSC" : "MIC");
		break;
	}
	if (x->s->phone && x->s->profile->mode != DEVICE_NONSECURE && !x->s->phone->lsc.len &&
	    c->auth == DEVICE_AUTH_STRING)
		say(x,
		    "Its profile is not non-secure, so without a certificate it cannot register, "
		    "and by string it does not call by itself: give it a non-secure profile "
		    "until it has one.");
}

/* ---- what the phone must know ---- */

static void about_list(const struct explaining *x)
{
	const struct capf_situation *s = x->s;

	if (!s->generation)
		say(x, "MISSING: there is no trust list yet, so the phone does not know CAPF: "
		       "\"ctlclient cluster set-mode mixed\".");
	else if (!s->listed)
		say(x,
		    "MISSING: the trust list (generation %lld) was made before this CAPF "
		    "certificate: the phone will hang up. \"ctlclient cluster update\", then "
		    "reset the phone.",
		    (long long)s->generation);
	else
		say(x, "The trust list (generation %lld) has this CAPF's certificate.",
		    (long long)s->generation);
}

static void about_configuration(const struct explaining *x)
{
	const struct store_phone *p = x->s->phone;
	char when[WHEN_MAX];

	if (!p->seen.time)
		say(x, "MISSING: the phone has never asked here for its configuration, which tells "
		       "it where CAPF is and how to prove itself. Reset it.");
	else if (p->reset_pending)
		say(x,
		    "MISSING: its configuration or its list has changed since it asked last "
		    "(%s, from %s). Reset it.",
		    when_text(when, p->seen.time), p->seen.address);
	else
		say(x, "It has the present configuration (%s, from %s).",
		    when_text(when, p->seen.time), p->seen.address);
}

static bool is_old(const char *model)
{
	return !strncmp(model, "79", 2);
}

static void about_tls(const struct explaining *x)
{
	if (is_old(x->s->phone->model) && !x->s->conf->legacy_tls)
		say(x,
		    "MISSING: a %s knows TLS 1.0 only, and this CAPF does not let such phones "
		    "in: capf { legacy-tls = true } in ctlsuite.conf, and restart ctlcapfd.",
		    x->s->phone->model);
}

/* ---- what happened ---- */

static void about_last_call(const struct explaining *x)
{
	const struct store_capf_case *c = x->s->c;
	char when[WHEN_MAX];

	if (!c->last_time) {
		say(x, "It has not called yet.");
		return;
	}
	say(x, "Last call: %s from %s: %s.", when_text(when, c->last_time), c->last_address,
	    c->last_text);
	if (c->capf.status == STORE_CAPF_PENDING && x->s->conf->attempts &&
	    c->wrong >= x->s->conf->attempts)
		say(x,
		    "It is locked after %lld wrong authentication strings. Set the operation "
		    "again to let it try.",
		    (long long)c->wrong);
	else if (c->capf.status == STORE_CAPF_PENDING && c->not_before > x->s->now)
		say(x, "After %lld wrong authentication strings its next try counts from %s on.",
		    (long long)c->wrong, when_text(when, c->not_before));
}

/* ---- what to press ---- */

static const char *keys_of(const char *model)
{
	if (!strcmp(model, "7940") || !strcmp(model, "7960"))
		return "Settings, **# to unlock, Security Configuration, LSC, Update";
	if (is_old(model))
		return "Settings (or Applications), Security Configuration, **# to unlock, LSC, "
		       "Update";
	return "Applications (or the gear), Admin settings, Security setup, LSC, Update";
}

static void about_keys(const struct explaining *x)
{
	const struct store_capf_case *c = x->s->c;

	if (c->auth == DEVICE_AUTH_STRING)
		say(x, "On a %s press: %s; type the string; Submit.", x->s->phone->model,
		    keys_of(x->s->phone->model));
	else
		say(x,
		    "Nothing is to be pressed: after a reset the phone calls by itself. Making a "
		    "key may take half an hour, during which it works.");
}

void capf_explain(const struct capf_situation *s, void (*tell)(const char *sentence, void *arg),
		  void *arg)
{
	const struct explaining x = {s, tell, arg};

	about_operation(&x);
	if (s->c->capf.status == STORE_CAPF_PENDING) {
		about_connection(&x);
		about_proof(&x);
		about_list(&x);
		if (s->phone) {
			about_configuration(&x);
			about_tls(&x);
			about_keys(&x);
		} else {
			say(&x,
			    "The application's client has the address, the user, the instance ID "
			    "and the string in its preferences.");
		}
	}
	about_last_call(&x);
}
