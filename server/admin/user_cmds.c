/* ctladmin user ...: accounts of administrators, in the store of this node. */
#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/secret.h"
#include "server/admin/state_opt.h"
#include "server/store/password.h"
#include "server/store/store.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PASSWORD_MIN = 8,
	CERT_FILE_MAX = 64 * 1024,
	OPT_ROLE = 1000,
	OPT_PASSWORD_SOURCE,
	OPT_STATE,
	OPT_JSON
};

struct options;

/* One command. */
struct job {
	const char *args_doc, *doc;
	const char *second; /* what the second word is; NULL: there is none */
	bool everybody;     /* there is no name */
	int (*run)(const struct options *o, struct store *s, struct err *e);
};

struct options {
	const struct job *job;
	const char *name, *word, *role, *password_source, *conf, *state;
	bool json;
};

#define OPTION_ROLE                                                                                \
	{                                                                                          \
		.name = "role", .key = OPT_ROLE, .arg = "ROLE",                                    \
		.doc = "officer (may change the CTL), operator, auditor or viewer"                 \
	}
#define OPTION_PASSWORD                                                                            \
	{                                                                                          \
		.name = "password-source", .key = OPT_PASSWORD_SOURCE, .arg = "X",                 \
		.doc = "prompt, env:NAME, file:PATH, fd:N or askpass"                              \
	}
#define OPTION_JSON                                                                                \
	{                                                                                          \
		.name = "json", .key = OPT_JSON, .doc = "print a JSON document"                    \
	}
#define OPTIONS_STATE                                                                              \
	{.name = "config",                                                                         \
	 .key = 'c',                                                                               \
	 .arg = "FILE",                                                                            \
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},                                          \
	{                                                                                          \
		.name = "state", .key = OPT_STATE, .arg = "DIR",                                   \
		.doc = "folder of the node's state"                                                \
	}

static void take_word(struct options *o, char *arg, struct argp_state *state)
{
	if (!o->job->everybody && !o->name)
		o->name = arg;
	else if (o->job->second && !o->word)
		o->word = arg;
	else
		argp_error(state, "\"%s\" is not expected here", arg);
}

static void check_complete(const struct options *o, struct argp_state *state)
{
	if (!o->job->everybody && !o->name)
		argp_error(state, "the name of the user is missing");
	if (o->job->second && !o->word)
		argp_error(state, "%s is missing", o->job->second);
}

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
	case OPT_JSON:
		o->json = true;
		return 0;
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		take_word(o, arg, state);
		return 0;
	case ARGP_KEY_END:
		check_complete(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(const struct job *job, const struct argp_option *options, int argc, char **argv)
{
	const struct argp argp = {
		.options = options, .parser = parse, .args_doc = job->args_doc, .doc = job->doc};
	struct options o = {.job = job};
	struct store *s = NULL;
	char *state = NULL;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, &o);
	rc = state_opt(&state, o.state, o.conf, &e);
	if (!rc)
		rc = store_open(&s, state, STORE_WRITE, &e);
	if (!rc)
		rc = job->run(&o, s, &e);
	store_close(s);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

/* ---- names, roles, passwords ---- */

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

	for (size_t i = 0; role && i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(roles[i], role))
			return 0;
	return err_set(e, ERR_USAGE, "role",
		       "\"%s\" is no role; they are officer, operator, auditor and viewer",
		       role ? role : "");
}

static int read_password(struct secret *password, const struct options *o, struct err *e)
{
	char text[STORE_NAME_MAX + 32];

	snprintf(text, sizeof(text), "New password for %s", o->name);
	if (secret_read_new(password, o->password_source, text, "password", "--password-source", e))
		return (int)e->kind;
	if (password->len >= PASSWORD_MIN)
		return 0;
	err_set(e, ERR_FAILED, "password", "the password has %zu characters; it needs %d",
		password->len, PASSWORD_MIN);
	secret_free(password);
	return (int)e->kind;
}

/* Reads a new password and puts its hash into the user. */
static int hash_new_password(struct store_user *user, const struct options *o, struct err *e)
{
	struct secret password;
	int rc = read_password(&password, o, e);

	if (rc)
		return rc;
	rc = password_hash(user->hash, &password, e);
	secret_free(&password);
	return rc;
}

static struct store_user user_named(const char *name)
{
	struct store_user u = {0};

	snprintf(u.name, sizeof(u.name), "%s", name);
	return u;
}

/* ---- the commands ---- */

static int add(const struct options *o, struct store *s, struct err *e)
{
	struct store_user u = user_named(o->name);
	int rc = check_name(o->name, e);

	if (!rc)
		rc = check_role(o->role, e);
	if (!rc)
		rc = hash_new_password(&u, o, e);
	if (rc)
		return rc;
	snprintf(u.role, sizeof(u.role), "%s", o->role);
	rc = store_user_add(s, &u, e);
	if (!rc)
		printf("added %s, %s\n", o->name, o->role);
	return rc;
}

static int set_role(const struct options *o, struct store *s, struct err *e)
{
	struct store_user u = user_named(o->name);
	int rc = check_role(o->word, e);

	if (rc)
		return rc;
	snprintf(u.role, sizeof(u.role), "%s", o->word);
	rc = store_user_change(s, &u, STORE_USER_ROLE, e);
	if (!rc)
		printf("%s has the role %s\n", o->name, o->word);
	return rc;
}

static int passwd(const struct options *o, struct store *s, struct err *e)
{
	struct store_user u = user_named(o->name);
	int rc = hash_new_password(&u, o, e);

	if (!rc)
		rc = store_user_change(s, &u, STORE_USER_PASSWORD, e);
	if (!rc)
		printf("%s has a new password; it counts at once\n", o->name);
	return rc;
}

