#include "server/provider/phone_json.h"

#include "common/json.h"
#include "server/cluster/cert_json.h"
#include "server/device/words.h"
#include "server/provider/json_take.h"
#include "server/provider/phone_advice.h"
#include "server/provider/profile_json.h"
#include "server/provider/when.h"
#include "server/store/store_capf.h"
#include "trustfile/cert.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- from the store ---- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_chars(text) : json_null();
}

static json_t *lines_json(const struct store_phone *p)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < p->nlines; i++)
		json_array_append_new(lines,
				      json_pack("{s:o, s:o, s:o}", "dn", json_chars(p->lines[i].dn),
						"label", json_chars(p->lines[i].label), "display",
						json_chars(p->lines[i].display)));
	return lines;
}

json_t *phone_json_writable(const struct store_phone *p)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			 json_chars(p->name), "model", p->model, "protocol",
			 device_protocol_word(p->protocol), "description",
			 json_chars(p->description), "owner", json_chars(p->owner), "profile",
			 json_chars(p->profile), "template", text_or_null(p->template_name),
			 "digest_user", text_or_null(p->digest_user), "load", json_chars(p->load),
			 "lines", lines_json(p), "parameters", values_json(&p->values), "secrets",
			 values_json_secrets(&p->values));
}

static json_t *capf_json(const struct store_capf *c)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "operation",
			 store_capf_operation_words[c->operation], "status",
			 store_capf_status_words[c->status], "by",
			 c->by ? json_when(c->by) : json_null(), "detail", json_chars(c->detail));
}

static json_t *effect_json(const struct store_phone *p, const struct store_profile *profile,
			   bool mixed)
{
	const struct device_wish wish = {profile->mode, profile->transport,
					 profile->encrypted_config};
	const struct device_model *m = device_model_find(p->model);
	struct device_effect effect;

	if (!m)
		return json_null();
	effect = device_effect(m, p->protocol, &wish, mixed);
	return json_pack("{s:s, s:s, s:b}", "device_security_mode", device_mode_word(effect.mode),
			 "transport", device_transport_word(effect.transport),
			 "tftp_encrypted_config", (int)effect.encrypted_config);
}

static json_t *seen_json(const struct store_seen *n)
{
	if (!*n->file)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "file", json_chars(n->file), "address",
			 json_chars(n->address), "outcome", json_chars(n->outcome), "time",
			 json_when(n->time));
}

/* In lists only that it is there; what cannot be read is shown as there, too. */
static json_t *phone_cert_json(const char *role, const struct buf *der, bool details)
{
	uint8_t md5[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct err e;
	X509 *cert;
	json_t *doc;

	if (!der->len)
		return json_null();
	if (!details || cert_from_der(&cert, buf_view(der), &e))
		return json_true();
	doc = cert_json(role, cert);
	/* What the configuration file calls certHash. */
	if (doc && X509_digest(cert, EVP_md5(), md5, &n))
		json_object_set_new(doc, "md5", json_hex(span_of(md5, n)));
	X509_free(cert);
	return doc;
}

static json_t *read_only_members(const struct store_phone *p, const struct store_profile *profile,
				 bool mixed, bool details)
{
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:b, s:I}",
			 "auth_mode", device_auth_word(profile->auth_mode), "key_size",
			 profile->key_size, "device_security_mode", device_mode_word(profile->mode),
			 "effective", effect_json(p, profile, mixed), "capf", capf_json(&p->capf),
			 "auth_string", (int)p->capf.has_string, "key", (int)p->has_key, "lsc",
			 phone_cert_json("lsc", &p->lsc, details), "mic",
			 phone_cert_json("mic", &p->mic, details), "seen", seen_json(&p->seen),
			 "reset_pending", (int)p->reset_pending, "version", (json_int_t)p->version);
}

static void add_sentence(const char *sentence, void *arg)
{
	json_array_append_new(arg, json_string(sentence));
}

json_t *phone_json(const struct store_phone *p, const struct store_profile *profile, bool mixed,
		   bool details)
{
	json_t *doc = phone_json_writable(p);
	json_t *more = read_only_members(p, profile, mixed, details);
	json_t *warnings = details ? json_array() : NULL;
	bool failed = !doc || !more || json_object_update(doc, more);

	if (details)
		phone_advise(p, profile, add_sentence, warnings);
	if (!failed && details)
		failed = json_object_set(doc, "warnings", warnings) != 0;
	json_decref(warnings);
	json_decref(more);
	if (!failed)
		return doc;
	json_decref(doc);
	return NULL;
}

/* ---- into the store ---- */

