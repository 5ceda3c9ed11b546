/* ctladmin profile, digest-user ...: security profiles of phones, and users for digest
 * authentication, over the provider's API. */
#include "server/admin/commands.h"

#include "common/secret.h"
#include "server/admin/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILES "profiles"
#define DIGEST_USERS "digest-users"

#define PROFILE_OPTIONS                                                                            \
	{"description", "TEXT", REMOTE_TEXT, "description", "What it is for"},                     \
		{"model", "MODEL", REMOTE_NAME, "model", "For that model only (none: for all)"},   \
		{"mode", "MODE", REMOTE_TEXT, "device_security_mode",                              \
		 "nonsecure, authenticated or encrypted"},                                         \
		{"encrypted-config", NULL, REMOTE_TRUE, "tftp_encrypted_config",                   \
		 "Encrypt the phones' configuration files"},                                       \
		{"no-encrypted-config", NULL, REMOTE_FALSE, "tftp_encrypted_config", "Do not"},    \
		{"auth-mode", "MODE", REMOTE_TEXT, "auth_mode",                                    \
		 "How a phone shows CAPF who it is: string, null, lsc or mic"},                    \
		{"key-size", "BITS", REMOTE_INT, "key_size",                                       \
		 "Of the phone's own key: 512, 1024, 2048"},                                       \
		{"transport", "WORD", REMOTE_TEXT, "transport", "SIP: tcp, udp, tcp+udp or tls"},  \
		{"digest", NULL, REMOTE_TRUE, "digest_authentication",                             \
		 "SIP: challenge every request"},                                                  \
		{"no-digest", NULL, REMOTE_FALSE, "digest_authentication", "SIP: do not"},         \
		{"exclude-digest", NULL, REMOTE_TRUE, "exclude_digest_credentials",                \
		 "SIP: keep digest credentials out of configuration files"},                       \
		{"no-exclude-digest", NULL, REMOTE_FALSE, "exclude_digest_credentials",            \
		 "SIP: do not"},                                                                   \
		{"nonce", "SECONDS", REMOTE_INT, "nonce_validity",                                 \
		 "SIP: how long a nonce is good"},                                                 \
	{                                                                                          \
		"sip-port", "PORT", REMOTE_INT, "sip_phone_port", "SIP: port of phones with UDP"   \
	}

/* ---- profiles ---- */

static const struct remote_field profile_fields[] = {
	{"Name", "name"},
	{"Description", "description"},
	{"Protocol", "protocol"},
	{"Model", "model"},
	{"Device Security Mode", "device_security_mode"},
	{"Transport Type", "transport"},
	{"TFTP Encrypted Config", "tftp_encrypted_config"},
	{"Enable Digest Authentication", "digest_authentication"},
	{"Exclude Digest Credentials", "exclude_digest_credentials"},
	{"Nonce Validity Time", "nonce_validity"},
	{"SIP Phone Port", "sip_phone_port"},
	{"CAPF Authentication Mode", "auth_mode"},
	{"CAPF Key Size", "key_size"},
	{"Predefined", "predefined"},
	{"Phones", "phones"},
	{"Version", "version"},
	{NULL, NULL},
};

static int show(const struct remote *r, json_t *doc)
{
	if (r->json)
		return json_print(doc);
	remote_show(doc, profile_fields);
	json_decref(doc);
	return 0;
}

static int profile_add(struct remote *r, struct err *e)
{
	json_t *doc;

	json_object_set_new(r->body, "name", json_chars(r->words[0]));
	return remote_send(r, "POST", PROFILES, NULL, r->body, &doc, e)
		       ? (int)e->kind
		       : remote_tell(r, doc, "added");
}

