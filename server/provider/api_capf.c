/* CAPF in the API: operations, their report, certificates and whom CAPF believes. */
#include "server/provider/api_call.h"

#include "common/file.h"
#include "common/json.h"
#include "server/device/words.h"
#include "server/net/http_head.h"
#include "server/provider/api_change.h"
#include "server/provider/auth_string.h"
#include "server/provider/capf_explain.h"
#include "server/provider/capf_report.h"
#include "server/provider/json_take.h"
#include "server/provider/node_api.h"
#include "server/provider/when.h"
#include "server/store/audit.h"
#include "trustfile/cert.h"
#include "trustfile/list.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	DAY_S = 24 * 60 * 60,
	CRL_MAX = 16 << 20,
};

static const char *const state_words[] = {"sent", "current", "replaced",
					  "void", "deleted", "revoked"};

static json_t *when_or_null(int64_t t)
{
	return t ? json_when(t) : json_null();
}

/* ---- lists ---- */

static json_t *case_json(const struct store_capf_case *c)
{
	char words[48];

	capf_status_words(words, &c->capf);
	return json_pack(
		"{s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:b, s:I, s:o, s:o}", "name",
		json_chars(c->name), "kind", c->kind == STORE_CAPF_PHONE ? "phone" : "user",
		"operation", store_capf_operation_words[c->capf.operation], "status",
		store_capf_status_words[c->capf.status], "text", words, "by",
		when_or_null(c->capf.by), "detail", json_chars(c->capf.detail), "auth_mode",
		device_auth_word(c->auth), "key", c->key, "auth_string", (int)c->capf.has_string,
		"wrong", (json_int_t)c->wrong, "not_before", when_or_null(c->not_before), "last",
		c->last_time
			? json_pack("{s:o, s:o, s:o}", "time", json_when(c->last_time), "address",
				    json_chars(c->last_address), "text", json_chars(c->last_text))
			: json_null());
}

struct listing {
	json_t *list;
	int status; /* < 0: all */
};

static int add_case(const struct store_capf_case *c, void *arg, struct err *e)
{
	struct listing *l = arg;

	if (l->status >= 0 && l->status != (int)c->capf.status)
		return 0;
	return json_array_append_new(l->list, case_json(c)) ? err_nomem(e) : 0;
}

/* The status that the query asks for. */
static int read_status(int *status, const char *query, struct err *e)
{
	char word[16] = "";
	bool found;

	*status = -1;
	if (!http_query_text(query, "status", word, sizeof(word), &found))
		return err_set(e, ERR_USAGE, "bad-request", "the query's \"status\" is too long");
	if (!*word)
		return 0;
	for (int i = 0; i < STORE_CAPF_STATES; i++)
		if (!strcmp(store_capf_status_words[i], word))
			*status = i;
	return *status >= 0 ? 0
			    : err_set(e, ERR_USAGE, "bad-request",
				      "the query's \"status\" is none of none, pending, failed, "
				      "successful");
}

int capf_list(struct call *c, struct store *s, struct err *e)
{
	struct listing l = {.list = json_array()};
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = read_status(&l.status, https_query(c->request), e);
	if (!rc)
		rc = store_capf_each(s, add_case, &l, e);
	c->doc = rc ? NULL : json_pack("{s:O}", "operations", l.list);
	json_decref(l.list);
	return rc || c->doc ? rc : err_nomem(e);
}

/* ---- one ---- */

static void add_sentence(const char *sentence, void *arg)
{
	json_array_append_new(arg, json_chars(sentence));
}

static int add_issued(const struct store_capf_row *r, void *arg, struct err *e)
{
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "serial", r->issued.serial, "state",
			      state_words[r->state], "not_before", json_when(r->issued.not_before),
			      "not_after", json_when(r->issued.not_after), "issued",
			      json_when(r->issued.issued), "revoked", when_or_null(r->revoked));

	return json_array_append_new(arg, j) ? err_nomem(e) : 0;
}

static bool is_in_list(struct span file, struct span der)
{
	struct tl *l = NULL;
	struct err ignored;
	bool found = false;

	if (!file.len || tl_parse(&l, file, &ignored))
		return false;
	for (size_t i = 0; i < l->n && !found; i++)
		found = l->records[i].role == TL_CAPF && span_eq(l->records[i].der, der);
	tl_free(l);
	return found;
}

/* The node that CAPF runs on, and whether the phones' list has its certificate. */
static int look_at_cluster(struct capf_situation *x, struct store *s, struct store_node *self,
			   struct err *e)
{
	const struct store_cert *cert;
	struct store_active active;

