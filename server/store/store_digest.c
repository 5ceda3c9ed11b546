/* Users with digest credentials. */
#include "server/store/phone_priv.h"
#include "server/store/seal.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char action[] = "digest-user";

static void what_it_is(char what[STORE_DIGEST_USER_MAX + 16], const char *name)
{
	snprintf(what, STORE_DIGEST_USER_MAX + 16, "digest user %s", name);
}

/* ---- reading ---- */

#define USER_COLUMNS                                                                               \
	"u.id, u.name, u.version, (SELECT count(*) FROM phones WHERE digest_user = u.id)"

static void take_user(struct query *q, struct store_digest_user *u)
{
	*u = (struct store_digest_user){.id = query_int(q)};
	query_text(q, u->name, sizeof(u->name));
	u->version = query_int(q);
	u->phones = query_int(q);
}

int store_digest_user_get(struct store *s, const char *name, struct store_digest_user *u,
			  bool *found, struct err *e)
{
	struct query q;

	*u = (struct store_digest_user){0};
	query_start(&q, s, "SELECT " USER_COLUMNS " FROM digest_users u WHERE u.name = ?");
	query_put_text(&q, name);
	*found = query_row(&q);
	if (*found)
		take_user(&q, u);
	return query_end(&q, "look up the digest user", e);
}

int store_digest_users(struct store *s, struct store_digest_user **list, size_t *n, struct err *e)
{
	struct store_digest_user *grown;
	struct query q;
	int rc;

	*list = NULL;
	*n = 0;
	query_start(&q, s, "SELECT " USER_COLUMNS " FROM digest_users u ORDER BY u.name");
	while (query_row(&q)) {
		grown = realloc(*list, (*n + 1) * sizeof(*grown));
		if (!grown) {
			q.rc = SQLITE_NOMEM;
			break;
		}
		*list = grown;
		take_user(&q, &grown[(*n)++]);
	}
	rc = query_end(&q, "read the digest users", e);
	if (rc) {
		free(*list);
		*list = NULL;
		*n = 0;
	}
	return rc;
}

static int refuse_unknown(const char *name, struct err *e)
{
	err_set(e, ERR_FAILED, "no-digest-user", "there is no digest user \"%s\"", name);
	return err_hint(e, "\"ctladmin digest-user set NAME\" makes one");
}

int store_digest_password(struct store *s, const char *name, struct secret *password, struct err *e)
{
	char what[STORE_DIGEST_USER_MAX + 16];
	struct buf sealed = {0}, plain = {0};
	struct query q;
	bool found;
	int rc;

	*password = (struct secret){0};
	query_start(&q, s, "SELECT password FROM digest_users WHERE name = ?");
	query_put_text(&q, name);
	found = query_row(&q);
	if (found)
		query_blob(&q, &sealed);
	rc = query_end(&q, "read the digest user's password", e);
	if (!rc && !found)
		rc = refuse_unknown(name, e);
	what_it_is(what, name);
	if (!rc)
		rc = unseal(s, &plain, what, buf_view(&sealed), e);
	if (!rc)
		rc = secret_set(password, (const char *)plain.data, plain.len, e);
	buf_wipe(&plain);
	buf_free(&sealed);
	return rc;
}

/* ---- changing ---- */

static int check(const char *name, const struct secret *password, struct err *e)
{
	static const char bad[] = " \"<>@:;,/\\?&=";
	int rc = phone_check_text(name, false, "digest-user", "the name of the digest user", e);

	if (!rc && (strlen(name) >= STORE_DIGEST_USER_MAX || strpbrk(name, bad)))
		rc = err_set(e, ERR_USAGE, "digest-user",
			     "the name of a digest user has at most %d bytes and none of %s or "
			     "blanks",
			     STORE_DIGEST_USER_MAX - 1, bad + 1);
	if (!rc)
		rc = phone_check_text(password->len ? password->text : "", false, "digest-user",
				      "the password", e);
	return rc;
}

int store_digest_user_set(struct store *s, const char *name, const struct secret *password,
			  struct err *e)
{
	char what[STORE_DIGEST_USER_MAX + 16];
	struct buf sealed = {0};
	int64_t version;
	struct query q;
	int rc = check(name, password, e);

	if (rc || store_begin(s, e))
		return (int)e->kind;
	what_it_is(what, name);
	rc = seal(s, &sealed, what, span_of(password->text, password->len), e);
	if (!rc)
		rc = phone_next_version(s, &version, e);
	if (!rc) {
		query_start(&q, s,
			    "INSERT INTO digest_users (name, password, version) VALUES (?, ?, ?)"
			    " ON CONFLICT (name) DO UPDATE SET password = excluded.password,"
			    " version = excluded.version");
		query_put_text(&q, name);
		query_put_blob(&q, buf_view(&sealed));
		query_put_int(&q, version);
		rc = query_run(&q, "set the digest user's password", e);
	}
	if (!rc)
		rc = audit_putf(s, action, e, "%s has new credentials", name);
	buf_free(&sealed);
	return store_end(s, rc, e);
}

static int refuse_in_use(struct store *s, const struct store_digest_user *u, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT name FROM phones WHERE digest_user = ? ORDER BY name");
	return phone_refuse_in_use(&q, u->id, "digest-user-in-use",
				   "the digest user cannot be removed", e);
}

int store_digest_user_remove(struct store *s, const char *name, struct err *e)
{
	struct store_digest_user u;
	int64_t version;
	struct query q;
	bool found;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = store_digest_user_get(s, name, &u, &found, e);
	if (!rc && !found)
		rc = refuse_unknown(name, e);
	if (!rc && u.phones)
		rc = refuse_in_use(s, &u, e);
	if (!rc) {
		query_start(&q, s, "DELETE FROM digest_users WHERE id = ?");
		query_put_int(&q, u.id);
		rc = query_run(&q, "remove the digest user", e);
	}
	if (!rc)
		rc = phone_next_version(s, &version, e);
	if (!rc)
		rc = audit_putf(s, action, e, "removed %s", name);
	return store_end(s, rc, e);
}