static int set_locked(const struct options *o, bool locked, struct store *s, struct err *e)
{
	struct store_user u = user_named(o->name);
	int rc;

	u.locked = locked;
	rc = store_user_change(s, &u, STORE_USER_LOCKED, e);
	if (!rc)
		printf("%s is %s\n", o->name, locked ? "locked" : "unlocked");
	return rc;
}

static int lock(const struct options *o, struct store *s, struct err *e)
{
	return set_locked(o, true, s, e);
}

static int unlock(const struct options *o, struct store *s, struct err *e)
{
	return set_locked(o, false, s, e);
}

static int remove_user(const struct options *o, struct store *s, struct err *e)
{
	const int rc = store_user_remove(s, o->name, e);

	if (!rc)
		printf("removed %s\n", o->name);
	return rc;
}

/* PEM or DER. */
static int read_cert(X509 **cert, const char *path, struct err *e)
{
	struct buf file = {0};
	const uint8_t *der;
	BIO *bio;
	int rc = file_read(path, CERT_FILE_MAX, &file, e);

	if (rc)
		return rc;
	bio = BIO_new_mem_buf(file.data, (int)file.len);
	*cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	der = file.data;
	if (!*cert)
		*cert = d2i_X509(NULL, &der, (long)file.len);
	if (!*cert)
		rc = err_set(e, ERR_FAILED, "certificate", "%s holds no certificate", path);
	BIO_free(bio);
	buf_free(&file);
	return rc;
}

static int set_cert(const struct options *o, struct store *s, struct err *e)
{
	struct store_user u = user_named(o->name);
	X509 *cert = NULL;
	unsigned n = 0;
	int rc;

	u.has_cert = strcmp(o->word, "none") != 0;
	rc = u.has_cert ? read_cert(&cert, o->word, e) : 0;
	if (!rc && u.has_cert && !X509_digest(cert, EVP_sha256(), u.cert, &n))
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot digest %s", o->word);
	if (!rc)
		rc = store_user_change(s, &u, STORE_USER_CERT, e);
	if (!rc)
		printf("%s logs in with the password%s\n", o->name,
		       u.has_cert ? " and the key of that certificate" : " alone");
	X509_free(cert);
	return rc;
}

/* ---- the list ---- */

static json_t *json_user(const struct store_user *u)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "name", u->name, "role", u->role, "locked",
			 (int)u->locked, "certificate",
			 u->has_cert ? json_hex(span_of(u->cert, sizeof(u->cert))) : json_null());
}

static void print_user(const struct store_user *u)
{
	printf("%-24s %-9s %-9s %s\n", u->name, u->role, u->locked ? "locked" : "",
	       u->has_cert ? "with client certificate" : "");
}

static int list(const struct options *o, struct store *s, struct err *e)
{
	struct store_user *users;
	json_t *array = json_array();
	size_t n;
	int rc = store_users(s, &users, &n, e);

	for (size_t i = 0; !rc && i < n; i++) {
		if (o->json)
			json_array_append_new(array, json_user(&users[i]));
		else
			print_user(&users[i]);
		OPENSSL_cleanse(&users[i], sizeof(users[i]));
	}
	if (!rc) {
		free(users);
		if (o->json)
			return json_print(json_pack("{s:o}", "users", array));
	}
	json_decref(array);
	return rc;
}

/* ---- the way in ---- */

static const struct argp_option options_add[] = {OPTION_ROLE, OPTION_PASSWORD, OPTIONS_STATE, {0}};
static const struct argp_option options_passwd[] = {OPTION_PASSWORD, OPTIONS_STATE, {0}};
static const struct argp_option options_list[] = {OPTION_JSON, OPTIONS_STATE, {0}};
static const struct argp_option options_plain[] = {OPTIONS_STATE, {0}};

int cmd_user_add(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME", "Adds an administrator's account.", .run = add};

	(void)ctx;
	return run(&job, options_add, argc, argv);
}

int cmd_user_list(int argc, char **argv, void *ctx)
{
	static const struct job job = {NULL, "Lists the accounts of administrators.",
				       .everybody = true, .run = list};

	(void)ctx;
	return run(&job, options_list, argc, argv);
}

int cmd_user_set_role(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME ROLE",
				       "Gives an account another role: officer, operator, auditor "
				       "or viewer.",
				       .second = "the role", .run = set_role};

	(void)ctx;
	return run(&job, options_plain, argc, argv);
}

int cmd_user_passwd(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME", "Gives an account another password, from now on.",
				       .run = passwd};

	(void)ctx;
	return run(&job, options_passwd, argc, argv);
}

int cmd_user_lock(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME", "Locks an account.", .run = lock};

	(void)ctx;
	return run(&job, options_plain, argc, argv);
}

int cmd_user_unlock(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME", "Opens a locked account again.", .run = unlock};

	(void)ctx;
	return run(&job, options_plain, argc, argv);
}

int cmd_user_remove(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME", "Removes an account.", .run = remove_user};

	(void)ctx;
	return run(&job, options_plain, argc, argv);
}

int cmd_user_cert(int argc, char **argv, void *ctx)
{
	static const struct job job = {"NAME CERT|none",
				       "Binds an account to a client certificate: its key, on a "
				       "token, is needed besides the password.",
				       .second = "the certificate's file, or \"none\",",
				       .run = set_cert};

	(void)ctx;
	return run(&job, options_plain, argc, argv);
}
