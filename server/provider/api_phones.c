/* Phones in the API. */
#include "server/provider/api_call.h"

#include "common/hex.h"
#include "common/json.h"
#include "server/net/http_head.h"
#include "server/provider/api_change.h"
#include "server/provider/node_api.h"
#include "server/provider/phone_change.h"
#include "server/store/audit.h"
#include "server/store/store_capf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CREATED = 201, LIST_DEFAULT = 100, LIST_MAX = 1000, WORD_MAX = 300 };

/* ---- with what a phone is shown ---- */

/* All profiles, and the mode of the cluster. */
struct context {
	struct store_profile *profiles;
	size_t n;
	bool mixed;
};

static int context_open(struct context *ctx, struct store *s, struct err *e)
{
	struct store_active active;
	int rc;

	*ctx = (struct context){0};
	rc = store_active_get(s, &active, e);
	if (rc)
		return rc;
	ctx->mixed = active.generation && active.mixed;
	buf_free(&active.file);
	return store_profiles(s, false, &ctx->profiles, &ctx->n, e);
}

static const struct store_profile *profile_of(const struct context *ctx,
					      const struct store_phone *p)
{
	static const struct store_profile none;

	for (size_t i = 0; i < ctx->n; i++)
		if (!strcmp(ctx->profiles[i].name, p->profile))
			return &ctx->profiles[i];
	return &none;
}

static int answer_phone(struct call *c, struct store *s, const struct store_phone *p, struct err *e)
{
	struct context ctx;
	int rc = context_open(&ctx, s, e);

	if (!rc)
		rc = answer_doc(c, phone_json(p, profile_of(&ctx, p), ctx.mixed, true), p->version,
				e);
	free(ctx.profiles);
	return rc;
}

/* ---- lists ---- */

/* The words of a query live here as long as the search runs. */
struct words {
	char name[WORD_MAX], description[WORD_MAX], owner[WORD_MAX], line[WORD_MAX],
		model[WORD_MAX], profile[WORD_MAX], template[WORD_MAX], digest_user[WORD_MAX],
		after[WORD_MAX], protocol[16], cert[16], capf[16], reset[16], limit[16];
};

struct word {
	const char *key;
	char *to;
	size_t size;
};

static int refuse_query(const char *key, const char *what, struct err *e)
{
	return err_set(e, ERR_USAGE, "bad-request", "the query's \"%.40s\" %s", key, what);
}

/* A filter that is misspelt would otherwise find everything. */
static int check_keys(const char *query, const struct word *words, struct err *e)
{
	char key[32];

	for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
		const size_t n = strcspn(p, "=&");
		const struct word *w = words;

		if (!n || n >= sizeof(key))
			return refuse_query("", "has an empty or too long word", e);
		memcpy(key, p, n);
		key[n] = '\0';
		while (w->key && strcmp(w->key, key) != 0)
			w++;
		if (!w->key || p[n] != '=')
			return refuse_query(key, "is not known here", e);
	}
	return 0;
}

static int read_words(struct words *w, const char *query, struct err *e)
{
#define WORD(field)                                                                                \
	{                                                                                          \
#field, w->field, sizeof(w->field)                                                 \
	}
	const struct word words[] = {
		WORD(name),    WORD(description), WORD(owner),       WORD(line),  WORD(model),
		WORD(profile), WORD(template),    WORD(digest_user), WORD(after), WORD(protocol),
		WORD(cert),    WORD(capf),        WORD(reset),       WORD(limit), {0}};
#undef WORD
	int rc = check_keys(query, words, e);
	bool found;

	for (size_t i = 0; !rc && words[i].key; i++)
		if (!http_query_text(query, words[i].key, words[i].to, words[i].size, &found))
			rc = refuse_query(words[i].key,
					  "is too long, or is not written as it should be", e);
	return rc;
}

/* The index of word among n, or -1. */
static int index_of(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(words[i], word))
			return (int)i;
	return -1;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int read_filter(struct store_phone_filter *f, const struct words *w, const char *query,
		       struct err *e)
{
	static const char *const protocols[] = {"", "sccp", "sip"};
	static const char *const certs[] = {"", "none", "lsc", "mic"};
	const int protocol = index_of(protocols, 3, w->protocol),
		  cert = index_of(certs, 4, w->cert);
	unsigned long limit = LIST_DEFAULT;

