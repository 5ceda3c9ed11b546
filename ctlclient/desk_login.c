/* Logging in at the desk, and signing, which may ask for the PIN once more. */
#include "ctlclient/desk_token.h"
#include "ctlclient/pin.h"
#include "ctlclient/pin_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 3 /* of a person at one prompt */ };

/* ---- the PIN ---- */

void desk_token_pin_from(struct desk_token *t, const char *source, const char *option)
{
	t->source = source;
	t->option = option;
}

void desk_token_give_pin(struct desk_token *t, struct secret *pin)
{
	secret_free(&t->pin);
	t->pin = *pin;
	t->given = true;
	*pin = (struct secret){0};
}

static bool is_quiet(const struct desk_token *t)
{
	return desk_opts_of(t->desk)->quiet;
}

static struct pin_ask ask_for(const struct desk_token *t, const char *why)
{
	const struct desk_opts *opts = desk_opts_of(t->desk);

	return (struct pin_ask){
		.info = &t->info,
		.who = TOKEN_USER,
		.why = why,
		.uri_source = t->uri_source,
		.source = t->option ? t->source : opts->pin_source,
		.option = t->option ? t->option : "--pin-source",
		.file = t->option ? NULL : getenv("CTL_PIN_FILE"),
	};
}

bool desk_token_pin_is_typed(const struct desk_token *t)
{
	const struct pin_ask ask = ask_for(t, NULL);

	return !t->pin.text && pin_is_typed(&ask);
}

int desk_token_pin_is(struct desk_token *t, const struct secret *pin, struct err *e)
{
	secret_free(&t->pin);
	return secret_set(&t->pin, pin->text, pin->len, e);
}

int desk_token_pin(struct secret *pin, const struct desk_token *t, const char *why, struct err *e)
{
	const struct pin_ask ask = ask_for(t, why);

	if (t->pin.text)
		return secret_set(pin, t->pin.text, t->pin.len, e);
	return pin_read(pin, &ask, e);
}

/* ---- login ---- */

static int job_look(struct token *t, void *arg, struct err *e)
{
	struct desk_token *d = arg;
	const int rc = token_login_check(t, desk_opts_of(d->desk)->allow_final_try, e);

	d->info = *token_info(t);
	return rc;
}

struct login {
	struct desk_token *token;
	const struct secret *pin; /* NULL: the reader asks */
};

static int job_login(struct token *t, void *arg, struct err *e)
{
	const struct login *l = arg;
	const int rc = token_login(t, l->pin, desk_opts_of(l->token->desk)->allow_final_try, e);

	l->token->info = *token_info(t);
	return rc;
}

/* Nobody is to try it again. */
static bool was_refused(int rc, const struct err *e)
{
	return rc && !strncmp(e->id, "pin-", strlen("pin-"));
}

/* A PIN that no person types is kept: its source may be gone when the token is lost, or its key
 * asks again. */
static int login_with(struct desk_token *t, struct secret *pin, bool typed, struct err *e)
{
	struct login l = {t, pin};
	const int rc = desk_token_run(t, job_login, &l, e);

	if (!rc && !is_quiet(t) && pin_is_default(pin))
		fprintf(stderr,
			"warning: the token %s still has the PIN it was delivered with, which "
			"everybody knows; \"ctlclient token change-pin\" changes it\n",
			t->info.label);
	secret_free(&t->pin);
	if (typed || was_refused(rc, e) || (rc && t->given)) {
		secret_free(pin);
	} else {
		t->pin = *pin;
		*pin = (struct secret){0};
	}
	return rc;
}

static int login_once(struct desk_token *t, struct err *e)
{
	const bool typed = desk_token_pin_is_typed(t);
	struct secret pin = {0};
	struct login by_reader = {t, NULL};
	int rc;

	t->losses.asks = t->info.pin_pad || typed;
	rc = desk_token_run(t, job_look, t, e);
	if (rc || !t->info.login_required)
		return rc;
	if (!is_quiet(t))
		pin_warn_before(&t->info, TOKEN_USER);
	if (t->info.pin_pad) {
		if (!is_quiet(t))
			fprintf(stderr,
				"Enter the PIN of the token %s (serial %s) on its reader, %s.\n",
				t->info.label, t->info.serial, t->why ? t->why : "to log in");
		return desk_token_run(t, job_login, &by_reader, e);
	}
	rc = desk_token_pin(&pin, t, t->why, e);
	return rc ? rc : login_with(t, &pin, typed, e);
}