	if (store_node_self(s, self, e) || store_active_get(s, &active, e))
		return (int)e->kind;
	cert = store_node_cert(self, "capf");
	x->host = self->name;
	x->address = self->ip;
	x->generation = active.generation;
	x->listed = cert && is_in_list(buf_view(&active.file), cert->der);
	buf_free(&active.file);
	return 0;
}

static int explain(struct call *c, struct store *s, const struct store_capf_case *k, json_t *to,
		   struct err *e)
{
	struct capf_situation x = {.c = k, .conf = &c->api->capf, .now = time(NULL)};
	struct store_phone phone = {0};
	struct store_profile profile;
	struct store_node self = {0};
	bool found = true;
	int rc = look_at_cluster(&x, s, &self, e);

	if (!rc && k->kind == STORE_CAPF_PHONE)
		rc = store_phone_get(s, k->name, &phone, &found, e);
	if (!rc && k->kind == STORE_CAPF_PHONE && found)
		rc = store_profile_get(s, phone.profile, &profile, &found, e);
	if (!rc && k->kind == STORE_CAPF_PHONE && found) {
		x.phone = &phone;
		x.profile = &profile;
	}
	if (!rc)
		capf_explain(&x, add_sentence, to);
	store_phone_free(&phone);
	store_node_free(&self);
	return rc;
}

static int answer_case(struct call *c, struct store *s, const char *name, const char *string,
		       struct err *e)
{
	struct store_capf_case k;
	json_t *sentences = json_array(), *issued = json_array(), *doc = NULL;
	bool found;
	int rc = store_capf_get(s, name, &k, &found, e);

	if (!rc && !found)
		rc = err_set(e, ERR_FAILED, "no-phone", "there is no phone or instance \"%.100s\"",
			     name);
	if (!rc)
		rc = explain(c, s, &k, sentences, e);
	if (!rc)
		rc = store_capf_issued(s, k.name, 0, add_issued, issued, e);
	if (!rc)
		doc = case_json(&k);
	json_object_set(doc, "explain", sentences);
	json_object_set(doc, "certificates", issued);
	if (string)
		json_object_set_new(doc, "generated", json_chars(string));
	json_decref(sentences);
	json_decref(issued);
	return rc ? rc : answer_doc(c, doc, NO_GENERATION, e);
}

/* Names of phones are written in any case. */
static const char *name_of(const struct call *c, char name[STORE_CAPF_NAME_MAX])
{
	char device[DEVICE_NAME_MAX];
	struct err ignored;

	snprintf(name, STORE_CAPF_NAME_MAX, "%.*s", STORE_CAPF_NAME_MAX - 1,
		 !strchr(c->name, ':') && !device_name_parse(device, c->name, &ignored) ? device
											: c->name);
	return name;
}

int capf_get(struct call *c, struct store *s, struct err *e)
{
	char name[STORE_CAPF_NAME_MAX];
	int rc = node_api_must_be_first(s, e);

	return rc ? rc : answer_case(c, s, name_of(c, name), NULL, e);
}

/* ---- setting ---- */

static int set_generated(struct store *s, const char *name, struct store_capf_order *o,
			 char text[AUTH_STRING_DIGITS + 1], struct err *e)
{
	struct span string = span_of(text, AUTH_STRING_DIGITS);
	int rc = ERR_CONFLICT;

	o->string = &string;
	for (int i = 0; rc && i < AUTH_STRING_TRIES; i++) {
		rc = auth_string_make(text, e);
		if (!rc)
			rc = store_capf_set(s, name, o, e);
		if (rc && strcmp(e->id, "auth-string-taken") != 0)
			break;
	}
	return rc;
}

/* "2026-12-24T12:00:00Z", or with a blank and without seconds, local time of this node. */
static int take_by(struct json_take *t, int64_t *by)
{
	char text[WHEN_MAX] = "";
	struct tm tm = {.tm_isdst = -1};
	const char *rest;

	if (!take_has(t, "by"))
		return 0;
	take_text(t, "by", text, sizeof(text));
	rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (rest && !*rest) {
		*by = timegm(&tm);
		return 0;
	}
	tm = (struct tm){.tm_isdst = -1};
	rest = strptime(text, "%Y-%m-%d %H:%M", &tm);
	if (*text && (!rest || *rest))
		take_refuse(t, "by",
			    "is no time such as 2026-12-24T12:00:00Z or \"2026-12-24 12:00\"");
	*by = *text && rest ? mktime(&tm) : 0;
	return 0;
}

struct wish {
	struct store_capf_order order;
	char key[STORE_CAPF_KEY_MAX];
	struct span string;
	bool generate;
};

