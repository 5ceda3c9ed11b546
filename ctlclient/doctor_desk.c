/* The doctor's way from the module to the tokens. */
#include "ctlclient/doctor_token.h"

#include "pkcs11/watch.h"

#include <stdlib.h>
#include <string.h>

enum { DOCTOR_TROUBLES_MAX = 16 };

/* All that is gathered before the first step is told: whether a missing reader service matters
 * depends on whether the token is reached without it. */
struct desk_view {
	struct doctor *doctor;
	struct reader_scene scene;
	struct doctor_seen seen[DOCTOR_TOKENS_MAX];
	size_t n;
	struct err trouble;                       /* why the token asked for was not found */
	struct err unloaded[DOCTOR_TROUBLES_MAX]; /* n_unloaded modules */
	struct err unread[DOCTOR_TROUBLES_MAX];   /* n_unread slots and modules */
	size_t n_unloaded, n_unread;
	size_t empty; /* tokens that are not initialised; the first one: */
	char where[300];
};

static const char why_module[] =
	"programs talk to tokens through their maker's PKCS#11 module; without one there is no way "
	"to a token";
static const char why_service[] =
	"the modules of cards and USB tokens reach them through the reader service, pcscd";

/* ---- gathering, on the owner's thread ---- */

static void look_around(struct desk_view *v, struct tokens *ts)
{
	struct watch *w = NULL;
	struct err ignored;

	if (watch_open(&w, &ignored))
		return;
	if (!watch_look(w, ts, &ignored))
		v->scene = *watch_scene(w);
	watch_close(w);
}

static void add_seen(struct desk_view *v, struct tokens *ts, const char *uri)
{
	struct doctor_seen *s = &v->seen[v->n];
	struct token *t = NULL;

	if (v->n == DOCTOR_TOKENS_MAX || token_find(&t, ts, uri, &v->trouble))
		return;
	*s = (struct doctor_seen){.info = *token_info(t)};
	if (token_certs(t, &s->certs, &s->n, &s->trouble))
		s->n = 0;
	token_free(t);
	v->n++;
}

static size_t keep(struct err out[DOCTOR_TROUBLES_MAX], const struct err *list, size_t n)
{
	if (n > DOCTOR_TROUBLES_MAX)
		n = DOCTOR_TROUBLES_MAX;
	memcpy(out, list, n * sizeof(*list));
	return n;
}

static void keep_unread(struct desk_view *v, const struct tokens *ts)
{
	size_t n;
	const struct err *list = tokens_unread(ts, &n);

	v->n_unread = keep(v->unread, list, n);
}

static void keep_unloaded(struct desk_view *v, const struct tokens *ts)
{
	size_t n;
	const struct err *list = tokens_unloaded(ts, &n);

	v->n_unloaded = keep(v->unloaded, list, n);
}

static void add_all(struct desk_view *v, struct tokens *ts)
{
	struct token_info *infos = NULL;
	size_t n = 0;

	if (tokens_list(ts, &infos, &n, &v->trouble))
		return;
	for (size_t i = 0; i < n; i++)
		if (infos[i].initialized)
			add_seen(v, ts, infos[i].uri);
		else if (!v->empty++)
			snprintf(v->where, sizeof(v->where), "slot %lu of %s", infos[i].slot,
				 infos[i].module);
	free(infos);
}

static int job_gather(struct tokens *ts, void *arg, struct err *e)
{
	struct desk_view *v = arg;
	struct doctor *d = v->doctor;

	if (modules_describe(&d->modules, &d->n_modules, ts, e))
		return (int)e->kind;
	keep_unloaded(v, ts);
	look_around(v, ts);
	if (d->uri)
		add_seen(v, ts, d->uri);
	else
		add_all(v, ts);
	keep_unread(v, ts);
	return 0;
}

static void view_free(struct desk_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		token_certs_free(v->seen[i].certs, v->seen[i].n);
}

/* ---- module, reader service, USB ---- */

/* A module that does not load is the trouble only where no token and no reader tells another
 * story: on many desks one is installed that nobody uses. */
static void tell_unloaded(struct doctor *d, const struct desk_view *v)
{
	const bool matters = !v->n && !v->n_unread && reader_judge(&v->scene) == READER_FINE;

	for (size_t i = 0; i < v->n_unloaded; i++)
		if (matters)
			doctor_error(d, "module-failed", why_module, &v->unloaded[i]);
		else
			doctor_skip(d, "module-failed", "%s%s%s", v->unloaded[i].what,
				    v->n ? "; the token is reached without it"
					 : "; if it is needed: ",
				    v->n ? "" : v->unloaded[i].hint);
}

static bool tell_modules(struct doctor *d, const struct desk_view *v)
{
	struct doctor_step *s;

	if (d->n_modules) {
		doctor_ok(d, "module", "%zu module%s loaded: %s%s", d->n_modules,
			  d->n_modules == 1 ? "" : "s", d->modules[0].name,
			  d->n_modules > 1 ? ", ..." : "");
		tell_unloaded(d, v);
		return true;
	}
	if (v->n_unloaded) {
		for (size_t i = 0; i < v->n_unloaded; i++)
			doctor_error(d, "module", why_module, &v->unloaded[i]);
		return false;
	}
	s = doctor_wrong(d, "module", ERR_TOKEN, why_module,
			 "no PKCS#11 module is configured on this computer");
	snprintf(s->mend, sizeof(s->mend),
		 "apt install opensc-pkcs11 pcscd (cards and USB tokens), or name the maker's "
		 "module: ctlclient doctor --module PATH");
	return false;
}

