/* The doctor's way from the module to the test signature. */
#include "ctlclient/doctor.h"

#include "common/cli.h"
#include "ctlclient/cmd_token.h"
#include "pkcs11/digestinfo.h"
#include "pkcs11/watch.h"
#include "trustfile/cert.h"
#include "trustfile/signature.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST_LEN = 64, DOCTOR_TROUBLES_MAX = 16 };

/* A token with what can be seen without a PIN. */
struct seen {
	struct token_info info;
	struct token_cert *certs; /* n of them, owned */
	size_t n;
	struct err trouble; /* kind ERR_OK: none */
};

/* All that is gathered before the first step is told: whether a missing reader service matters
 * depends on whether the token is reached without it. */
struct desk_view {
	struct doctor *doctor;
	struct reader_scene scene;
	struct seen seen[DOCTOR_TOKENS_MAX];
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
static const char why_token[] = "only a token that is in the list can sign it";
static const char why_pin[] = "without its PIN a token does not use its keys";
static const char why_key[] = "the private key signs the list; it cannot be anywhere else";
static const char why_cert[] =
	"phones know a token by its certificate; its key must be one that the list has a code for";
static const char why_signature[] = "a list with a bad signature is refused by every phone";

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
	struct seen *s = &v->seen[v->n];
	struct token *t = NULL;

	if (v->n == DOCTOR_TOKENS_MAX || token_find(&t, ts, uri, &v->trouble))
		return;
	*s = (struct seen){.info = *token_info(t)};
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
	s = doctor_wrong(d, "usb-device", ERR_TOKEN, why_token, "%s", text);
	snprintf(s->mend, sizeof(s->mend), "%s", reader_remedy(state));
}

/* ---- one token ---- */

static bool tell_token(struct doctor *d, const struct seen *t)
{
	const struct token_info *i = &t->info;
	struct doctor_step *s;

	switch (i->pin) {
	case TOKEN_PIN_OK:
	case TOKEN_PIN_COUNT_LOW:
		break;
	case TOKEN_PIN_FINAL_TRY:
		s = doctor_wrong(d, "token", ERR_TOKEN, why_pin,
				 "the token %s (serial %s) locks itself if the next PIN is wrong",
				 i->label, i->serial);
		snprintf(s->mend, sizeof(s->mend), "ctlclient token test '%s' --allow-final-try",
			 i->uri);
		return false;
	case TOKEN_PIN_LOCKED:
	case TOKEN_PIN_UNSET:
		s = doctor_wrong(d, "token", ERR_TOKEN, why_pin, "the token %s (serial %s) %s",
				 i->label, i->serial,
				 i->pin == TOKEN_PIN_LOCKED ? "is locked" : "has no PIN yet");
		snprintf(s->mend, sizeof(s->mend), "ctlclient token unblock '%s'", i->uri);
		return false;
	}
	if (i->pin_to_be_changed) {
		s = doctor_wrong(d, "token", ERR_TOKEN, why_pin,
				 "the token %s (serial %s) wants its PIN changed first", i->label,
				 i->serial);
		snprintf(s->mend, sizeof(s->mend), "ctlclient token change-pin '%s'", i->uri);
		return false;
	}
	if (t->trouble.kind) {
		doctor_error(d, "token", why_token, &t->trouble);
		return false;
	}
	doctor_ok(d, "token", "%s (serial %s) in %s, keys in %s%s", i->label, i->serial, i->module,
		  token_is_software(i) ? "SOFTWARE" : "the token",
		  i->pin == TOKEN_PIN_COUNT_LOW ? "; a wrong PIN was given before" : "");
	return true;
}

/* The reason why lists cannot be signed with the certificate's key, or NULL. */
static const char *unfit(const X509 *cert)
{
	const int bits = cert_rsa_bits(cert);
	uint8_t code;

	if (!bits)
		return "its key is not RSA";
	if (bits < 1024)
		return "its key is too short";
	return tf_modulus_code(&code, (size_t)(bits + 7) / 8)
		       ? NULL
		       : "the trust list format has no code for a key of this size";
}

static const char *cert_note(const X509 *cert)
{
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return "; expired: phones do not look at dates, auditors do";
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return "; not valid yet: is this computer's clock right?";
	return token_key_is_weak(cert) ? "; a weak key" : "";
}

static void mend_with_keygen(struct doctor_step *s, const struct token_info *i)
{
	snprintf(s->mend, sizeof(s->mend),
		 "ctlclient token keygen '%s;object=sast' --subject 'CN=%s,O=YOUR COMPANY'", i->uri,
		 i->label);
}