static int take_wish(struct wish *w, const json_t *doc, const struct conf_capf *conf, struct err *e)
{
	static const char *const known[] = {"operation", "by", "key", "auth_string", NULL};
	struct json_take t = {.doc = doc, .e = e};
	const json_t *string = json_object_get(doc, "auth_string");
	const char *word = json_string_value(json_object_get(doc, "operation"));
	int operation = STORE_CAPF_OPERATIONS;

	*w = (struct wish){0};
	take_only(&t, known);
	for (int i = 0; word && i < STORE_CAPF_OPERATIONS; i++)
		if (!strcmp(store_capf_operation_words[i], word))
			operation = i;
	if (operation == STORE_CAPF_OPERATIONS)
		take_refuse(&t, "operation", "is none of install, delete, troubleshoot, none");
	else
		w->order.operation = (enum store_capf_operation)operation;
	if (w->order.operation != STORE_CAPF_NONE)
		w->order.by = time(NULL) + (int64_t)conf->expires * DAY_S;
	take_by(&t, &w->order.by);
	take_text(&t, "key", w->key, sizeof(w->key));
	w->order.key = w->key;
	w->generate = json_is_string(string) && !strcmp(json_string_value(string), "generate");
	if (string && !json_is_string(string) && !json_is_null(string))
		take_refuse(&t, "auth_string", "is neither a text nor null");
	if (string && !w->generate) {
		w->string = span_of(json_string_value(string), json_string_length(string));
		w->order.string = &w->string;
	}
	return take_end(&t);
}

int capf_put(struct call *c, struct store *s, struct err *e)
{
	char name[STORE_CAPF_NAME_MAX], text[AUTH_STRING_DIGITS + 1] = "";
	json_t *doc = NULL;
	struct wish w;
	int rc = change_begin(c, s, &doc, NULL, e);

	if (!rc)
		rc = take_wish(&w, doc, &c->api->capf, e);
	if (!rc)
		rc = w.generate ? set_generated(s, name_of(c, name), &w.order, text, e)
				: store_capf_set(s, name_of(c, name), &w.order, e);
	if (!rc)
		rc = answer_case(c, s, name, *text ? text : NULL, e);
	OPENSSL_cleanse(text, sizeof(text));
	json_decref(doc);
	return rc;
}

/* ---- the report ---- */

/* It shows authentication strings: what is not in the audit log is not shown. */
static int report_all(struct call *c, struct store *s, const struct store_phone_filter *f,
		      struct err *e)
{
	static const struct audit_entry entry = {
		.action = "capf",
		.accepted = true,
		.detail = "the CAPF report, with authentication strings, was shown"};
	const int rc = audit_add(s, &entry, e);

	return rc ? rc : capf_report(&c->body, s, f, e);
}

int capf_report_get(struct call *c, struct store *s, struct err *e)
{
	struct store_phone_filter f = STORE_PHONE_FILTER_ALL;
	char name[STORE_LABEL_MAX], description[STORE_TEXT_MAX], profile[STORE_LABEL_MAX];
	const char *query = https_query(c->request);
	bool has_name, has_description, has_profile;
	int rc = node_api_must_be_first(s, e);

	if (!rc && (!http_query_text(query, "name", name, sizeof(name), &has_name) ||
		    !http_query_text(query, "description", description, sizeof(description),
				     &has_description) ||
		    !http_query_text(query, "profile", profile, sizeof(profile), &has_profile)))
		rc = err_set(e, ERR_USAGE, "bad-request", "a word of the query is too long");
	if (rc)
		return rc;
	f.name = has_name ? name : NULL;
	f.description = has_description ? description : NULL;
	f.profile = has_profile ? profile : NULL;
	c->type = "text/csv; charset=utf-8";
	return report_all(c, s, &f, e);
}

/* ---- revocation ---- */

int capf_revoke(struct call *c, struct store *s, struct err *e)
{
	/* RFC 5280 section 5.3.1. */
	static const char *const reasons[] = {"unspecified",         "key-compromise", "",
					      "affiliation-changed", "superseded",     "cessation"};
	static const char *const known[] = {"serial", "reason", NULL};
	char serial[STORE_CAPF_SERIAL_MAX] = "";
	unsigned reason = 0;
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);
	struct json_take t = {.doc = doc, .e = e};

	if (!rc) {
		take_only(&t, known);
		take_text(&t, "serial", serial, sizeof(serial));
		take_word(&t, "reason", reasons, sizeof(reasons) / sizeof(reasons[0]), &reason);
		rc = take_end(&t);
	}
	if (!rc)
		rc = store_capf_revoke(s, serial, (int)reason, time(NULL), e);
	json_decref(doc);
	return rc ? rc : answer_nothing(c, e);
}