static void tell_service(struct doctor *d, const struct desk_view *v)
{
	const enum reader_state state = reader_judge(&v->scene);
	struct doctor_step *s;

	if (v->scene.service) {
		doctor_ok(d, "reader-service", "pcscd answers");
	} else if (!v->scene.module) {
		doctor_skip(d, "reader-service", "no module here goes through pcscd");
	} else if (v->n) {
		doctor_skip(d, "reader-service",
			    "pcscd is not running; the token is reached "
			    "without it");
	} else if (v->empty && !v->scene.has_usb) {
		doctor_skip(d, "reader-service",
			    "pcscd is not running: cards and USB tokens need it (%s)",
			    reader_remedy(state));
	} else {
		s = doctor_wrong(d, "reader-service", ERR_TOKEN, why_service,
				 "pcscd does not answer");
		snprintf(s->mend, sizeof(s->mend), "%s", reader_remedy(state));
	}
}

static void tell_usb(struct doctor *d, const struct desk_view *v)
{
	const enum reader_state state = reader_judge(&v->scene);
	struct doctor_step *s;
	char text[256];

	if (v->n || state == READER_FINE) {
		if (v->scene.has_usb)
			doctor_ok(d, "usb-device", "there is %s on USB", usb_name(&v->scene.usb));
		else
			doctor_skip(d, "usb-device", "no token or reader is seen on USB%s",
				    v->n ? "; the token is elsewhere" : "");
		return;
	}
	if (state == READER_NO_SERVICE || state == READER_NO_SERVICE_USB) {
		doctor_skip(d, "usb-device", "%s%s",
			    v->scene.has_usb ? "there is " : "nothing seen",
			    v->scene.has_usb ? usb_name(&v->scene.usb) : "");
		return;
	}
	reader_text(text, sizeof(text), &v->scene);
	s = doctor_wrong(d, "usb-device", ERR_TOKEN, doctor_why_token, "%s", text);
	snprintf(s->mend, sizeof(s->mend), "%s", reader_remedy(state));
}

/* ---- what is wrong with no token in particular ---- */

/* A token that cannot be looked at may be the one that is needed; if that one is there, it is not.
 */
static void tell_unread(struct doctor *d, const struct desk_view *v)
{
	for (size_t i = 0; i < v->n_unread; i++)
		if (d->uri && v->n)
			doctor_skip(d, "token", "%s", v->unread[i].what);
		else
			doctor_error(d, "token", doctor_why_token, &v->unread[i]);
}

static void tell_no_token(struct doctor *d, const struct desk_view *v)
{
	struct doctor_step *s;

	if (v->trouble.kind) {
		s = doctor_error(d, "token", doctor_why_token, &v->trouble);
		if (!strcmp(v->trouble.id, "token-missing"))
			snprintf(s->mend, sizeof(s->mend),
				 "put the token in, then: ctlclient token wait; ctlclient token "
				 "list shows what is there");
		return;
	}
	if (v->empty) {
		s = doctor_wrong(d, "token", ERR_TOKEN, doctor_why_token,
				 "no token is initialised; there is an empty one in %s", v->where);
		snprintf(s->mend, sizeof(s->mend), "ctlclient token init --label 'SAST 1'");
		return;
	}
	s = doctor_wrong(d, "token", ERR_TOKEN, doctor_why_token, "no token is there");
	snprintf(s->mend, sizeof(s->mend),
		 "put one in, then: ctlclient token wait; a new one: ctlclient token init --label "
		 "'SAST 1'");
}

static const char *const token_steps[] = {"token", "pin", "key", "certificate", "signature"};

static void skip_from(struct doctor *d, size_t first)
{
	for (size_t i = first; i < sizeof(token_steps) / sizeof(token_steps[0]); i++)
		doctor_skip(d, token_steps[i], "no token to look at");
}

static void tell(struct doctor *d, struct desk *desk, const struct desk_view *v)
{
	if (!tell_modules(d, v)) {
		doctor_skip(d, "reader-service", "no module");
		doctor_skip(d, "usb-device", "no module");
		skip_from(d, 0);
		return;
	}
	tell_service(d, v);
	tell_usb(d, v);
	tell_unread(d, v);
	if (!v->n) {
		if (!v->n_unread || d->uri)
			tell_no_token(d, v);
		skip_from(d, 1);
	}
	for (size_t i = 0; i < v->n; i++)
		doctor_token(d, desk, &v->seen[i], v->n);
}

static void mend_module(struct doctor_step *s, const struct err *e)
{
	if (!strcmp(e->id, "no-module"))
		snprintf(s->mend, sizeof(s->mend),
			 "p11-kit list-modules (shows what is installed); then: ctlclient doctor "
			 "--module PATH, or without --module and CTL_MODULE for all of them");
}

void doctor_desk(struct doctor *d)
{
	struct desk_view v = {.doctor = d};
	struct desk *desk = NULL;
	struct err e;
	int rc;

	d->desk_opts.tells_modules = true;
	rc = desk_open(&desk, &d->desk_opts, &e);
	if (!rc)
		rc = desk_run(desk, job_gather, &v, &e);
	if (rc) {
		mend_module(doctor_error(d, "module", why_module, &e), &e);
		doctor_skip(d, "reader-service", "no module");
		doctor_skip(d, "usb-device", "no module");
		skip_from(d, 0);
	} else {
		tell(d, desk, &v);
	}
	view_free(&v);
	desk_close(desk);
}
