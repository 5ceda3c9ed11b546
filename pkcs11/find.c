#include "pkcs11/cryptoki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Moves the slots that fit best to the front of the list; returns how many they are. only: slots of
 * other modules do not fit; NULL for any. */
static size_t keep_fitting(P11KitUri *uri, const struct module *only, struct slot *list, size_t n)
{
	enum uri_fit best = URI_DECORATED;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const bool may = list[i].info.initialized && (!only || list[i].module == only);
		const enum uri_fit fit = may ? uri_fits(uri, &list[i]) : URI_NO;

		if (fit < best)
			continue;
		if (fit > best)
			kept = 0;
		best = fit;
		list[kept++] = list[i];
	}
	return kept;
}

/* Where several tokens fit, the object may tell which is meant. */
static size_t keep_with_object(struct tokens *ts, P11KitUri *uri, struct slot *list, size_t n)
{
	size_t kept = 0;

	if (!uri_object(uri).data && !uri_id(uri).data)
		return n;
	for (size_t i = 0; i < n; i++) {
		struct token t = {.ts = ts, .at = list[i], .uri = uri};
		struct token_cert *certs;
		struct err ignored;
		size_t found = 0;

		if (!token_certs(&t, &certs, &found, &ignored))
			token_certs_free(certs, found);
		session_close(&t);
		if (found)
			list[kept++] = list[i];
	}
	return kept ? kept : n;
}

static int missing(const char *uri, const struct slot *list, size_t n,
		   const struct troubles *unread, struct err *e)
{
	size_t present = 0;

	for (size_t i = 0; i < n; i++)
		present += list[i].info.initialized;
	err_set(e, ERR_TOKEN, "token-missing", "no token fits %s (%zu other%s present)", uri,
		present, present == 1 ? "" : "s");
	if (unread->n)
		return err_hint(e, "it may be the one that cannot be looked at: %s",
				unread->list[0].what);
	return err_hint(e, "put the token in; \"ctlclient token list\" shows what is there");
}

static int ambiguous(const char *uri, const struct slot *list, size_t n, struct err *e)
{
	err_set(e, ERR_TOKEN, "token-ambiguous",
		"%zu tokens fit %s: %s (serial %s), %s (serial %s)%s", n, uri, list[0].info.label,
		list[0].info.serial, list[1].info.label, list[1].info.serial, n > 2 ? ", ..." : "");
	return err_hint(e, "name one: '%s' or '%s'", list[0].info.uri, list[1].info.uri);
}

/* On success uri and pin belong to the token. */
static int token_new(struct token **out, struct tokens *ts, const struct slot *at, P11KitUri *uri,
		     const struct secret *pin, struct err *e)
{
	const struct span object = uri_object(uri);
	struct token *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(e);
	if (object.data) {
		t->object = strndup((const char *)object.data, object.len);
		if (!t->object) {
			free(t);
			return err_nomem(e);
		}
	}
	t->ts = ts;
	t->at = *at;
	t->uri = uri;
	t->pin_value = *pin;
	*out = t;
	return 0;
}

int token_find(struct token **out, struct tokens *ts, const char *uri, struct err *e)
{
	P11KitUri *parsed;
	struct secret pin = {0};
	struct module *only = NULL;
	struct slot *list = NULL;
	char shown[URI_SHOWN_MAX];
	size_t all = 0;
	size_t n;
	int rc;

	rc = uri_parse(&parsed, &pin, uri, e);
	if (rc)
		return rc;
	if (p11_kit_uri_get_module_path(parsed))
		rc = module_by_path(&only, ts, p11_kit_uri_get_module_path(parsed), e);
	/* All modules are listed, so that what names the token names no other. */
	if (!rc)
		rc = slots_list(&list, &all, ts, NULL, e);
	if (rc)
		goto out;
	n = keep_fitting(parsed, only, list, all);
	if (n > 1)
		n = keep_with_object(ts, parsed, list, n);
	uri_show(shown, sizeof(shown), uri);
	if (n == 1)
		rc = token_new(out, ts, list, parsed, &pin, e);
	else
		rc = n ? ambiguous(shown, list, n, e) : missing(shown, list, all, &ts->unread, e);
out:
	free(list);
	if (rc) {
		secret_free(&pin);
		p11_kit_uri_free(parsed);
	}
	return rc;
}

bool token_is_present(const struct token *t)
{
	struct slot *list;
	struct err ignored;
	size_t n;
	bool found = false;

	if (slots_list(&list, &n, t->ts, t->at.module, &ignored))
		return false;
	for (size_t i = 0; i < n && !found; i++)
		found = slot_same_token(&list[i], &t->at);
	free(list);
	return found;
}

void token_let_go(struct token *t)
{
	session_close(t);
}

void token_free(struct token *t)
{
	if (!t)
		return;
	session_close(t);
	p11_kit_uri_free(t->uri);
	secret_free(&t->pin_value);
	free(t->object);
	free(t);
}

const struct token_info *token_info(const struct token *t)
{
	return &t->at.info;
}

const char *token_pin_source(const struct token *t)
{
	return p11_kit_uri_get_pin_source(t->uri);
}

void token_take_pin_value(struct token *t, struct secret *pin)
{
	*pin = t->pin_value;
	t->pin_value = (struct secret){0};
}

const char *token_object(const struct token *t)
{
	return t->object;
}
