#include "ctlclient/desk.h"

#include "common/secret.h"
#include "ctlclient/cert_file.h"
#include "ctlclient/desk_token.h"
#include "pkcs11/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char uri_scheme[] = "pkcs11:";

struct desk {
	struct desk_opts opts;
	struct owner *owner;
	struct tokens *tokens; /* the owner's thread only */
};

struct desk_signer {
	struct desk_token *token;
	struct desk_cert cert;
};

/* As tokens_open() takes them: separated by colons; NULL for none. */
static int module_list(char **out, const struct desk_opts *opts, struct err *e)
{
	struct buf list = {0};
	int rc = 0;

	*out = NULL;
	for (size_t i = 0; i < DESK_MODULES_MAX && opts->modules[i]; i++)
		buf_printf(&list, "%s%s", i ? ":" : "", opts->modules[i]);
	if (list.len) {
		*out = buf_cstr(&list) ? strdup(buf_cstr(&list)) : NULL;
		rc = *out ? 0 : err_nomem(e);
	}
	buf_free(&list);
	return rc;
}

static void warn_of_modules(const struct desk *d)
{
	size_t n;
	const struct err *list = tokens_unloaded(d->tokens, &n);

	for (size_t i = 0; i < n && !d->opts.tells_modules; i++)
		fprintf(stderr, "warning: %s\n", list[i].what);
}

static int job_open(void *arg, struct err *e)
{
	struct desk *d = arg;
	char *modules;
	int rc = module_list(&modules, &d->opts, e);

	if (!rc)
		rc = tokens_open(&d->tokens, modules, e);
	if (!rc)
		warn_of_modules(d);
	free(modules);
	return rc;
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
	rc = owner_start(&d->owner, opts->token_timeout * 1000, e);
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

const struct desk_opts *desk_opts_of(const struct desk *d)
{
	return &d->opts;
}

void desk_allow_final_try(struct desk *d, bool allow)
{
	d->opts.allow_final_try = allow;
}

void desk_interrupt(struct desk *d, int fd)
{
	owner_interrupt(d->owner, fd);
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

static void warn_of_pin_value(const struct desk_token *t)
{
	fprintf(stderr,
		"warning: the PIN of the token %s stands in its URI (pin-value): others on this "
		"computer may have seen it, and the shell's history keeps it; use pin-source "
		"instead\n",
		t->info.label);
}

static int job_find(struct tokens *ts, void *arg, struct err *e)
{
	const struct find *f = arg;
	struct desk_token *t = f->token;
	const char *source;
	const int rc = token_find(&t->token, ts, f->uri, e);

	if (rc)
		return rc;
	t->info = *token_info(t->token);
	token_take_pin_value(t->token, &t->pin);
	if (t->pin.text)
		warn_of_pin_value(t);
	source = token_pin_source(t->token);
	if (!source)
		return 0;
	t->uri_source = strdup(source);
	return t->uri_source ? 0 : err_nomem(e);
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
	if (rc && !desk_loss_await(d, uri, rc, e))
		rc = desk_run(d, job_find, &f, e);
	if (rc) {
		rc = (int)e->kind;
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
	secret_free(&t->pin);
	free(t->uri_source);
	free(t);
}

const struct token_info *desk_token_info(const struct desk_token *t)
{
	return &t->info;
}

static int job_signing_cert(struct token *t, void *arg, struct err *e)
{
	return token_signing_cert(arg, t, e);
}

void desk_cert_of(struct desk_cert *c, const struct token_info *info, X509 *cert)
{
	*c = (struct desk_cert){
		.cert = cert, .on_token = true, .software = token_is_software(info)};
	snprintf(c->where, sizeof(c->where), "token %s, serial %s, in %s", info->label,
		 info->serial, info->module);
	snprintf(c->token_serial, sizeof(c->token_serial), "%s", info->serial);
}

static int cert_of_token(struct desk_cert *c, struct desk_token *t, struct err *e)
{
	X509 *cert = NULL;
	const int rc = desk_token_retry(t, job_signing_cert, &cert, e);

	desk_cert_of(c, &t->info, cert);
	return rc;
}

static int cert_of_uri(struct desk_cert *c, struct desk *d, const char *uri, struct err *e)
{
	struct desk_token *t = NULL;
	int rc = desk_token_find(&t, d, uri, e);

	if (!t)
		return rc;
	rc = cert_of_token(c, t, e);
	desk_token_free(t);
	return rc;
}

static int cert_of_file(struct desk_cert *c, const char *path, struct err *e)
{
	*c = (struct desk_cert){0};
	snprintf(c->where, sizeof(c->where), "%s", path);
	return cert_file_read(&c->cert, path, e);
}

bool desk_is_uri(const char *what)
{
	return !strncmp(what, uri_scheme, sizeof(uri_scheme) - 1);
}

int desk_cert(struct desk_cert *c, struct desk *d, const char *what, struct err *e)
{
	return desk_is_uri(what) ? cert_of_uri(c, d, what, e) : cert_of_file(c, what, e);
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

	if (!desk_is_uri(uri)) {
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

struct desk_token *desk_signer_token(struct desk_signer *s)
{
	return s->token;
}

int desk_signer_login(struct desk_signer *s, const char *why, struct err *e)
{
	return desk_token_login(s->token, why, e);
}

int desk_signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e)
{
	const struct desk_signer *s = arg;
	struct desk_key key = {s->token, s->cert.cert, NULL};

	return desk_key_sign(&key, digest_info, len, sig, siglen, e);
}

void desk_signer_free(struct desk_signer *s)
{
	if (!s)
		return;
	desk_cert_free(&s->cert);
	desk_token_free(s->token);
	free(s);
}
