/* ctladmin phone ...: phones one by one, over the provider's API. */
#include "server/admin/commands.h"

#include "common/file.h"
#include "common/secret.h"
#include "server/admin/phone_remote.h"
#include "server/device/words.h"
#include "trustfile/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHONES "phones"

enum { CERT_FILE_MAX = 64 * 1024 };

#define PHONE_OPTIONS                                                                              \
	{"model", "MODEL", REMOTE_TEXT, "model", "Such as 7970; \"phone models\" lists them"},     \
		{"protocol", "PROTOCOL", REMOTE_TEXT, "protocol", "sccp or sip"},                  \
		{"profile", "NAME", REMOTE_NAME, "profile",                                        \
		 "Security profile (none: the predefined, non-secure one)"},                       \
		{"template", "NAME", REMOTE_NAME, "template",                                      \
		 "Template of parameters (none: no one)"},                                         \
		{"line", "DN[:LABEL[:NAME]]", REMOTE_LINE, "lines",                                \
		 "A line: number, label beside the button, name shown to others; as often as "     \
		 "needed"},                                                                        \
		{"digest-user", "NAME", REMOTE_NAME, "digest_user",                                \
		 "User for SIP digest (none: no one)"},                                            \
		{"owner", "NAME", REMOTE_TEXT, "owner", "Whose phone it is"},                      \
		{"description", "TEXT", REMOTE_TEXT, "description",                                \
		 "Where it stands, what it is for"},                                               \
		{"load", "NAME", REMOTE_TEXT, "load", "Firmware it shall run"},                    \
		{"param", "NAME=VALUE", REMOTE_PARAM, NULL,                                        \
		 "A parameter for this phone alone; NAME= takes it away"},                         \
		{"auth-mode", "MODE", REMOTE_TEXT, "auth_mode",                                    \
		 "For CAPF: string, null, lsc, mic; gives it the profile that is so"},             \
	{                                                                                          \
		"key-size", "BITS", REMOTE_INT, "key_size", "For CAPF: 512, 1024, 2048; likewise"  \
	}

/* ---- changing ---- */

static int add(struct remote *r, struct err *e)
{
	json_t *doc;

	json_object_set_new(r->body, "name", json_chars(r->words[0]));
	return remote_send(r, "POST", PHONES, NULL, r->body, &doc, e)
		       ? (int)e->kind
		       : remote_tell(r, doc, "added");
}

static int set(struct remote *r, struct err *e)
{
	json_t *doc;

	return remote_send(r, "PATCH", PHONES, r->words[0], r->body, &doc, e)
		       ? (int)e->kind
		       : remote_tell(r, doc, "changed");
}

static int rename_it(struct remote *r, struct err *e)
{
	json_object_set_new(r->body, "name", json_chars(r->words[1]));
	return set(r, e);
}

static int remove_it(struct remote *r, struct err *e)
{
	return remote_remove(r, PHONES, "phone", e);
}

static int secret(struct remote *r, struct err *e)
{
	return remote_secret(r, PHONES, e);
}

/* ---- certificates and keys ---- */

static int pem_json(json_t **out, const char *path, struct err *e)
{
	struct buf file = {0}, pem = {0};
	X509 *cert = NULL;
	int rc = file_read(path, CERT_FILE_MAX, &file, e);

	*out = NULL;
	if (!rc)
		rc = cert_from_file_bytes(&cert, buf_view(&file), e);
	if (rc) {
		err_wrap(e, "%s", path);
	} else {
		cert_pem(&pem, cert);
		*out = pem.bad ? NULL : json_text(buf_view(&pem));
		rc = *out ? 0 : err_nomem(e);
	}
	X509_free(cert);
	buf_free(&file);
	buf_free(&pem);
	return rc;
}

static int take_cert(struct remote *r, const char *option, struct err *e)
{
	const char *path = remote_kept(r, option);
	json_t *pem;
	int rc;

	if (!path)
		return 0;
	if (!strcmp(path, "none")) {
		json_object_set_new(r->body, option, json_null());
		return 0;
	}
	rc = pem_json(&pem, path, e);
	if (!rc)
		json_object_set_new(r->body, option, pem);
	return rc;
}

static int cert(struct remote *r, struct err *e)
{
	int rc = take_cert(r, "lsc", e);

	if (!rc)
		rc = take_cert(r, "mic", e);
	if (!rc && !json_object_size(r->body))
		rc = err_set(e, ERR_USAGE, "usage", "give --lsc FILE, --mic FILE, or both");
	return rc ? rc : set(r, e);
}

