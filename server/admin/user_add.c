#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/secret.h"
#include "server/admin/state_opt.h"
#include "server/store/password.h"
#include "server/store/store.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_MIN = 8, OPT_ROLE = 1000, OPT_PASSWORD_SOURCE, OPT_STATE };

struct options {
	const char *name, *role, *password_source, *conf, *state;
};

static const struct argp_option option_table[] = {
	{.name = "role",
	 .key = OPT_ROLE,
	 .arg = "ROLE",
	 .doc = "officer (may change the CTL), operator, "
		"auditor or viewer"},
	{.name = "password-source",
	 .key = OPT_PASSWORD_SOURCE,
	 .arg = "X",
	 .doc = "prompt, env:NAME, file:PATH or fd:N"},
	{.name = "config",
	 .key = 'c',
	 .arg = "FILE",
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},
	{.name = "state", .key = OPT_STATE, .arg = "DIR", .doc = "folder of the node's state"},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_ROLE:
		o->role = arg;
		return 0;
	case OPT_PASSWORD_SOURCE:
		o->password_source = arg;
		return 0;
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->name)
			argp_error(state, "one user at a time");
		o->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->name)
			argp_error(state, "the name of the user is missing");
		if (!o->role)
			argp_error(state, "--role is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check_name(const char *name, struct err *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-@";
	const size_t n = strlen(name);

	if (n && n < STORE_NAME_MAX && strspn(name, allowed) == n)
		return 0;
	return err_set(e, ERR_USAGE, "user-name",
		       "a user name has 1 to %d letters, digits or . _ - @", STORE_NAME_MAX - 1);
}

static int check_role(const char *role, struct err *e)
{
	static const char *const roles[] = {"officer", "operator", "auditor", "viewer"};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(roles[i], role))
			return 0;
	return err_set(e, ERR_USAGE, "role",
		       "\"%s\" is no role; they are officer, operator, auditor and viewer", role);
}

/* A person who types blindly types twice. */
static int read_again(const struct secret *first, struct err *e)
{
	struct secret second;
	bool same;

	if (secret_read(&second, "prompt", "The same password again", "password",
			"--password-source", e))
		return (int)e->kind;
	same = first->len == second.len && !CRYPTO_memcmp(first->text, second.text, first->len);
	secret_free(&second);
	return same ? 0
		    : err_set(e, ERR_FAILED, "password",
			      "the two passwords are not the same; nothing was done");
}

static int read_password(struct secret *password, const struct options *o, struct err *e)
{
	const bool prompt = !o->password_source || !strcmp(o->password_source, "prompt");
	char text[STORE_NAME_MAX + 32];
	int rc = 0;

	snprintf(text, sizeof(text), "New password for %s", o->name);
	if (secret_read(password, o->password_source, text, "password", "--password-source", e))
		return (int)e->kind;
	if (password->len < PASSWORD_MIN)
		rc = err_set(e, ERR_FAILED, "password",
			     "the password has %zu characters; it needs %d", password->len,
			     PASSWORD_MIN);
	if (!rc && prompt)
		rc = read_again(password, e);
	if (rc)
		secret_free(password);
	return rc;
}

static int add(const struct options *o, const char *state, struct err *e)
{
	struct store_user user = {0};
	struct secret password;
	struct store *s;
	int rc = store_open(&s, state, STORE_WRITE, e);

	if (rc)
		return rc;
	rc = read_password(&password, o, e);
	if (rc)
		goto out;
	snprintf(user.name, sizeof(user.name), "%s", o->name);
	snprintf(user.role, sizeof(user.role), "%s", o->role);
	rc = password_hash(user.hash, &password, e);
	if (!rc)
		rc = store_user_add(s, &user, e);
	secret_free(&password);
out:
	store_close(s);
	return rc;
}

int cmd_user_add(int argc, char **argv, void *ctx)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Adds an administrator's account.",
	};
	struct options o = {0};
	char *state = NULL;
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	rc = check_name(o.name, &e);
	if (!rc)
		rc = check_role(o.role, &e);
	if (!rc)
		rc = state_opt(&state, o.state, o.conf, &e);
	if (!rc)
		rc = add(&o, state, &e);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	else
		printf("added %s, %s\n", o.name, o.role);
	return rc;
}