static int profile_copy(struct remote *r, struct err *e)
{
	static const char *const read_only[] = {"predefined", "phones", "version"};
	json_t *doc, *made;
	int rc = remote_get(r, PROFILES, r->words[0], NULL, &doc, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
		json_object_del(doc, read_only[i]);
	json_object_update(doc, r->body);
	json_object_set_new(doc, "name", json_chars(r->words[1]));
	/* What follows the mode unless told follows the new one. */
	if (json_object_get(r->body, "device_security_mode") &&
	    !json_object_get(r->body, "transport"))
		json_object_del(doc, "transport");
	rc = remote_send(r, "POST", PROFILES, NULL, doc, &made, e);
	json_decref(doc);
	return rc ? rc : remote_tell(r, made, "added");
}

static int profile_set(struct remote *r, struct err *e)
{
	json_t *doc;

	return remote_send(r, "PATCH", PROFILES, r->words[0], r->body, &doc, e)
		       ? (int)e->kind
		       : remote_tell(r, doc, "changed");
}

static int profile_rename(struct remote *r, struct err *e)
{
	json_object_set_new(r->body, "name", json_chars(r->words[1]));
	return profile_set(r, e);
}

static int profile_show(struct remote *r, struct err *e)
{
	json_t *doc;

	return remote_get(r, PROFILES, r->words[0], NULL, &doc, e) ? (int)e->kind : show(r, doc);
}

static void print_profile(const json_t *p)
{
	static const char *const members[] = {
		"name",      "protocol", "model", "device_security_mode",
		"auth_mode", "key_size", "phones"};
	static const int widths[] = {36, 5, 9, 14, 7, 5, 0};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct buf b = {0};
		const char *text = remote_text(&b, p, members[i]);

		printf("%-*s%s", widths[i], text ? text : "", widths[i] ? " " : "");
		buf_free(&b);
	}
	printf(" phones%s%s\n",
	       json_is_true(json_object_get(p, "tftp_encrypted_config")) ? ", encrypted files" : "",
	       json_is_true(json_object_get(p, "digest_authentication")) ? ", digest" : "");
}

static int profile_list(struct remote *r, struct err *e)
{
	const json_t *p;
	json_t *doc;
	size_t i;

	if (remote_get(r, PROFILES, NULL, NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	json_array_foreach(json_object_get(doc, "profiles"), i, p)
	{
		print_profile(p);
	}
	json_decref(doc);
	return 0;
}

static int profile_remove(struct remote *r, struct err *e)
{
	return remote_remove(r, PROFILES, "profile", e);
}

int cmd_profile_add(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME",
		"Adds a security profile for phones.",
		1,
		1,
		profile_add,
		{{"protocol", "PROTOCOL", REMOTE_TEXT, "protocol", "sccp or sip"}, PROFILE_OPTIONS}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_profile_copy(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {"NAME NEW-NAME",
					      "Adds a security profile that is like another one.",
					      2,
					      2,
					      profile_copy,
					      {PROFILE_OPTIONS}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_profile_set(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME",
		"Changes a security profile, for all phones that have it. Reset them afterwards.",
		1,
		1,
		profile_set,
		{PROFILE_OPTIONS}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_profile_rename(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME NEW-NAME",
		"Gives a security profile another name; its phones keep it.",
		2,
		2,
		profile_rename,
		{{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_profile_show(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME", "Shows a security profile.", 1, 1, profile_show, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_profile_list(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"", "Lists the security profiles.", 0, 0, profile_list, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_profile_remove(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {"NAME...",
					      "Removes security profiles that no phone has.",
					      1,
					      SIZE_MAX,
					      profile_remove,
					      {REMOTE_OPTION_YES}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

/* ---- digest users ---- */

static int digest_set(struct remote *r, struct err *e)
{
	struct secret password;
	char prompt[160];
	json_t *doc;
	int rc;

	snprintf(prompt, sizeof(prompt), "Digest password of %.100s", r->words[0]);
	rc = secret_read_new(&password, remote_kept(r, "digest-source"), prompt, "digest password",
			     "--digest-source", e);
	if (rc)
		return rc;
	json_object_set_new(r->body, "password", json_chars(password.text));
	secret_free(&password);
	rc = remote_send(r, "PUT", DIGEST_USERS, r->words[0], r->body, &doc, e);
	return rc ? rc : remote_tell(r, doc, "set the digest password of");
}

static int digest_list(struct remote *r, struct err *e)
{
	const json_t *u;
	json_t *doc;
	size_t i;

	if (remote_get(r, DIGEST_USERS, NULL, NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	json_array_foreach(json_object_get(doc, "digest_users"), i, u)
	{
		struct buf b = {0};

		printf("%-32s %" JSON_INTEGER_FORMAT " phones\n", remote_text(&b, u, "name"),
		       json_integer_value(json_object_get(u, "phones")));
		buf_free(&b);
	}
	json_decref(doc);
	return 0;
}

static int digest_remove(struct remote *r, struct err *e)
{
	return remote_remove(r, DIGEST_USERS, "digest user", e);
}

int cmd_digest_set(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME",
		"Makes a user for SIP digest authentication, or gives it another password.",
		1,
		1,
		digest_set,
		{{"digest-source", "SOURCE", REMOTE_KEPT, NULL,
		  "Where the digest password comes from: prompt, env:NAME, file:PATH, fd:N or "
		  "askpass"}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_digest_list(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"", "Lists the users for digest authentication.", 0, 0, digest_list, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_digest_remove(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME...",
		"Removes users for digest authentication that no phone has.",
		1,
		SIZE_MAX,
		digest_remove,
		{REMOTE_OPTION_YES}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}