static const char *const phone_members[] = {"name",
					    "model",
					    "protocol",
					    "description",
					    "owner",
					    "profile",
					    "template",
					    "digest_user",
					    "load",
					    "lines",
					    "parameters",
					    "secrets",
					    "auth_mode",
					    "key_size",
					    "auth_string",
					    "key",
					    "lsc",
					    "mic",
					    "effective",
					    "capf",
					    "seen",
					    "version",
					    "digest_password",
					    "warnings",
					    "reset_pending",
					    "device_security_mode",
					    NULL};

static void take_line(struct json_take *t, struct store_line *l, const json_t *doc)
{
	static const char *const known[] = {"dn", "label", "display", NULL};
	struct json_take line = {.doc = doc, .e = t->e};

	if (json_is_string(doc)) {
		if (json_string_length(doc) >= sizeof(l->dn))
			take_refuse(t, "lines", "has a number that is too long");
		else
			memcpy(l->dn, json_string_value(doc), json_string_length(doc) + 1);
		return;
	}
	take_only(&line, known);
	take_text(&line, "dn", l->dn, sizeof(l->dn));
	take_text(&line, "label", l->label, sizeof(l->label));
	take_text(&line, "display", l->display, sizeof(l->display));
	t->rc = t->rc ? t->rc : take_end(&line);
}

static void take_lines(struct json_take *t, struct store_phone *p)
{
	const json_t *lines = json_object_get(t->doc, "lines");
	const size_t n = json_array_size(lines);
	struct store_line *list;

	if (!take_has(t, "lines"))
		return;
	if (!json_is_array(lines) || n > STORE_LINES_MAX) {
		take_refuse(t, "lines", "is not an array, or has too many");
		return;
	}
	list = calloc(n + 1, sizeof(*list));
	if (!list) {
		t->rc = err_nomem(t->e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		take_line(t, &list[i], json_array_get(lines, i));
	free(p->lines);
	p->lines = list;
	p->nlines = n;
}

static void take_name(struct json_take *t, struct store_phone *p)
{
	const char *name = json_string_value(json_object_get(t->doc, "name"));

	if (!take_has(t, "name"))
		return;
	if (!name)
		take_refuse(t, "name", "is not a text");
	else
		t->rc = device_name_parse(p->name, name, t->e);
}

/* A text or null; what this API shows instead of a secret or a certificate (true, false, an object)
 * means no change. */
static bool take_extra(struct json_take *t, const char *key, const char **to)
{
	const json_t *v = json_object_get(t->doc, key);

	*to = json_string_value(v);
	if (json_is_number(v) || json_is_array(v))
		take_refuse(t, key, "is not a text");
	return *to || json_is_null(v);
}

static void take_extras(struct json_take *t, struct phone_extras *x)
{
	unsigned auth = 0;

	*x = (struct phone_extras){0};
	x->has_key = take_extra(t, "key", &x->key);
	x->has_auth_string = take_extra(t, "auth_string", &x->auth_string);
	x->has_lsc = take_extra(t, "lsc", &x->lsc);
	x->has_mic = take_extra(t, "mic", &x->mic);
	(void)take_extra(t, "digest_password", &x->digest_password);
	take_word(t, "auth_mode", device_auth_words, COUNT(device_auth_words), &auth);
	take_int(t, "key_size", &x->key_size);
	x->auth_mode = (int)auth;
}

int phone_take(struct store_phone *p, struct phone_extras *x, const json_t *doc, struct err *e)
{
	struct json_take t = {.doc = doc, .e = e};
	unsigned protocol = p->protocol;

	take_only(&t, phone_members);
	take_name(&t, p);
	take_text(&t, "model", p->model, sizeof(p->model));
	take_word(&t, "protocol", device_protocol_words, COUNT(device_protocol_words), &protocol);
	take_text(&t, "description", p->description, sizeof(p->description));
	take_text(&t, "owner", p->owner, sizeof(p->owner));
	take_text(&t, "profile", p->profile, sizeof(p->profile));
	take_text(&t, "template", p->template_name, sizeof(p->template_name));
	take_text(&t, "digest_user", p->digest_user, sizeof(p->digest_user));
	take_text(&t, "load", p->load, sizeof(p->load));
	take_lines(&t, p);
	if (take_has(&t, "parameters"))
		t.rc = values_take(&p->values, json_object_get(doc, "parameters"), e);
	take_extras(&t, x);
	p->protocol = (enum device_protocol)protocol;
	return take_end(&t);
}

bool phone_extras_any(const struct phone_extras *x)
{
	return x->has_key || x->has_auth_string || x->has_lsc || x->has_mic || x->digest_password ||
	       x->auth_mode || x->key_size;
}