static bool may_ask_again(const struct desk_token *t, int tries, int rc, const struct err *e)
{
	return rc == ERR_TOKEN && !strcmp(e->id, "pin-wrong") && tries < TRIES_MAX &&
	       t->losses.asks && !t->info.pin_pad && t->info.pin == TOKEN_PIN_OK;
}

static int login_by_person(struct desk_token *t, struct err *e)
{
	int rc;

	for (int tries = 1;; tries++) {
		rc = login_once(t, e);
		if (!may_ask_again(t, tries, rc, e))
			return rc;
		fprintf(stderr, "%s; once more (%d of %d), or Ctrl-C\n", e->what, tries + 1,
			TRIES_MAX);
	}
}

int desk_token_login(struct desk_token *t, const char *why, struct err *e)
{
	int rc;

	t->why = why;
	t->logs_in = true;
	rc = login_by_person(t, e);
	while (rc) {
		rc = desk_loss_mend(t->desk, t, &t->losses, rc, e);
		if (rc)
			break;
		rc = login_by_person(t, e);
	}
	return rc;
}

int desk_token_regain(struct desk_token *t, int rc, struct err *e)
{
	rc = desk_loss_mend(t->desk, t, &t->losses, rc, e);
	if (rc || !t->logs_in)
		return rc;
	return desk_token_login(t, t->why, e);
}

int desk_token_retry(struct desk_token *t, desk_token_fn *fn, void *arg, struct err *e)
{
	int rc = desk_token_run(t, fn, arg, e);

	while (rc) {
		rc = desk_token_regain(t, rc, e);
		if (rc)
			break;
		rc = desk_token_run(t, fn, arg, e);
	}
	return rc;
}

/* ---- signatures ---- */

struct signing {
	const struct desk_key *key;
	const struct token_again *again; /* NULL: as far as it goes without */
	struct span digest_info;
	uint8_t *sig;
	size_t siglen;
};

static int job_sign(struct token *t, void *arg, struct err *e)
{
	const struct signing *s = arg;
	EVP_PKEY *public = s->key->cert ? X509_get0_pubkey(s->key->cert) : s->key->public;

	if (s->key->cert && !s->again)
		return token_sign(t, s->key->cert, s->digest_info.data, s->digest_info.len, s->sig,
				  s->siglen, e);
	return token_sign_key(t, public, s->again, s->digest_info.data, s->digest_info.len, s->sig,
			      s->siglen, e);
}

static int sign_by_reader(struct desk_token *t, struct signing *job, struct err *e)
{
	const struct token_again again = {NULL, desk_opts_of(t->desk)->allow_final_try};
	int rc;

	if (!is_quiet(t))
		fprintf(stderr,
			"Enter the PIN of the token %s on its reader once more: its key asks for "
			"it before each signature.\n",
			t->info.label);
	job->again = &again;
	rc = desk_token_run(t, job_sign, job, e);
	job->again = NULL;
	return rc;
}

static int sign_by_pin(struct desk_token *t, struct signing *job, struct err *e)
{
	struct secret pin = {0};
	const struct token_again again = {&pin, desk_opts_of(t->desk)->allow_final_try};
	int rc;

	if (t->pin.text && !t->said_again && !is_quiet(t))
		fprintf(stderr,
			"The key on the token %s asks for the PIN again before each signature: the "
			"one given is used again.\n",
			t->info.label);
	t->said_again = true;
	rc = desk_token_pin(&pin, t, "once more: its key asks before each signature", e);
	job->again = &again;
	if (!rc)
		rc = desk_token_run(t, job_sign, job, e);
	job->again = NULL;
	secret_free(&pin);
	return rc;
}

static int sign_once(struct signing *job, struct err *e)
{
	struct desk_token *t = job->key->token;
	const int rc = desk_token_run(t, job_sign, job, e);

	if (rc != ERR_TOKEN || strcmp(e->id, "always-authenticate") != 0)
		return rc;
	return t->info.pin_pad ? sign_by_reader(t, job, e) : sign_by_pin(t, job, e);
}

int desk_key_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		  struct err *e)
{
	const struct desk_key *key = arg;
	struct desk_token *t = key->token;
	struct signing job = {key, NULL, {digest_info, len}, sig, siglen};
	int rc = sign_once(&job, e);

	while (rc) {
		rc = desk_token_regain(t, rc, e);
		if (rc)
			break;
		rc = sign_once(&job, e);
	}
	return rc;
}