static int key(struct remote *r, struct err *e)
{
	struct secret digits;
	int rc;

	if (remote_kept(r, "generate")) {
		json_object_set_new(r->body, "key", json_string("generate"));
	} else if (remote_kept(r, "remove")) {
		json_object_set_new(r->body, "key", json_null());
	} else {
		rc = secret_read(&digits, remote_kept(r, "source"), "Key in hexadecimal digits",
				 "key", "--source", e);
		if (rc)
			return rc;
		json_object_set_new(r->body, "key", json_chars(digits.text));
		secret_free(&digits);
	}
	return set(r, e);
}

/* ---- showing ---- */

static const struct remote_field phone_fields[] = {
	{"Name", "name"},
	{"Description", "description"},
	{"Model", "model"},
	{"Protocol", "protocol"},
	{"Owner", "owner"},
	{"Device Security Profile", "profile"},
	{"Device Security Mode", "device_security_mode"},
	{"Template", "template"},
	{"Digest User", "digest_user"},
	{"Firmware", "load"},
	{"CAPF Authentication Mode", "auth_mode"},
	{"CAPF Key Size", "key_size"},
	{"Authentication String", "auth_string"},
	{"Key typed in", "key"},
	{"Reset pending", "reset_pending"},
	{"Version", "version"},
	{NULL, NULL},
};

static void show_lines(const json_t *doc)
{
	const json_t *line;
	size_t i;

	json_array_foreach(json_object_get(doc, "lines"), i, line)
	{
		struct buf dn = {0}, label = {0}, display = {0};

		printf("Line %-23zu %s  %s  %s\n", i + 1, remote_text(&dn, line, "dn"),
		       remote_text(&label, line, "label"), remote_text(&display, line, "display"));
		buf_free(&dn);
		buf_free(&label);
		buf_free(&display);
	}
}

static void show_cert(const json_t *doc, const char *label, const char *member)
{
	const json_t *c = json_object_get(doc, member);
	struct buf subject = {0}, print = {0};

	printf("%-28s %s\n", label, json_is_object(c) ? remote_text(&subject, c, "subject") : "-");
	if (json_is_object(c))
		printf("%-28s SHA-256 %s\n", "", remote_text(&print, c, "sha256"));
	buf_free(&subject);
	buf_free(&print);
}

static void show_effect(const json_t *doc)
{
	const json_t *effect = json_object_get(doc, "effective");
	struct buf mode = {0}, transport = {0};

	printf("%-28s %s over %s%s\n", "Effective now",
	       remote_text(&mode, effect, "device_security_mode"),
	       remote_text(&transport, effect, "transport"),
	       json_is_true(json_object_get(effect, "tftp_encrypted_config"))
		       ? ", configuration encrypted"
		       : "");
	buf_free(&mode);
	buf_free(&transport);
}

static void show_seen(const json_t *doc)
{
	const json_t *seen = json_object_get(doc, "seen");
	struct buf file = {0}, address = {0}, time = {0}, outcome = {0};

	if (json_is_object(seen))
		printf("%-28s %s from %s at %s: %s\n", "Asked for last",
		       remote_text(&file, seen, "file"), remote_text(&address, seen, "address"),
		       remote_text(&time, seen, "time"), remote_text(&outcome, seen, "outcome"));
	else
		printf("%-28s nothing yet\n", "Asked for last");
	buf_free(&file);
	buf_free(&address);
	buf_free(&time);
	buf_free(&outcome);
}

static void show_warnings(const json_t *doc)
{
	const json_t *sentence;
	size_t i;

	json_array_foreach(json_object_get(doc, "warnings"), i, sentence)
	{
		printf("Note: %s\n", json_string_value(sentence));
	}
}