int capf_crl(struct call *c, struct store *s, struct err *e)
{
	char *path = file_join(c->api->state, "capf/capf.crl");
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = path ? file_read(path, CRL_MAX, &c->body, e) : err_nomem(e);
	if (rc && !strcmp(e->id, "file-missing")) {
		err_set(e, ERR_FAILED, "no-crl", "there is no CRL yet");
		err_hint(e, "ctlcapfd makes it, since only that has the authority's key: is it "
			    "running?");
	}
	c->type = "application/pkix-crl";
	free(path);
	return rc;
}

/* ---- manufacturers ---- */

static int add_trusted(const char *name, struct span der, void *arg, struct err *e)
{
	struct buf subject = {0};
	X509 *x = NULL;
	int rc = cert_from_der(&x, der, e);

	if (!rc)
		rc = cert_name(&subject, X509_get_subject_name(x), e);
	if (!rc && json_array_append_new(arg, json_pack("{s:o, s:o}", "name", json_chars(name),
							"subject", json_text(buf_view(&subject)))))
		rc = err_nomem(e);
	X509_free(x);
	buf_free(&subject);
	return rc;
}

int capf_trust_list(struct call *c, struct store *s, struct err *e)
{
	json_t *list = json_array();
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_capf_trusted(s, add_trusted, list, e);
	c->doc = rc ? NULL : json_pack("{s:O}", "trust", list);
	json_decref(list);
	return rc || c->doc ? rc : err_nomem(e);
}

static int check_maker(X509 *x, struct err *e)
{
	return X509_check_ca(x) ? 0
				: err_set(e, ERR_REFUSED, "no-authority",
					  "that certificate is not an authority's: nothing that it "
					  "has issued can be believed");
}

/* The body is the certificate, PEM or DER. */
int capf_trust_put(struct call *c, struct store *s, struct err *e)
{
	struct buf der = {0};
	X509 *x = NULL;
	int rc = change_begin(c, s, NULL, NULL, e);

	if (!rc)
		rc = cert_from_file_bytes(&x, https_body(c->request), e);
	if (!rc)
		rc = check_maker(x, e);
	if (!rc) {
		cert_der(&der, x);
		rc = store_capf_trust_add(s, c->name, buf_view(&der), e);
	}
	X509_free(x);
	buf_free(&der);
	return rc ? rc : answer_nothing(c, e);
}

int capf_trust_delete(struct call *c, struct store *s, struct err *e)
{
	int rc = change_begin(c, s, NULL, NULL, e);

	if (!rc)
		rc = store_capf_trust_remove(s, c->name, e);
	return rc ? rc : answer_nothing(c, e);
}

/* ---- instances of users ---- */

static int add_user(const struct store_capf_user *u, void *arg, struct err *e)
{
	json_t *j = json_pack("{s:s, s:o, s:o, s:o, s:i}", "kind",
			      u->application ? "application" : "end", "user", json_chars(u->user),
			      "instance", json_chars(u->instance), "description",
			      json_chars(u->description), "key_size", u->key_size);

	return json_array_append_new(arg, j) ? err_nomem(e) : 0;
}

int capf_users_get(struct call *c, struct store *s, struct err *e)
{
	json_t *list = json_array();
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_capf_users(s, add_user, list, e);
	c->doc = rc ? NULL : json_pack("{s:O}", "users", list);
	json_decref(list);
	return rc || c->doc ? rc : err_nomem(e);
}

int capf_user_post(struct call *c, struct store *s, struct err *e)
{
	static const char *const kinds[] = {"", "application", "end"};
	static const char *const known[] = {"kind",        "user",     "instance",
					    "description", "key_size", NULL};
	struct store_capf_user u = {.key_size = 1024};
	unsigned kind = 1;
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);
	struct json_take t = {.doc = doc, .e = e};

	if (!rc) {
		take_only(&t, known);
		take_word(&t, "kind", kinds, 3, &kind);
		take_text(&t, "user", u.user, sizeof(u.user));
		take_text(&t, "instance", u.instance, sizeof(u.instance));
		take_text(&t, "description", u.description, sizeof(u.description));
		take_int(&t, "key_size", &u.key_size);
		rc = take_end(&t);
	}
	u.application = kind == 1;
	if (!rc)
		rc = store_capf_user_add(s, &u, e);
	json_decref(doc);
	return rc ? rc : answer_nothing(c, e);
}

int capf_user_delete(struct call *c, struct store *s, struct err *e)
{
	char *instance = strchr(c->name, ':');
	int rc = change_begin(c, s, NULL, NULL, e);

	if (!rc && !instance)
		rc = err_set(e, ERR_USAGE, "bad-request", "an instance is written USER:INSTANCE");
	if (rc)
		return rc;
	*instance++ = '\0';
	rc = store_capf_user_remove(s, c->name, instance, e);
	return rc ? rc : answer_nothing(c, e);
}
