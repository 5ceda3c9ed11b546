#include "ctlclient/pin.h"

#include "ctlclient/pin_rules.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- where it comes from ---- */

static const char *uri_of_file(const char *source)
{
	static const char *const forms[] = {"file://localhost/", "file:///"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strncmp(source, forms[i], strlen(forms[i])))
			return source + strlen(forms[i]) - 1;
	return *source == '/' ? source : NULL;
}

static int refuse_command(struct err *e)
{
	err_set(e, ERR_USAGE, "secret-source",
		"the pin-source in the URI is a command, which is not run");
	return err_hint(e, "a URI that came from somebody else could run anything; use "
			   "pin-source=askpass:PROGRAM for one that asks for the PIN");
}

/* The source in secret_read()'s words. *owned, if it is not NULL afterwards, is the caller's. */
static int resolve(const char **source, char **owned, const struct pin_ask *ask, struct err *e)
{
	const char *given = ask->uri_source ? ask->uri_source : ask->source;
	const char *path = NULL;

	*owned = NULL;
	*source = given;
	if (ask->uri_source && *given == '|')
		return refuse_command(e);
	if (ask->uri_source)
		path = uri_of_file(given);
	else if (!given && ask->file && *ask->file)
		path = ask->file;
	if (path && asprintf(owned, "file:%s", path) < 0) {
		*owned = NULL;
		return err_nomem(e);
	}
	if (path)
		*source = *owned;
	return 0;
}

bool pin_is_typed(const struct pin_ask *ask)
{
	const char *given = ask->uri_source ? ask->uri_source : ask->source;

	return given ? secret_is_typed(given) : !ask->file || !*ask->file;
}

static int read_from(struct secret *pin, const struct pin_ask *ask, const char *prompt,
		     const char *what, struct err *e)
{
	const char *source;
	char *owned;
	int rc = resolve(&source, &owned, ask, e);

	if (rc)
		return rc;
	rc = secret_read(pin, source, prompt, what, ask->option, e);
	free(owned);
	return rc;
}

/* ---- the present one ---- */

static const char *counter_note(enum token_pin_state pin)
{
	switch (pin) {
	case TOKEN_PIN_COUNT_LOW:
		return " [a wrong PIN was given before]";
	case TOKEN_PIN_FINAL_TRY:
		return " [LAST TRY: a wrong PIN locks the token]";
	case TOKEN_PIN_UNSET:
		return " [the token says that none has been set]";
	case TOKEN_PIN_OK:
	case TOKEN_PIN_LOCKED:
		break;
	}
	return "";
}

int pin_read(struct secret *pin, const struct pin_ask *ask, struct err *e)
{
	const struct token_info *info = ask->info;
	char *prompt = NULL;
	int rc;

	if (asprintf(&prompt, "%s of the token %s (serial %s)%s%s%s", token_pin_name(ask->who),
		     info->label, info->serial, ask->why ? ", " : "", ask->why ? ask->why : "",
		     counter_note(token_pin_counter(info, ask->who))) < 0)
		return err_nomem(e);
	rc = read_from(pin, ask, prompt, token_pin_name(ask->who), e);
	free(prompt);
	return rc;
}

void pin_warn_before(const struct token_info *info, enum token_user who)
{
	const enum token_pin_state counter = token_pin_counter(info, who);

	if (counter == TOKEN_PIN_COUNT_LOW)
		fprintf(stderr,
			"warning: a wrong %s was given to the token %s before; a few more lock "
			"it\n",
			token_pin_name(who), info->label);
	if (counter == TOKEN_PIN_FINAL_TRY)
		fprintf(stderr, "warning: if this %s is wrong the token %s locks itself\n",
			token_pin_name(who), info->label);
	if (who == TOKEN_USER && info->pin_to_be_changed)
		fprintf(stderr,
			"warning: the token %s wants its PIN to be changed: \"ctlclient token "
			"change-pin '%s'\"\n",
			info->label, info->uri);
}

/* ---- a new one ---- */

/* Made up by a person, it is typed twice. */
static int read_twice(struct secret *pin, const struct pin_ask *ask, const char *prompt,
		      const char *what, struct err *e)
{
	struct secret again = {0};
	int rc = read_from(pin, ask, prompt, what, e);

	if (rc || !pin_is_typed(ask))
		return rc;
	rc = read_from(&again, ask, "The same again", what, e);
	if (!rc && (again.len != pin->len || CRYPTO_memcmp(again.text, pin->text, pin->len) != 0))
		rc = err_set(e, ERR_TOKEN, "pin-mismatch",
			     "the two entries of the %s differ; nothing was changed", what);
	secret_free(&again);
	if (rc)
		secret_free(pin);
	return rc;
}

static void put_prompt(struct buf *b, const struct pin_ask *ask)
{
	struct buf length = {0};

	pin_rules_length(&length, ask->info);
	buf_printf(b, "New %s%s%s%s%s", token_pin_name(ask->who),
		   *ask->info->label ? " of the token " : "", ask->info->label,
		   length.len ? ", " : "", length.len ? buf_cstr(&length) : "");
	buf_str(b, ask->who == TOKEN_SO ? " (unlocks the token and initialises it again)"
					: " (signs)");
	buf_free(&length);
}

static void print_advice(const struct secret *pin, const struct pin_ask *ask)
{
	struct buf lines = {0};
	char *rest;

	pin_rules_advice(&lines, pin, ask->info);
	rest = (char *)buf_cstr(&lines);
	for (const char *line; rest && (line = strsep(&rest, "\n"));)
		if (*line)
			fprintf(stderr, "warning: the new %s is weak: %s\n",
				token_pin_name(ask->who), line);
	buf_free(&lines);
}

int pin_read_new(struct secret *pin, const struct pin_ask *ask, const struct secret *old,
		 struct err *e)
{
	struct buf prompt = {0};
	int rc;

	put_prompt(&prompt, ask);
	rc = buf_cstr(&prompt)
		     ? read_twice(pin, ask, buf_cstr(&prompt), token_pin_name(ask->who), e)
		     : err_nomem(e);
	buf_free(&prompt);
	if (rc)
		return rc;
	rc = pin_rules_check(pin, old, ask->info, token_pin_name(ask->who), e);
	if (rc)
		secret_free(pin);
	else
		print_advice(pin, ask);
	return rc;
}
