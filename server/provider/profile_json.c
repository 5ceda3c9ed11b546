#include "server/provider/profile_json.h"

#include "common/json.h"
#include "server/device/words.h"
#include "server/provider/json_take.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- profiles ---- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_chars(text) : json_null();
}

/* What only SIP has. */
static json_t *sip_members(const struct store_profile *p)
{
	return json_pack("{s:i, s:s, s:b, s:b, s:i}", "nonce_validity", p->nonce_seconds,
			 "transport", device_transport_word(p->transport), "digest_authentication",
			 (int)p->digest, "exclude_digest_credentials", (int)p->exclude_digest,
			 "sip_phone_port", p->sip_port);
}

json_t *profile_json(const struct store_profile *p)
{
	json_t *doc = json_pack(
		"{s:o, s:o, s:s, s:o, s:s, s:b, s:s, s:i, s:b, s:I, s:I}", "name",
		json_chars(p->name), "description", json_chars(p->description), "protocol",
		device_protocol_word(p->protocol), "model", text_or_null(p->model),
		"device_security_mode", device_mode_word(p->mode), "tftp_encrypted_config",
		(int)p->encrypted_config, "auth_mode", device_auth_word(p->auth_mode), "key_size",
		p->key_size, "predefined", (int)p->predefined, "phones", (json_int_t)p->phones,
		"version", (json_int_t)p->version);
	json_t *sip = doc && p->protocol == DEVICE_SIP ? sip_members(p) : NULL;

	if (doc && p->protocol == DEVICE_SIP && json_object_update(doc, sip)) {
		json_decref(doc);
		doc = NULL;
	}
	json_decref(sip);
	return doc;
}

static const char *const profile_members[] = {"name",
					      "description",
					      "protocol",
					      "model",
					      "device_security_mode",
					      "tftp_encrypted_config",
					      "auth_mode",
					      "key_size",
					      "nonce_validity",
					      "transport",
					      "digest_authentication",
					      "exclude_digest_credentials",
					      "sip_phone_port",
					      "predefined",
					      "phones",
					      "version",
					      NULL};

/* A secure SIP profile is TLS and nothing else: who says the one need not say the other. */
static void follow_mode(const struct json_take *t, struct store_profile *p)
{
	if (p->protocol != DEVICE_SIP || take_has(t, "transport"))
		return;
	if (p->mode != DEVICE_NONSECURE)
		p->transport = DEVICE_TLS;
	else if (p->transport == DEVICE_TLS)
		p->transport = DEVICE_TCP_UDP;
}

int profile_take(struct store_profile *p, const json_t *doc, struct err *e)
{
	struct json_take t = {.doc = doc, .e = e};
	unsigned protocol = p->protocol, mode = p->mode, auth = p->auth_mode;
	unsigned transport = p->transport;

	take_only(&t, profile_members);
	take_text(&t, "name", p->name, sizeof(p->name));
	take_text(&t, "description", p->description, sizeof(p->description));
	take_word(&t, "protocol", device_protocol_words, COUNT(device_protocol_words), &protocol);
	take_text(&t, "model", p->model, sizeof(p->model));
	take_word(&t, "device_security_mode", device_mode_words, COUNT(device_mode_words), &mode);
	take_bool(&t, "tftp_encrypted_config", &p->encrypted_config);
	take_word(&t, "auth_mode", device_auth_words, COUNT(device_auth_words), &auth);
	take_int(&t, "key_size", &p->key_size);
	take_int(&t, "nonce_validity", &p->nonce_seconds);
	take_word(&t, "transport", device_transport_words, COUNT(device_transport_words),
		  &transport);
	take_bool(&t, "digest_authentication", &p->digest);
	take_bool(&t, "exclude_digest_credentials", &p->exclude_digest);
	take_int(&t, "sip_phone_port", &p->sip_port);
	p->protocol = (enum device_protocol)protocol;
	p->mode = (enum device_mode)mode;
	p->auth_mode = (enum device_auth)auth;
	p->transport = (enum device_transport)transport;
	follow_mode(&t, p);
	return take_end(&t);
}

/* ---- parameters ---- */

json_t *values_json(const struct store_values *v)
{
	json_t *doc = json_object();

	for (size_t i = 0; doc && i < v->n; i++)
		if (!v->list[i].secret &&
		    json_object_set_new(doc, v->list[i].name, json_chars(v->list[i].value))) {
			json_decref(doc);
			return NULL;
		}
	return doc;
}

json_t *values_json_secrets(const struct store_values *v)
{
	json_t *names = json_array();

	for (size_t i = 0; names && i < v->n; i++)
		if (v->list[i].secret &&
		    json_array_append_new(names, json_chars(v->list[i].name))) {
			json_decref(names);
			return NULL;
		}
	return names;
}

static int take_value(struct store_values *v, const char *name, const json_t *value, struct err *e)
{
	const struct harden_param *p = harden_find(name);
	struct store_value one = {.secret = p && p->secret};
	int rc = harden_check_name(name, e);

	if (rc)
		return rc;
	if (json_is_null(value)) {
		store_values_remove(v, name);
		return 0;
	}
	if (!json_is_string(value))
		return err_set(e, ERR_USAGE, "bad-request", "the parameter %s is not a text", name);
	snprintf(one.name, sizeof(one.name), "%s", name);
	rc = harden_value(one.value, name, json_string_value(value), e);
	if (!rc && one.secret && !*one.value)
		rc = err_set(e, ERR_USAGE, "parameter-value",
			     "%s cannot be empty; null takes it away", name);
	if (!rc)
		rc = store_values_set(v, &one, e);
	OPENSSL_cleanse(&one, sizeof(one));
	return rc;
}

int values_take(struct store_values *v, const json_t *doc, struct err *e)
{
	const char *name;
	json_t *value;
	int rc = 0;

	if (!json_is_object(doc))
		return err_set(e, ERR_USAGE, "bad-request", "the parameters are not an object");
	json_object_foreach((json_t *)doc, name, value)
	{
		rc = take_value(v, name, value, e);
		if (rc)
			break;
	}
	return rc;
}

/* ---- templates and digest users ---- */

json_t *template_json(const struct store_template *t, bool with_values)
{
	json_t *doc = json_pack("{s:o, s:o, s:I, s:I}", "name", json_chars(t->name), "description",
				json_chars(t->description), "phones", (json_int_t)t->phones,
				"version", (json_int_t)t->version);

	if (doc && with_values &&
	    (json_object_set_new(doc, "parameters", values_json(&t->values)) ||
	     json_object_set_new(doc, "secrets", values_json_secrets(&t->values)))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

int template_take(struct store_template *t, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"name",   "description", "parameters", "secrets",
					    "phones", "version",     NULL};
	struct json_take take = {.doc = doc, .e = e};

	take_only(&take, known);
	take_text(&take, "name", t->name, sizeof(t->name));
	take_text(&take, "description", t->description, sizeof(t->description));
	if (take_has(&take, "parameters"))
		take.rc = values_take(&t->values, json_object_get(doc, "parameters"), e);
	return take_end(&take);
}

json_t *digest_user_json(const struct store_digest_user *u)
{
	return json_pack("{s:o, s:I, s:I}", "name", json_chars(u->name), "phones",
			 (json_int_t)u->phones, "version", (json_int_t)u->version);
}
