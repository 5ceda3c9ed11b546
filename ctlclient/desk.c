#include "ctlclient/desk.h"

#include "common/file.h"
#include "common/secret.h"
#include "pkcs11/owner.h"
#include "trustfile/cert.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CERT_FILE_MAX = 256 * 1024 };

static const char uri_scheme[] = "pkcs11:";

/* What the tokens of the vendor were delivered with. */
static const char default_pin[] = "Cisco123";

struct desk {
	struct desk_opts opts;
	struct owner *owner;
	struct tokens *tokens; /* the owner's thread only */
};

struct desk_token {
	struct desk *desk;
	struct token *token;    /* the owner's thread only */
	struct token_info info; /* a copy for ours */
	char *pin_source;       /* of the URI, or NULL */
};

struct desk_signer {
	struct desk_token *token;
	struct desk_cert cert;
};

static int job_open(void *arg, struct err *e)
{
	struct desk *d = arg;

	return tokens_open(&d->tokens, d->opts.module, e);
}

static int job_close(void *arg, struct err *e)
{
	struct desk *d = arg;

	(void)e;
	tokens_close(d->tokens);
	return 0;
}

int desk_open(struct desk **out, const struct desk_opts *opts, struct err *e)
{
	struct desk *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_nomem(e);
	d->opts = *opts;
	rc = owner_start(&d->owner, e);
	if (!rc)
		rc = owner_run(d->owner, job_open, d, e);
	if (rc) {
		desk_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void desk_close(struct desk *d)
{
	struct err ignored;

	if (!d)
		return;
	if (d->owner)
		(void)owner_run(d->owner, job_close, d, &ignored);
	owner_stop(d->owner);
	free(d);
}

struct run {
	struct desk *desk;
	desk_fn *fn;
	void *arg;
};

static int job_run(void *arg, struct err *e)
{
	const struct run *r = arg;

	return r->fn(r->desk->tokens, r->arg, e);
}

int desk_run(struct desk *d, desk_fn *fn, void *arg, struct err *e)
{
	struct run r = {d, fn, arg};

	return owner_run(d->owner, job_run, &r, e);
}

struct token_run {
	struct desk_token *token;
	desk_token_fn *fn;
	void *arg;
};

static int job_token_run(void *arg, struct err *e)
{
	const struct token_run *r = arg;

	return r->fn(r->token->token, r->arg, e);
}

int desk_token_run(struct desk_token *t, desk_token_fn *fn, void *arg, struct err *e)
{
	struct token_run r = {t, fn, arg};

	return owner_run(t->desk->owner, job_token_run, &r, e);
}

struct find {
	struct desk_token *token;
	const char *uri;
};

static int job_find(struct tokens *ts, void *arg, struct err *e)
{
	const struct find *f = arg;
	struct desk_token *t = f->token;
	const char *source;
	const int rc = token_find(&t->token, ts, f->uri, e);

	if (rc)
		return rc;
	t->info = *token_info(t->token);
	source = token_pin_source(t->token);
	if (!source)
		return 0;
	t->pin_source = strdup(source);
	return t->pin_source ? 0 : err_nomem(e);
}

int desk_token_find(struct desk_token **out, struct desk *d, const char *uri, struct err *e)
{
	struct desk_token *t = calloc(1, sizeof(*t));
	struct find f = {t, uri};
	int rc;

	if (!t)
		return err_nomem(e);
	t->desk = d;
	rc = desk_run(d, job_find, &f, e);
	if (rc) {
		desk_token_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

static int job_free(struct token *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	token_free(t);
	return 0;
}

void desk_token_free(struct desk_token *t)
{
	struct err ignored;

	if (!t)
		return;
	(void)desk_token_run(t, job_free, NULL, &ignored);
	free(t->pin_source);
	free(t);
}

const struct token_info *desk_token_info(const struct desk_token *t)
{
	return &t->info;
}

static int job_look(struct token *t, void *arg, struct err *e)
{
	struct desk_token *d = arg;
	const int rc = token_login_check(t, d->desk->opts.allow_final_try, e);

	d->info = *token_info(t);
	return rc;
}

static const char *counter_note(enum token_pin_state pin)
{
	switch (pin) {
	case TOKEN_PIN_COUNT_LOW:
		return " [a wrong PIN was given before]";
	case TOKEN_PIN_FINAL_TRY:
		return " [LAST TRY: a wrong PIN locks the token]";
	case TOKEN_PIN_OK:
	case TOKEN_PIN_LOCKED:
	case TOKEN_PIN_UNSET:
		break;
	}
	return "";
}

/* RFC 7512 lets pin-source be a plain path too. */
static int pin_read(struct secret *pin, const struct desk_token *t, const char *why, struct err *e)
{
	const char *source = t->pin_source ? t->pin_source : t->desk->opts.pin_source;
	const char *file = source ? NULL : getenv("CTL_PIN_FILE");
	char *path = NULL;
	char *prompt = NULL;
	int rc;

	if (source && *source == '/')
		file = source;
	if (file && *file) {
		if (asprintf(&path, "file:%s", file) < 0)
			return err_nomem(e);
		source = path;
	}
	if (asprintf(&prompt, "PIN of the token %s (serial %s)%s%s%s", t->info.label,
		     t->info.serial, why ? ", " : "", why ? why : "",
		     counter_note(t->info.pin)) < 0) {
		free(path);
		return err_nomem(e);
	}
	rc = secret_read(pin, source, prompt, "PIN", "--pin-source", e);
	free(prompt);
	free(path);
	return rc;
}

struct login {
	struct desk_token *token;
	const struct secret *pin; /* NULL: the reader asks */
};

static int job_login(struct token *t, void *arg, struct err *e)
{
	const struct login *l = arg;
	const int rc = token_login(t, l->pin, l->token->desk->opts.allow_final_try, e);

	l->token->info = *token_info(t);
	return rc;
}

static void warn_before(const struct token_info *info)
{
	if (info->pin == TOKEN_PIN_COUNT_LOW)
		fprintf(stderr,
			"warning: a wrong PIN was given to the token %s before; a few more lock "
			"it\n",
			info->label);
	if (info->pin == TOKEN_PIN_FINAL_TRY)
		fprintf(stderr, "warning: if this PIN is wrong the token %s locks itself\n",
			info->label);
}

static void warn_of_default(const struct token_info *info, const struct secret *pin)
{
	if (pin->len == sizeof(default_pin) - 1 && !CRYPTO_memcmp(pin->text, default_pin, pin->len))
		fprintf(stderr,
			"warning: the token %s still has the PIN it was delivered with, which "
			"everybody knows\n",
			info->label);
}

int desk_token_login(struct desk_token *t, const char *why, struct err *e)
{
	struct secret pin = {0};
	struct login l = {t, NULL};
	int rc;

	rc = desk_token_run(t, job_look, t, e);
	if (rc || !t->info.login_required)
		return rc;
	warn_before(&t->info);
	if (t->info.pin_pad) {
		fprintf(stderr, "Enter the PIN of the token %s on its reader.\n", t->info.label);
		return desk_token_run(t, job_login, &l, e);
	}
	rc = pin_read(&pin, t, why, e);
	if (rc)
		return rc;
	l.pin = &pin;
	rc = desk_token_run(t, job_login, &l, e);
	if (!rc)
		warn_of_default(&t->info, &pin);
	secret_free(&pin);
	return rc;
}

static int job_signing_cert(struct token *t, void *arg, struct err *e)
{
	return token_signing_cert(arg, t, e);
}

static int cert_of_token(struct desk_cert *c, struct desk_token *t, struct err *e)
{
	const struct token_info *info = &t->info;
	int rc;

	*c = (struct desk_cert){.on_token = true, .software = token_is_software(info)};
	rc = desk_token_run(t, job_signing_cert, &c->cert, e);
	if (rc)
		return rc;
	snprintf(c->where, sizeof(c->where), "token %s, serial %s, in %s", info->label,
		 info->serial, info->module);
	snprintf(c->token_serial, sizeof(c->token_serial), "%s", info->serial);
	return 0;
}

static int cert_of_uri(struct desk_cert *c, struct desk *d, const char *uri, struct err *e)
{
	struct desk_token *t = NULL;
	int rc = desk_token_find(&t, d, uri, e);

	if (rc)
		return rc;
	rc = cert_of_token(c, t, e);
	desk_token_free(t);
	return rc;
}

static int cert_of_file(struct desk_cert *c, const char *path, struct err *e)
{
	struct buf content = {0};
	int rc;

	*c = (struct desk_cert){0};
	rc = file_read(path, CERT_FILE_MAX, &content, e);
	if (!rc && cert_from_file_bytes(&c->cert, buf_view(&content), e))
		rc = err_wrap(e, "%s", path);
	buf_free(&content);
	snprintf(c->where, sizeof(c->where), "%s", path);
	return rc;
}

static bool is_uri(const char *what)
{
	return !strncmp(what, uri_scheme, sizeof(uri_scheme) - 1);
}

int desk_cert(struct desk_cert *c, struct desk *d, const char *what, struct err *e)
{
	return is_uri(what) ? cert_of_uri(c, d, what, e) : cert_of_file(c, what, e);
}

void desk_cert_free(struct desk_cert *c)
{
	X509_free(c->cert);
	*c = (struct desk_cert){0};
}

int desk_signer_find(struct desk_signer **out, struct desk *d, const char *uri, struct err *e)
{
	struct desk_signer *s;
	int rc;

	if (!is_uri(uri)) {
		err_set(e, ERR_USAGE, "signer", "%s is not a token: a file cannot sign", uri);
		return err_hint(e, "name the token that signs by its URI; \"ctlclient token list\" "
				   "shows it");
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem(e);
	rc = desk_token_find(&s->token, d, uri, e);
	if (!rc)
		rc = cert_of_token(&s->cert, s->token, e);
	if (rc) {
		desk_signer_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

const struct desk_cert *desk_signer_cert(const struct desk_signer *s)
{
	return &s->cert;
}

int desk_signer_login(struct desk_signer *s, const char *why, struct err *e)
{
	return desk_token_login(s->token, why, e);
}

struct signing {
	const X509 *cert;
	struct span digest_info;
	uint8_t *sig;
	size_t siglen;
};

static int job_sign(struct token *t, void *arg, struct err *e)
{
	const struct signing *s = arg;

	return token_sign(t, s->cert, s->digest_info.data, s->digest_info.len, s->sig, s->siglen,
			  e);
}

int desk_signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e)
{
	struct desk_signer *s = arg;
	struct signing job = {s->cert.cert, {digest_info, len}, sig, siglen};

	return desk_token_run(s->token, job_sign, &job, e);
}

void desk_signer_free(struct desk_signer *s)
{
	if (!s)
		return;
	desk_cert_free(&s->cert);
	desk_token_free(s->token);
	free(s);
}