	*f = (struct store_phone_filter){.name = or_null(w->name),
					 .description = or_null(w->description),
					 .owner = or_null(w->owner),
					 .dn = or_null(w->line),
					 .model = or_null(w->model),
					 .profile = or_null(w->profile),
					 .template_name = or_null(w->template),
					 .digest_user = or_null(w->digest_user),
					 .after = or_null(w->after),
					 .capf_status = -1};
	if (protocol < 0)
		return refuse_query("protocol", "is neither sccp nor sip", e);
	if (cert < 0)
		return refuse_query("cert", "is none of none, lsc, mic", e);
	f->protocol = (enum device_protocol)protocol;
	f->cert = (enum store_cert_status)cert;
	if (*w->capf &&
	    (f->capf_status = index_of(store_capf_status_words, STORE_CAPF_STATES, w->capf)) < 0)
		return refuse_query("capf", "is none of none, pending, failed, successful", e);
	if (*w->reset && strcmp(w->reset, "pending") != 0)
		return refuse_query("reset", "is not pending", e);
	f->reset_pending = *w->reset != '\0';
	if (*w->limit && (!http_query_number(query, "limit", &limit) || !limit))
		return refuse_query("limit", "is no number from 1", e);
	f->limit = limit < LIST_MAX ? limit : LIST_MAX;
	return 0;
}

struct listing {
	const struct context *ctx;
	json_t *phones;
	size_t n, limit;
	char last[DEVICE_NAME_MAX];
	bool more;
};

static int add_phone(const struct store_phone *p, void *arg, struct err *e)
{
	struct listing *l = arg;

	if (l->n++ == l->limit) {
		l->more = true;
		return 0;
	}
	memcpy(l->last, p->name, sizeof(l->last));
	return json_array_append_new(l->phones,
				     phone_json(p, profile_of(l->ctx, p), l->ctx->mixed, false))
		       ? err_nomem(e)
		       : 0;
}

static int list(struct call *c, struct store *s, struct store_phone_filter *f, struct err *e)
{
	struct context ctx = {0};
	struct listing l = {.ctx = &ctx, .limit = f->limit};
	int rc = context_open(&ctx, s, e);

	l.phones = json_array();
	/* One more shows whether there are more. */
	f->limit++;
	if (!rc)
		rc = store_phone_find(s, f, add_phone, &l, e);
	free(ctx.profiles);
	if (rc) {
		json_decref(l.phones);
		return rc;
	}
	c->doc = json_pack("{s:o, s:o}", "phones", l.phones, "next",
			   l.more ? json_string(l.last) : json_null());
	return c->doc ? 0 : err_nomem(e);
}

static int search(struct call *c, struct store *s, const char *auth_string, struct err *e)
{
	const char *query = https_query(c->request);
	struct words *w = calloc(1, sizeof(*w));
	struct store_phone_filter f;
	int rc = w ? node_api_must_be_first(s, e) : err_nomem(e);

	if (!rc)
		rc = read_words(w, query, e);
	if (!rc)
		rc = read_filter(&f, w, query, e);
	if (!rc) {
		f.auth_string = auth_string;
		rc = list(c, s, &f, e);
	}
	free(w);
	return rc;
}

int phones_get(struct call *c, struct store *s, struct err *e)
{
	return search(c, s, NULL, e);
}

/* Who may look for a string can find it out, so not everybody may. */
int phones_search(struct call *c, struct store *s, struct err *e)
{
	const char *text;
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);

	text = json_string_value(json_object_get(doc, "auth_string"));
	if (!rc && (!text || json_object_size(doc) != 1))
		rc = err_set(e, ERR_USAGE, "bad-request",
			     "the body is not {\"auth_string\": \"..\"}");
	if (!rc)
		rc = search(c, s, text, e);
	json_decref(doc);
	return rc;
}

/* ---- one phone ---- */

static int named_phone(struct call *c, struct store *s, struct store_phone *p, struct err *e)
{
	bool found;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_phone_get(s, c->name, p, &found, e);
	if (!rc && !found)
		rc = err_set(e, ERR_FAILED, "no-phone", "there is no phone \"%s\"", c->name);
	return rc;
}

int phone_get(struct call *c, struct store *s, struct err *e)
{
	struct store_phone p = {0};
	int rc = named_phone(c, s, &p, e);

	if (!rc)
		rc = answer_phone(c, s, &p, e);
	store_phone_free(&p);
	return rc;
}

int phone_post(struct call *c, struct store *s, struct err *e)
{
	struct phone_extras extras;
	struct store_phone p = {0};
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);

	if (!rc)
		rc = phone_take(&p, &extras, doc, e);
	if (!rc)
		rc = phone_change(s, NULL, &p, &extras, STORE_ANY_VERSION, e);
	if (!rc)
		rc = answer_phone(c, s, &p, e);
	c->status = CREATED;
	store_phone_free(&p);
	json_decref(doc);
	return rc;
}

