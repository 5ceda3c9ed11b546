/* Instances of applications and end users, and the authentication strings of all who call CAPF. */
#include "server/store/capf_priv.h"
#include "server/store/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_ON_WIRE = 64 }; /* characters of a common name (RFC 5280, ub-common-name) */

int capf_no_user(const char *name, struct err *e)
{
	err_set(e, ERR_FAILED, "no-capf-user", "there is no instance \"%s\"", name);
	return err_hint(e, "\"ctladmin capf user list\" shows those that there are; they are "
			   "written USER:INSTANCE");
}

/* ---- instances ---- */

static int check_instance(const char *instance, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";

	if (*instance && instance[strspn(instance, allowed)] == '\0')
		return 0;
	return err_set(e, ERR_USAGE, "capf-instance",
		       "an instance ID has letters, dashes, underscores and periods, not \"%s\"",
		       instance);
}

static int check_user(const struct store_capf_user *u, struct err *e)
{
	const size_t n = strlen(u->user) + 1 + strlen(u->instance);

	if (phone_check_text(u->user, false, "capf-user", "the user", e) ||
	    phone_check_text(u->description, true, "capf-user", "the description", e) ||
	    check_instance(u->instance, e))
		return (int)e->kind;
	if (strpbrk(u->user, ":/ ") || n > NAME_ON_WIRE)
		return err_set(e, ERR_USAGE, "capf-user",
			       "a user's name has no colons, slashes and blanks, and with its "
			       "instance ID at most %d characters",
			       NAME_ON_WIRE - 1);
	if (u->key_size != 512 && u->key_size != 1024 && u->key_size != 2048)
		return err_set(e, ERR_USAGE, "capf-key",
			       "the size of the key is 512, 1024 or 2048 bits, not %d",
			       u->key_size);
	return 0;
}

int store_capf_user_add(struct store *s, const struct store_capf_user *u, struct err *e)
{
	struct query q;
	bool added;
	int rc;

	if (check_user(u, e) || store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s,
		    "INSERT INTO capf_users (application, user, instance, description, key_size)"
		    " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1");
	query_put_int(&q, u->application);
	query_put_text(&q, u->user);
	query_put_text(&q, u->instance);
	query_put_text(&q, u->description);
	query_put_int(&q, u->key_size);
	added = query_row(&q);
	rc = query_end(&q, "add the instance", e);
	if (!rc && !added)
		rc = err_set(e, ERR_CONFLICT, "capf-user-exists",
			     "there is an instance %s:%s already", u->user, u->instance);
	if (!rc)
		rc = audit_putf(s, "capf", e, "added the instance %s:%s", u->user, u->instance);
	return store_end(s, rc, e);
}

int store_capf_user_remove(struct store *s, const char *user, const char *instance, struct err *e)
{
	char name[STORE_CAPF_NAME_MAX];
	struct query q;
	bool removed;
	int rc;

	snprintf(name, sizeof(name), "%s:%s", user, instance);
	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s, "DELETE FROM capf_users WHERE user = ? AND instance = ? RETURNING 1");
	query_put_text(&q, user);
	query_put_text(&q, instance);
	removed = query_row(&q);
	rc = query_end(&q, "remove the instance", e);
	if (!rc && !removed)
		rc = capf_no_user(name, e);
	if (!rc)
		rc = audit_putf(s, "capf", e, "removed the instance %s", name);
	return store_end(s, rc, e);
}

int store_capf_users(struct store *s, store_capf_user_fn *fn, void *arg, struct err *e)
{
	struct store_capf_user u;
	struct err ignored;
	struct query q;
	int rc = 0;

	query_start(&q, s,
		    "SELECT application, user, instance, description, key_size FROM capf_users"
		    " ORDER BY user, instance");
	while (!rc && query_row(&q)) {
		u.application = query_int(&q) != 0;
		query_text(&q, u.user, sizeof(u.user));
		query_text(&q, u.instance, sizeof(u.instance));
		query_text(&q, u.description, sizeof(u.description));
		u.key_size = (int)query_int(&q);
		rc = fn(&u, arg, e);
	}
	if (rc) {
		(void)query_end(&q, "", &ignored);
		return rc;
	}
	return query_end(&q, "read the instances", e);
}

/* ---- authentication strings ---- */

static void what_it_is(char what[80], const struct store_capf_case *c)
{
	snprintf(what, 80, "authentication string of instance %" PRId64, c->id);
}

int capf_string_set(struct store *s, const struct store_capf_case *c, struct span text,
		    struct err *e)
{
	struct buf sealed = {0};
	struct query q;
	char what[80];
	int rc;

	if (c->kind == STORE_CAPF_PHONE)
		return store_phone_secret_set(s, c->name, STORE_SECRET_AUTH_STRING, text, e);
	what_it_is(what, c);
	rc = phone_check_string(text, e);
	if (!rc && text.len)
		rc = seal(s, &sealed, what, text, e);
	if (!rc) {
		query_start(&q, s, "UPDATE capf_users SET auth_string = ? WHERE id = ?");
		query_put_blob(&q, buf_view(&sealed));
		query_put_int(&q, c->id);
		rc = query_run(&q, "write the authentication string", e);
	}
	buf_free(&sealed);
	return rc;
}

int capf_string_get(struct store *s, const struct store_capf_case *c, struct buf *text,
		    struct err *e)
{
	struct buf sealed = {0};
	struct query q;
	char what[80];
	int rc;

	if (c->kind == STORE_CAPF_PHONE)
		return store_phone_secret_get(s, c->name, STORE_SECRET_AUTH_STRING, text, e);
	what_it_is(what, c);
	query_start(&q, s, "SELECT auth_string FROM capf_users WHERE id = ?");
	query_put_int(&q, c->id);
	if (query_row(&q))
		query_blob(&q, &sealed);
	rc = query_end(&q, "read the authentication string", e);
	if (!rc && sealed.len)
		rc = unseal(s, text, what, buf_view(&sealed), e);
	buf_free(&sealed);
	return rc;
}
