#include "ctlclient/wizard/state.h"

#include "common/json.h"
#include "trustfile/cert.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "ctlsuite-wizard"

enum { VERSION = 1 };

static const char *const goals[] = {"none", "mixed", "nonsecure", "update"};

bool state_add(struct wiz_state *s, X509 *cert, const char *label)
{
	struct wiz_token *t = &s->added[s->n_added];

	if (s->n_added == STATE_TOKENS_MAX || !X509_up_ref(cert))
		return false;
	t->cert = cert;
	snprintf(t->label, sizeof(t->label), "%s", label);
	s->n_added++;
	return true;
}

bool state_drop(struct wiz_state *s, const X509 *cert)
{
	for (size_t i = 0; i < s->n_added; i++) {
		if (X509_cmp(s->added[i].cert, cert) != 0)
			continue;
		X509_free(s->added[i].cert);
		s->n_added--;
		memmove(&s->added[i], &s->added[i + 1], (s->n_added - i) * sizeof(s->added[0]));
		return true;
	}
	return false;
}

bool state_is_removed(const struct wiz_state *s, const char *sha256)
{
	for (size_t i = 0; i < s->n_removed; i++)
		if (!strcmp(s->removed[i], sha256))
			return true;
	return false;
}

bool state_remove(struct wiz_state *s, const char *sha256)
{
	if (state_is_removed(s, sha256))
		return true;
	if (s->n_removed == STATE_TOKENS_MAX)
		return false;
	snprintf(s->removed[s->n_removed++], STATE_SHA256_MAX, "%s", sha256);
	return true;
}

void state_keep(struct wiz_state *s, const char *sha256)
{
	for (size_t i = 0; i < s->n_removed; i++) {
		if (strcmp(s->removed[i], sha256) != 0)
			continue;
		s->n_removed--;
		memmove(s->removed[i], s->removed[i + 1],
			(s->n_removed - i) * sizeof(s->removed[0]));
		return;
	}
}

void state_clear(struct wiz_state *s)
{
	for (size_t i = 0; i < s->n_added; i++)
		X509_free(s->added[i].cert);
	s->n_added = s->n_removed = 0;
	tftp_wish_free(&s->tftp);
	s->goal = GOAL_NONE;
	s->generation = 0;
}

void state_free(struct wiz_state *s)
{
	state_clear(s);
	*s = (struct wiz_state){0};
}

bool state_is_worth_keeping(const struct wiz_state *s)
{
	return s->goal != GOAL_NONE;
}

/* ---- as JSON ---- */

static json_t *token_json(const struct wiz_token *t)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *v = NULL;
	char *pem;
	long n;

	if (bio && PEM_write_bio_X509(bio, t->cert)) {
		n = BIO_get_mem_data(bio, &pem);
		v = json_pack("{s:s, s:s%}", "label", t->label, "certificate", pem, (size_t)n);
	}
	BIO_free(bio);
	return v;
}

int state_put(struct buf *out, const struct wiz_state *s, struct err *e)
{
	json_t *added = json_array(), *removed = json_array(), *doc;
	char *text = NULL;

	for (size_t i = 0; i < s->n_added; i++)
		json_array_append_new(added, token_json(&s->added[i]));
	for (size_t i = 0; i < s->n_removed; i++)
		json_array_append_new(removed, json_string(s->removed[i]));
	doc = json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:I, s:o, s:o, s:o*}", "format", FORMAT,
			"version", VERSION, "saved", (json_int_t)time(NULL), "server", s->server,
			"user", s->user, "goal", goals[s->goal], "generation",
			(json_int_t)s->generation, "add", added, "remove", removed, "tftp_servers",
			tftp_wish_json(&s->tftp));
	text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	if (text)
		buf_str(out, text);
	free(text);
	json_decref(doc);
	return !text || out->bad ? err_nomem(e) : 0;
}

static bool parse_goal(enum wiz_goal *goal, const char *text)
{
	for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
		if (!strcmp(goals[i], text)) {
			*goal = (enum wiz_goal)i;
			return true;
		}
	return false;
}

static bool parse_added(struct wiz_state *s, json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *label, *pem;
		X509 *cert = NULL;
		struct err ignored;
		bool ok;

		if (json_unpack_ex(item, NULL, JSON_STRICT, "{s:s, s:s}", "label", &label,
				   "certificate", &pem) ||
		    cert_from_file_bytes(&cert, span_of(pem, strlen(pem)), &ignored))
			return false;
		ok = state_add(s, cert, label);
		X509_free(cert);
		if (!ok)
			return false;
	}
	return true;
}

static bool parse_removed(struct wiz_state *s, json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (!text || strlen(text) != STATE_SHA256_MAX - 1 ||
		    strspn(text, "0123456789abcdef") != STATE_SHA256_MAX - 1 ||
		    !state_remove(s, text))
			return false;
	}
	return true;
}

static bool parse_doc(struct wiz_state *s, json_t *doc)
{
	const char *format, *server, *user, *goal;
	json_t *added, *removed, *tftps = NULL;
	json_int_t saved, generation;
	int version;

	if (json_unpack_ex(doc, NULL, JSON_STRICT,
			   "{s:s, s:i, s:I, s:s, s:s, s:s, s:I, s:o, s:o, s?o}", "format", &format,
			   "version", &version, "saved", &saved, "server", &server, "user", &user,
			   "goal", &goal, "generation", &generation, "add", &added, "remove",
			   &removed, "tftp_servers", &tftps) ||
	    strcmp(format, FORMAT) != 0 || version != VERSION ||
	    strlen(server) >= sizeof(s->server) || strlen(user) >= sizeof(s->user) ||
	    !parse_goal(&s->goal, goal) || !json_is_array(added) || !json_is_array(removed))
		return false;
	strcpy(s->server, server);
	strcpy(s->user, user);
	s->generation = generation;
	s->saved = (time_t)saved;
	return parse_added(s, added) && parse_removed(s, removed) &&
	       tftp_wish_read(&s->tftp, tftps);
}

int state_parse(struct wiz_state *s, struct span text, struct err *e)
{
	json_t *doc = NULL;
	int rc;

	*s = (struct wiz_state){0};
	rc = json_read(&doc, text, e);
	if (!rc && !parse_doc(s, doc))
		rc = ERR_REFUSED;
	json_decref(doc);
	if (!rc)
		return 0;
	state_free(s);
	return err_set(e, ERR_REFUSED, "wizard-state",
		       "what was kept of an earlier session cannot be read");
}