/* What a whole document does not say is not so, but for what it cannot say: secrets it names stay.
 */
static int forget_unsaid(struct store_phone *p, const json_t *doc, struct err *e)
{
	struct store_phone bare = {.id = p->id, .capf = p->capf, .lsc = p->lsc, .mic = p->mic};
	const json_t *secrets = json_object_get(doc, "secrets");
	const struct store_value *v;
	const json_t *name;
	size_t i;
	int rc = 0;

	memcpy(bare.name, p->name, sizeof(bare.name));
	json_array_foreach(secrets, i, name)
	{
		v = json_is_string(name) ? store_values_find(&p->values, json_string_value(name))
					 : NULL;
		if (!rc && v && v->secret)
			rc = store_values_set(&bare.values, v, e);
	}
	p->lsc = p->mic = (struct buf){0};
	store_phone_free(p);
	*p = bare;
	return rc;
}

static int change(struct call *c, struct store *s, bool whole, struct err *e)
{
	struct phone_extras extras;
	struct store_phone p = {0};
	json_t *doc = NULL;
	int64_t expected;
	int rc = change_begin(c, s, &doc, &expected, e);

	if (!rc && whole)
		rc = call_needs_if_match(expected, e);
	if (!rc)
		rc = named_phone(c, s, &p, e);
	if (!rc && !whole && expected == STORE_ANY_VERSION)
		expected = p.version;
	if (!rc && whole)
		rc = forget_unsaid(&p, doc, e);
	if (!rc)
		rc = phone_take(&p, &extras, doc, e);
	if (!rc)
		rc = phone_change(s, c->name, &p, &extras, expected, e);
	if (!rc)
		rc = answer_phone(c, s, &p, e);
	store_phone_free(&p);
	json_decref(doc);
	return rc;
}

int phone_put(struct call *c, struct store *s, struct err *e)
{
	return change(c, s, true, e);
}

int phone_patch(struct call *c, struct store *s, struct err *e)
{
	return change(c, s, false, e);
}

int phone_delete(struct call *c, struct store *s, struct err *e)
{
	int64_t expected;
	int rc = change_begin(c, s, NULL, &expected, e);

	if (!rc)
		rc = store_phone_remove(s, c->name, expected, e);
	return rc ? rc : answer_nothing(c, e);
}

/* ---- its secrets ---- */

static json_t *secret_parameters(const struct store_device *d)
{
	json_t *doc = json_object();

	for (size_t i = 0; i < d->values.n; i++)
		if (d->values.list[i].secret)
			json_object_set_new(doc, d->values.list[i].name,
					    json_chars(d->values.list[i].value));
	return doc;
}

static int secrets_json(struct call *c, struct store *s, const struct store_device *d,
			struct err *e)
{
	struct audit_entry entry = {.action = "phone", .accepted = true};
	struct buf text = {0}, detail = {0};
	int rc = store_phone_secret_get(s, d->phone.name, STORE_SECRET_AUTH_STRING, &text, e);

	buf_printf(&detail, "the secrets of %s were shown", d->phone.name);
	entry.detail = buf_cstr(&detail);
	/* What is not in the audit log is not shown. */
	if (!rc)
		rc = entry.detail ? audit_add(s, &entry, e) : err_nomem(e);
	if (!rc) {
		c->doc = json_pack("{s:s, s:o, s:o, s:o}", "name", d->phone.name, "auth_string",
				   text.len ? json_text(buf_view(&text)) : json_null(), "key",
				   d->key.len ? json_hex(buf_view(&d->key)) : json_null(),
				   "parameters", secret_parameters(d));
		rc = c->doc ? 0 : err_nomem(e);
	}
	buf_free(&detail);
	buf_wipe(&text);
	return rc;
}

int phone_secrets(struct call *c, struct store *s, struct err *e)
{
	struct store_device d;
	bool found = false;
	int rc = node_api_must_be_first(s, e);

	if (rc)
		return rc;
	rc = store_device_get(s, c->name, &d, &found, e);
	if (rc)
		return rc;
	if (!found)
		rc = err_set(e, ERR_FAILED, "no-phone", "there is no phone \"%s\"", c->name);
	if (!rc)
		rc = secrets_json(c, s, &d, e);
	store_device_free(&d);
	return rc;
}