/* The one certificate that would sign, told; NULL if there is none. */
static const struct token_cert *tell_cert(struct doctor *d, const struct seen *t)
{
	const struct token_cert *c = t->certs;
	struct buf name = {0};
	struct doctor_step *s;

	if (!t->n) {
		s = doctor_wrong(d, "certificate", ERR_TOKEN, why_cert,
				 "there is no certificate with a key%s on the token %s",
				 d->uri && strstr(d->uri, "object=") ? " of that name" : "",
				 t->info.label);
		mend_with_keygen(s, &t->info);
		return NULL;
	}
	if (t->n > 1) {
		s = doctor_wrong(d, "certificate", ERR_TOKEN, why_cert,
				 "there are %zu certificates on the token %s: which one signs?",
				 t->n, t->info.label);
		snprintf(s->mend, sizeof(s->mend), "ctlclient doctor '%s'", c->uri);
		return NULL;
	}
	if (unfit(c->cert)) {
		s = doctor_wrong(d, "certificate", ERR_TOKEN, why_cert,
				 "lists cannot be signed with the certificate on the token %s: %s",
				 t->info.label, unfit(c->cert));
		mend_with_keygen(s, &t->info);
		return NULL;
	}
	token_name_text(&name, X509_get_subject_name(c->cert));
	doctor_ok(d, "certificate", "%s%s", buf_cstr(&name) ? buf_cstr(&name) : "?",
		  cert_note(c->cert));
	buf_free(&name);
	return c;
}

/* ---- the test signature ---- */

/* How far it got. */
struct trial {
	char skipped[ERR_HINT_MAX]; /* why it was not tried; empty if it was */
	bool logged_in;
	struct err e; /* kind ERR_OK: it worked */
};

static bool has_pin_source(const struct doctor *d)
{
	const char *file = getenv("CTL_PIN_FILE");
	const char *askpass = getenv("CTL_ASKPASS");

	return d->desk_opts.pin_source || (file && *file) || (askpass && *askpass) ||
	       (d->uri && (strstr(d->uri, "pin-source=") || strstr(d->uri, "pin-value=")));
}

/* Never a PIN on a guess: one source and several tokens would lower the counters of the others. */
static bool may_try(struct trial *t, const struct doctor *d, const struct seen *s, size_t tokens)
{
	if (tokens > 1) {
		snprintf(
			t->skipped, sizeof(t->skipped),
			"not tried: several tokens, and the PIN is that of one; name it: ctlclient "
			"doctor '%.256s'",
			s->n == 1 ? s->certs[0].uri : s->info.uri);
		return false;
	}
	if (s->info.pin == TOKEN_PIN_COUNT_LOW && !d->uri) {
		snprintf(t->skipped, sizeof(t->skipped),
			 "not tried: a wrong PIN was given to this token before");
		return false;
	}
	if (d->never_asks && s->info.login_required) {
		snprintf(t->skipped, sizeof(t->skipped),
			 "signing was not tried: that takes the PIN, which is not asked for here");
		return false;
	}
	if (!s->info.login_required || has_pin_source(d))
		return true;
	if (isatty(STDIN_FILENO) && cli_confirm("Make a test signature? It asks for the PIN."))
		return true;
	snprintf(t->skipped, sizeof(t->skipped),
		 "signing was not tried: no PIN was given; --pin-source says where it is");
	return false;
}

static int sign_something(struct desk_signer *s, struct err *e)
{
	uint8_t data[TEST_LEN];
	uint8_t sig[TL_SIG_MAX];
	struct buf info = {0};
	const size_t siglen = ((size_t)cert_rsa_bits(desk_signer_cert(s)->cert) + 7) / 8;
	int rc;

	if (RAND_bytes(data, sizeof(data)) != 1)
		return err_openssl(e, ERR_FAILED, "random", "no random numbers");
	rc = digestinfo(&info, EVP_sha1(), span_of(data, sizeof(data)), e);
	if (!rc)
		rc = desk_signer_sign(s, info.data, info.len, sig, siglen, e);
	buf_free(&info);
	return rc;
}

static void try_signing(struct trial *t, struct doctor *d, struct desk *desk, const char *uri)
{
	struct desk_signer *s = NULL;
	int rc = desk_signer_find(&s, desk, d->uri ? d->uri : uri, &t->e);

	if (!rc)
		rc = desk_signer_login(s, "to sign a test", &t->e);
	t->logged_in = !rc;
	if (!rc)
		rc = sign_something(s, &t->e);
	if (!rc)
		t->e = (struct err){0};
	desk_signer_free(s);
}

