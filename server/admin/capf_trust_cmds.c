/* ctladmin capf revoke, crl, trust, user: certificates, manufacturers and instances of users. */
#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "server/admin/remote.h"

#include <stdio.h>
#include <string.h>

enum { CERT_FILE_MAX = 64 * 1024 };

/* ---- revocation ---- */

static int revoke(struct remote *r, struct err *e)
{
	json_object_set_new(r->body, "serial", json_chars(r->words[0]));
	if (!remote_agreed(r, "Revoke the certificate %s?", r->words[0]))
		return err_set(e, ERR_FAILED, "cancelled", "nothing was revoked");
	if (remote_send(r, "POST", "capf/revoke", NULL, r->body, NULL, e))
		return (int)e->kind;
	if (r->json)
		return json_print(json_object());
	printf("revoked %s; ctlcapfd writes the CRL anew within seconds\n", r->words[0]);
	return 0;
}

int cmd_capf_revoke(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"SERIAL",
		"Revokes a certificate that CAPF has issued; \"capf explain --json\" and the "
		"report "
		"tell serial numbers. The phone needs a new one.",
		1,
		1,
		revoke,
		{{"reason", "WORD", REMOTE_TEXT, "reason",
		  "key-compromise, affiliation-changed, superseded, cessation"},
		 REMOTE_OPTION_YES,
		 {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static int crl(struct remote *r, struct err *e)
{
	struct api_reply reply = {0};
	int rc = api_get(r->api, REMOTE_ROOT "/capf/crl", &reply, e);

	if (!rc)
		rc = file_write(r->words[0], buf_view(&reply.body), 0644, e);
	buf_free(&reply.body);
	if (!rc && !r->json)
		printf("wrote %s\n", r->words[0]);
	return rc || !r->json ? rc : json_print(json_object());
}

int cmd_capf_crl(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"FILE", "Writes the list of revoked certificates, DER.", 1, 1, crl, {{0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

/* ---- manufacturers ---- */

static int print_list(struct remote *r, const char *collection, const char *key,
		      const char *const *columns, size_t n, struct err *e)
{
	const json_t *row;
	json_t *doc;
	size_t i;

	if (remote_get(r, collection, NULL, NULL, &doc, e))
		return (int)e->kind;
	if (r->json)
		return json_print(doc);
	json_array_foreach(json_object_get(doc, key), i, row)
	{
		for (size_t k = 0; k < n; k++) {
			struct buf b = {0};
			const char *text = remote_text(&b, row, columns[k]);

			printf("%-20s%s", text ? text : "", k + 1 < n ? " " : "\n");
			buf_free(&b);
		}
	}
	json_decref(doc);
	return 0;
}

static int trust_list(struct remote *r, struct err *e)
{
	static const char *const columns[] = {"name", "subject"};

	return print_list(r, "capf/trust", "trust", columns, 2, e);
}

static int trust_add(struct remote *r, struct err *e)
{
	struct api_reply reply = {0};
	struct buf cert = {0}, path = {0};
	const char *text;
	int rc = file_read(r->words[1], CERT_FILE_MAX, &cert, e);

	buf_str(&path, REMOTE_ROOT "/capf/trust/");
	remote_escape(&path, r->words[0]);
	text = buf_cstr(&path);
	if (!rc)
		rc = text ? api_put(r->api, text, buf_view(&cert), 0, &reply, e) : err_nomem(e);
	if (!rc && !r->json)
		printf("MICs issued by %s are believed\n", r->words[0]);
	buf_free(&reply.body);
	buf_free(&cert);
	buf_free(&path);
	return rc || !r->json ? rc : json_print(json_object());
}

static int trust_remove(struct remote *r, struct err *e)
{
	return remote_remove(r, "capf/trust", "manufacturer", e);
}

static int cmd_trust_list(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"", "Lists whose MICs are believed.", 0, 0, trust_list, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static int cmd_trust_add(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME FILE",
		"Believes MICs that a manufacturer's authority has issued: its certificate, PEM or "
		"DER. Give the one that signs MICs itself: phones send no certificate in between.",
		2,
		2,
		trust_add,
		{{0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static int cmd_trust_remove(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"NAME",
		"Believes that manufacturer no more.",
		1,
		1,
		trust_remove,
		{REMOTE_OPTION_YES, {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_capf_trust(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"list", "", "list whose MICs are believed", cmd_trust_list},
		{"add", "NAME FILE", "believe a manufacturer's MICs", cmd_trust_add},
		{"remove", "NAME", "believe them no more", cmd_trust_remove},
		{0},
	};

	return cli_dispatch(table, "Manufacturers whose certificates (MICs) CAPF believes.", "",
			    argc, argv, ctx);
}

/* ---- instances of users ---- */

static int user_list(struct remote *r, struct err *e)
{
	static const char *const columns[] = {"kind", "user", "instance", "description"};

	return print_list(r, "capf/users", "users", columns, 4, e);
}

static int user_add(struct remote *r, struct err *e)
{
	json_object_set_new(r->body, "user", json_chars(r->words[0]));
	json_object_set_new(r->body, "instance", json_chars(r->words[1]));
	if (remote_send(r, "POST", "capf/users", NULL, r->body, NULL, e))
		return (int)e->kind;
	if (r->json)
		return json_print(json_object());
	printf("added %s:%s; \"ctladmin capf generate %s:%s\" schedules its certificate\n",
	       r->words[0], r->words[1], r->words[0], r->words[1]);
	return 0;
}

static int user_remove(struct remote *r, struct err *e)
{
	return remote_remove(r, "capf/users", "instance", e);
}

static int cmd_instance_list(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"", "Lists the instances of applications and end users.", 0, 0, user_list, {{0}}};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static int cmd_instance_add(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"USER INSTANCE",
		"Adds a CAPF profile for one instance of an application or end user. An instance "
		"ID "
		"has letters, dashes, underscores and periods.",
		2,
		2,
		user_add,
		{{"kind", "KIND", REMOTE_TEXT, "kind", "application (default) or end"},
		 {"key-size", "BITS", REMOTE_INT, "key_size", "512, 1024 (default), 2048"},
		 {"description", "TEXT", REMOTE_TEXT, "description", "What it is for"},
		 {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

static int cmd_instance_remove(int argc, char **argv, void *ctx)
{
	static const struct remote_cmd cmd = {
		"USER:INSTANCE", "Removes an instance.",   1, 1,
		user_remove,     {REMOTE_OPTION_YES, {0}},
	};

	(void)ctx;
	return remote_main(&cmd, argc, argv);
}

int cmd_capf_user(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"list", "", "list instances", cmd_instance_list},
		{"add", "USER INSTANCE", "add an instance", cmd_instance_add},
		{"remove", "USER:INSTANCE", "remove an instance", cmd_instance_remove},
		{0},
	};

	return cli_dispatch(table, "CAPF profiles of applications and end users.", "", argc, argv,
			    ctx);
}