static int show(struct remote *r, struct err *e)
{
	json_t *doc;

	if (remote_get(r, PHONES, r->words[0], NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	remote_show(doc, phone_fields);
	show_effect(doc);
	show_lines(doc);
	show_cert(doc, "LSC", "lsc");
	show_cert(doc, "MIC", "mic");
	show_seen(doc);
	printf("Parameters of its own\n");
	remote_show_parameters(doc);
	show_warnings(doc);
	json_decref(doc);
	return 0;
}

static int secrets(struct remote *r, struct err *e)
{
	static const struct remote_field fields[] = {
		{"Authentication String", "auth_string"}, {"Key typed in", "key"}, {NULL, NULL}};
	struct buf name = {0};
	const char *param;
	json_t *value, *doc;
	int rc;

	buf_printf(&name, "%s", PHONES "/");
	remote_escape(&name, r->words[0]);
	rc = buf_cstr(&name) ? remote_get(r, (const char *)name.data, "secrets", NULL, &doc, e)
			     : err_nomem(e);
	buf_free(&name);
	if (rc)
		return rc;
	if (r->json)
		return json_print(doc);
	remote_show(doc, fields);
	json_object_foreach(json_object_get(doc, "parameters"), param, value)
	{
		printf("%-28s %s\n", param, json_string_value(value));
	}
	json_decref(doc);
	return 0;
}

/* ---- lists ---- */

/* Adds the query and the place to go on from to path. */
static const char *page_path(struct buf *path, const struct remote *r, bool search,
			     const char *after)
{
	path->len = 0;
	buf_printf(path, PHONES "%s?limit=1000", search ? "/search" : "");
	if (r->query.len) {
		buf_str(path, "&");
		buf_put(path, r->query.data + 1, r->query.len - 1);
	}
	if (after) {
		buf_str(path, "&after=");
		remote_escape(path, after);
	}
	return buf_cstr(path);
}

static int read_page(struct remote *r, const char *path, json_t *body, json_t **doc, struct err *e)
{
	if (!path)
		return err_nomem(e);
	return body ? remote_send(r, "POST", path, NULL, body, doc, e)
		    : remote_get(r, path, NULL, NULL, doc, e);
}

int remote_each_phone(struct remote *r, remote_phone_fn *fn, void *arg, struct err *e)
{
	const char *text = remote_kept(r, "auth-string");
	json_t *body = text ? json_pack("{s:o}", "auth_string", json_chars(text)) : NULL;
	char after[64] = "";
	struct buf path = {0};
	const json_t *phone;
	bool more = true;
	size_t i;
	int rc = 0;

	while (!rc && more) {
		json_t *doc = NULL;

		rc = read_page(r, page_path(&path, r, body, *after ? after : NULL), body, &doc, e);
		json_array_foreach(json_object_get(doc, "phones"), i, phone)
		{
			rc = rc ? rc : fn(phone, arg, e);
		}
		more = json_is_string(json_object_get(doc, "next"));
		if (more)
			snprintf(after, sizeof(after), "%s",
				 json_string_value(json_object_get(doc, "next")));
		json_decref(doc);
	}
	json_decref(body);
	buf_free(&path);
	return rc;
}

static int print_phone(const json_t *p, void *arg, struct err *e)
{
	static const char *const members[] = {"name", "model", "protocol", "profile"};
	static const int widths[] = {15, 9, 4, 32};
	const json_t *effect = json_object_get(p, "effective");
	const bool lsc = json_is_true(json_object_get(p, "lsc"));
	const bool mic = json_is_true(json_object_get(p, "mic"));
	const json_t *line = json_array_get(json_object_get(p, "lines"), 0);
	struct buf mode = {0}, dn = {0};

	(void)arg;
	(void)e;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct buf b = {0};

		printf("%-*s ", widths[i], remote_text(&b, p, members[i]));
		buf_free(&b);
	}
	printf("%-13s %-7s %-8s %s\n", remote_text(&mode, effect, "device_security_mode"),
	       lsc && mic ? "lsc+mic"
	       : lsc      ? "lsc"
	       : mic      ? "mic"
			  : "-",
	       line ? remote_text(&dn, line, "dn") : "-",
	       json_is_true(json_object_get(p, "reset_pending")) ? "reset pending" : "");
	buf_free(&mode);
	buf_free(&dn);
	return 0;
}

static int keep_phone(const json_t *p, void *arg, struct err *e)
{
	return json_array_append(arg, (json_t *)p) ? err_nomem(e) : 0;
}

static int list(struct remote *r, struct err *e)
{
	json_t *phones;
	int rc;

	if (!r->json)
		return remote_each_phone(r, print_phone, NULL, e);
	phones = json_array();
	rc = remote_each_phone(r, keep_phone, phones, e);
	if (!rc)
		return json_print(json_pack("{s:o}", "phones", phones));
	json_decref(phones);
	return rc;
}

/* ---- the table of models: asks nobody ---- */

static json_t *ability_json(const struct device_ability *a)
{
	if (!a->there)
		return json_null();
	return json_pack("{s:s, s:b, s:s, s:b}", "most_secure_mode", device_mode_word(a->most),
			 "srtp", (int)a->srtp, "encrypted_config", device_cipher_word(a->cipher),
			 "verifies_signatures", (int)a->verifies);
}

static json_t *model_json(const struct device_model *m)
{
	return json_pack("{s:s, s:o, s:o, s:b, s:b, s:b}", "name", m->name, "sccp",
			 ability_json(&m->sccp), "sip", ability_json(&m->sip), "mic", (int)m->mic,
			 "sha512", (int)m->sha512, "itl", (int)m->itl);
}

static void print_ability(const struct device_model *m, const char *protocol,
			  const struct device_ability *a)
{
	if (a->there)
		printf("%-12s %-5s %-13s %-6s %s%s\n", m->name, protocol, device_mode_word(a->most),
		       device_cipher_word(a->cipher), m->mic ? "MIC" : "no MIC",
		       m->sha512 ? ", SHA-512" : "");
}

int cmd_phone_models(int argc, char **argv, void *ctx)
{
	const bool json = local_wants_json("Lists the models that are known: protocol, highest "
					   "security mode, how configuration files are encrypted.",
					   argc, argv);
	json_t *models = json ? json_array() : NULL;

	(void)ctx;
	for (size_t i = 0; device_model_at(i); i++) {
		const struct device_model *m = device_model_at(i);

		if (json) {
			json_array_append_new(models, model_json(m));
		} else {
			print_ability(m, "sccp", &m->sccp);
			print_ability(m, "sip", &m->sip);
		}
	}
	return json ? json_print(json_pack("{s:o}", "models", models)) : 0;
}

/* ---- the way in ---- */

#define COMMAND(function, ...)                                                                     \
	int function(int argc, char **argv, void *ctx)                                             \
	{                                                                                          \
		static const struct remote_cmd cmd = {__VA_ARGS__};                                \
                                                                                                   \
		(void)ctx;                                                                         \
		return remote_main(&cmd, argc, argv);                                              \
	}

COMMAND(cmd_phone_add, "NAME",
	"Adds a phone: SEP and its MAC address, the MAC address alone, or a softphone's name.", 1,
	1, add, {PHONE_OPTIONS})
COMMAND(cmd_phone_set, "NAME",
	"Changes a phone. --line replaces all of its lines. Reset it afterwards.", 1, 1, set,
	{PHONE_OPTIONS})
COMMAND(cmd_phone_rename, "NAME NEW-NAME",
	"Puts another device in a phone's place. Certificates, key and authentication string were "
	"the old one's, and are forgotten.",
	2, 2, rename_it, {{0}})
COMMAND(cmd_phone_remove, "NAME...", "Removes phones.", 1, SIZE_MAX, remove_it, {REMOTE_OPTION_YES})
COMMAND(cmd_phone_show, "NAME", "Shows a phone.", 1, 1, show, {{0}})
COMMAND(cmd_phone_secrets, "NAME",
	"Shows what is secret of a phone: its authentication string, the key to type into it, and "
	"passwords. The audit log notes that it was looked at.",
	1, 1, secrets, {{0}})
COMMAND(cmd_phone_list, "",
	"Lists the phones for which everything given is true; all of them if nothing is. NAME and "
	"TEXT may have the wildcards * and ?.",
	0, 0, list, {REMOTE_PHONE_FILTER})
COMMAND(cmd_phone_cert, "NAME",
	"Sets a phone's certificates by hand, where CAPF has not seen them. PEM or DER.", 1, 1,
	cert,
	{{"lsc", "FILE", REMOTE_KEPT, NULL, "The locally significant one; none takes it away"},
	 {"mic", "FILE", REMOTE_KEPT, NULL, "The manufacturer's; none takes it away"}})
COMMAND(cmd_phone_key, "NAME",
	"Sets the key that is typed into a phone of an older model, for its configuration file. "
	"\"phone secrets\" shows it.",
	1, 1, key,
	{{"generate", NULL, REMOTE_FLAG, NULL, "Make one"},
	 {"remove", NULL, REMOTE_FLAG, NULL, "Take it away"},
	 {"source", "SOURCE", REMOTE_KEPT, NULL,
	  "Where the digits come from: prompt, env:NAME, file:PATH, fd:N or askpass"}})
COMMAND(cmd_phone_secret, "NAME PARAMETER",
	"Sets a secret parameter of a phone, such as phonePassword.", 2, 2, secret,
	{{"source", "SOURCE", REMOTE_KEPT, NULL,
	  "Where the value comes from: prompt, env:NAME, file:PATH, fd:N or askpass"}})
