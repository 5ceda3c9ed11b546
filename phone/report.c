#include "phone/report.h"

#include "common/sha256.h"
#include "server/device/words.h"

#include <string.h>

/* ---- pieces ---- */

static json_t *sha256_json(struct span file)
{
	char text[2 * SHA256_LEN + 1];
	struct err e;

	return sha256_text(text, file, &e) ? NULL : json_string(text);
}

static json_t *signer_json(const struct tl *l)
{
	if (!l)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "name", json_text(tl_text(l->signer_name)), "issuer",
			 json_text(tl_text(l->signer_issuer)), "serial",
			 json_hex(l->signer_serial));
}

/* Text that may have come from anywhere; JSON's null for NULL. */
static json_t *string_json(const char *s)
{
	return s ? json_text(span_of(s, strlen(s))) : json_null();
}

/* The same, with null for an empty one. */
static json_t *some_json(const char *s)
{
	return string_json(*s ? s : NULL);
}

static json_t *reason_json(const struct err *failed)
{
	if (!failed)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "id", failed->id, "text", string_json(failed->what),
			 "hint", string_json(failed->hint));
}

static json_t *server_json(const char *host, uint16_t port)
{
	return json_pack("{s:o, s:i}", "host", string_json(host), "port", (int)port);
}

static json_t *servers_json(const struct hostport *list, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, server_json(list[i].host, list[i].port));
	return out;
}

/* ---- trust lists ---- */

static json_t *offered_json(const struct trust *t)
{
	if (!t->offered_name)
		return json_null();
	return json_pack("{s:o, s:I, s:o, s:o}", "name", string_json(t->offered_name), "size",
			 (json_int_t)t->offered_bytes.len, "sha256",
			 sha256_json(buf_view(&t->offered_bytes)), "signer",
			 signer_json(t->offered));
}

/* Of one kind of list: signer, sha256, file, offered, result, trusted. */
static json_t *list_json(const struct boot *b, enum stored_kind kind)
{
	const struct trust *t = &b->lists[kind];
	const struct stored_list *l = &b->stored.lists[kind];

	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "result", trust_result_word(t->result),
			 "trusted", (int)t->trusted, "signer", signer_json(l->tl), "sha256",
			 l->tl ? sha256_json(l->tl->raw) : json_null(), "file",
			 string_json(l->tl ? l->path : NULL), "offered", offered_json(t));
}

/* ---- the configuration ---- */

static json_t *call_managers_json(const struct config *c)
{
	json_t *out = json_array();

	for (size_t i = 0; i < c->ncms; i++)
		json_array_append_new(
			out,
			json_pack("{s:i, s:o, s:{s:i, s:i, s:i, s:i}}", "priority",
				  (int)c->cms[i].priority, "host", string_json(c->cms[i].host),
				  "ports", "sip", (int)c->cms[i].sip, "sips", (int)c->cms[i].sips,
				  "sccp", (int)c->cms[i].sccp, "sccps", (int)c->cms[i].sccps));
	return out;
}

static json_t *lines_json(const struct config *c)
{
	json_t *out = json_array();

	for (size_t i = 0; i < c->nlines; i++)
		json_array_append_new(out, json_pack("{s:i, s:o, s:o}", "button",
						     (int)c->lines[i].button, "name",
						     string_json(c->lines[i].name), "label",
						     string_json(c->lines[i].label)));
	return out;
}

/* Every parameter by name: its value, and what that means if we know. */
static json_t *values_json(const struct config *c)
{
	json_t *out = json_object();

	for (size_t i = 0; i < c->nvalues; i++) {
		const struct config_value *v = &c->values[i];
		const bool secret = v->param && v->param->secret;
		const char *word = harden_word(v->param, v->value);

		json_object_set_new(out, v->name,
				    json_pack("{s:o, s:o}", "value",
					      secret ? json_null() : string_json(v->value), "word",
					      string_json(secret ? "(secret)" : word)));
	}
	return out;
}

static json_t *digest_json(const struct config *c)
{
	if (!c->has_digest)
		return json_null();
	return json_pack("{s:o, s:b}", "user", string_json(c->digest_user), "password",
			 c->digest_password.text != NULL);
}

json_t *report_config_json(const struct config *c)
{
	if (!c)
		return json_null();
	return json_pack(
		"{s:b, s:b, s:s?, s:s, s:s?, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"full", (int)c->full, "encrypted", (int)c->encrypted, "protocol",
		c->protocol ? device_protocol_word(c->protocol) : NULL, "security_mode",
		device_mode_word(c->mode), "transport",
		c->transport ? device_transport_word(c->transport) : NULL, "capf_auth_mode",
		config_auth_word(c->capf_auth_mode), "cert_hash", some_json(c->cert_hash), "load",
		some_json(c->load), "version", some_json(c->stamp), "call_managers",
		call_managers_json(c), "capf", servers_json(c->capf, c->ncapf), "tvs",
		servers_json(c->tvs, c->ntvs), "lines", lines_json(c), "digest", digest_json(c),
		"parameters", values_json(c));
}

static const char *form_word(enum ask_form form)
{
	static const char *const words[] = {
		[ASK_PLAIN] = "plain",
		[ASK_SIGNED] = "signed",
		[ASK_ENCRYPTED] = "encrypted",
		[ASK_TYPED] = "typed-key",
	};

	return words[form];
}

static json_t *settled_json(const struct boot *b)
{
	const struct settled *c = &b->config;

	if (!b->settled)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:b, s:I, s:o, s:o, s:o}", "result",
			 settle_result_word(c->result), "status", some_json(c->status), "asked",
			 some_json(c->asked.name), "form", form_word(c->asked.form), "why",
			 string_json(c->asked.why), "found", (int)c->found, "size",
			 (json_int_t)c->size, "sha256", some_json(c->sha256), "signer",
			 some_json(c->signer), "in_use",
			 report_config_json(stored_last(&b->stored)));
}

static json_t *next_json(const struct boot *b)
{
	const struct next *n = &b->config.next;

	if (!b->settled)
		return json_null();
	return json_pack(
		"{s:s, s:o, s:o}", "step", next_word(n->step), "why", string_json(n->why), "server",
		*n->server.host ? server_json(n->server.host, n->server.port) : json_null());
}

static json_t *own_json(const struct own_cert *c)
{
	return c->cert ? json_pack("{s:s}", "hash", c->hash) : json_null();
}

/* ---- the whole ---- */

static json_t *listed_json(const struct boot *b)
{
	if (b->listed == BOOT_SERVER_UNKNOWN)
		return json_null();
	return json_boolean(b->listed == BOOT_SERVER_LISTED);
}

json_t *report_json(const struct boot *b, const struct err *failed)
{
	const struct stored *s = &b->stored;
	json_t *doc = list_json(b, STORED_CTL);

	if (!doc)
		return NULL;
	json_object_update_new(
		doc, json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:O?}",
			       "device", some_json(b->device), "model", s->model->name, "protocol",
			       device_protocol_word(s->protocol), "status", b->status, "reason",
			       reason_json(failed), "mode", boot_mode_word(s->lists[STORED_CTL].tl),
			       "lsc", own_json(&s->own[OWN_LSC]), "mic", own_json(&s->own[OWN_MIC]),
			       "server_listed", listed_json(b), "itl",
			       b->asked_itl ? list_json(b, STORED_ITL) : json_null(), "config",
			       settled_json(b), "next", next_json(b), "steps", b->account.steps));
	return doc;
}