static void tell_pin(struct doctor *d, const struct trial *t, const char *uri)
{
	struct doctor_step *s;

	if (*t->skipped)
		doctor_skip(d, "pin", "%s", t->skipped);
	else if (t->logged_in)
		doctor_ok(d, "pin", "the token takes the PIN");
	else {
		s = doctor_error(d, "pin", why_pin, &t->e);
		if (!strcmp(t->e.id, "pin-wrong"))
			snprintf(s->mend, sizeof(s->mend),
				 "ctlclient token test '%s' --pin-source prompt (with the right "
				 "PIN: each wrong one counts)",
				 uri);
	}
}

static bool is_key_missing(const struct trial *t)
{
	return t->logged_in && !strcmp(t->e.id, "key-missing");
}

static void tell_key(struct doctor *d, const struct trial *t, const struct token_info *i)
{
	struct doctor_step *s;

	if (!t->logged_in) {
		doctor_skip(d, "key", "tokens show private keys only after the PIN");
	} else if (is_key_missing(t)) {
		s = doctor_error(d, "key", why_key, &t->e);
		mend_with_keygen(s, i);
	} else {
		doctor_ok(d, "key", "the private key is there");
	}
}

static void tell_signature(struct doctor *d, const struct trial *t)
{
	if (!t->logged_in || is_key_missing(t))
		doctor_skip(d, "signature", "%s",
			    *t->skipped ? t->skipped : "it did not get to it");
	else if (t->e.kind)
		doctor_error(d, "signature", why_signature, &t->e);
	else
		doctor_ok(d, "signature", "signed and verified");
}

static void keep_cert(struct doctor *d, const struct token_cert *c, const struct token_info *i)
{
	struct at_desk *a = &d->certs;
	struct desk_cert *more = reallocarray(a->certs, a->n + 1, sizeof(*more));

	if (!more)
		return;
	a->certs = more;
	more[a->n] = (struct desk_cert){.on_token = true, .software = token_is_software(i)};
	snprintf(more[a->n].where, sizeof(more[a->n].where), "%.599s", c->uri);
	snprintf(more[a->n].token_serial, sizeof(more[a->n].token_serial), "%s", i->serial);
	if (X509_up_ref(c->cert))
		more[a->n++].cert = c->cert;
}

static void tell_one(struct doctor *d, struct desk *desk, const struct seen *s, size_t tokens)
{
	struct trial t = {0};
	const struct token_cert *c;

	d->about = s->info.label;
	if (!tell_token(d, s))
		goto out;
	if (!s->n && tokens > 1) {
		doctor_skip(d, "certificate", "no certificate: not a token that signs lists");
		goto out;
	}
	if (s->n == 1 && !unfit(s->certs[0].cert)) {
		if (may_try(&t, d, s, tokens))
			try_signing(&t, d, desk, s->certs[0].uri);
		tell_pin(d, &t, s->certs[0].uri);
		tell_key(d, &t, &s->info);
	} else {
		doctor_skip(d, "pin", "no certificate that could sign");
		doctor_skip(d, "key", "no certificate that tells which key it is");
	}
	c = tell_cert(d, s);
	if (c)
		keep_cert(d, c, &s->info);
	if (c)
		tell_signature(d, &t);
	else
		doctor_skip(d, "signature", "no certificate that could sign");
out:
	d->about = NULL;
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
			doctor_error(d, "token", why_token, &v->unread[i]);
}

static void tell_no_token(struct doctor *d, const struct desk_view *v)
{
	struct doctor_step *s;

	if (v->trouble.kind) {
		s = doctor_error(d, "token", why_token, &v->trouble);
		if (!strcmp(v->trouble.id, "token-missing"))
			snprintf(s->mend, sizeof(s->mend),
				 "put the token in, then: ctlclient token wait; ctlclient token "
				 "list shows what is there");
		return;
	}
	if (v->empty) {
		s = doctor_wrong(d, "token", ERR_TOKEN, why_token,
				 "no token is initialised; there is an empty one in %s", v->where);
		snprintf(s->mend, sizeof(s->mend), "ctlclient token init --label 'SAST 1'");
		return;
	}
	s = doctor_wrong(d, "token", ERR_TOKEN, why_token, "no token is there");
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
		tell_one(d, desk, &v->seen[i], v->n);
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
