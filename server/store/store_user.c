#include "server/store/store_priv.h"

#include "common/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char action[] = "user";

/* ---- reading ---- */

#define USER_COLUMNS "name, role, hash, locked, cert, version"

static void take_user(struct query *q, struct store_user *u)
{
	struct buf cert = {0};

	*u = (struct store_user){0};
	query_text(q, u->name, sizeof(u->name));
	query_text(q, u->role, sizeof(u->role));
	query_text(q, u->hash, sizeof(u->hash));
	u->locked = query_int(q) != 0;
	query_blob(q, &cert);
	u->has_cert = cert.len == sizeof(u->cert);
	if (u->has_cert)
		memcpy(u->cert, cert.data, cert.len);
	if (cert.bad)
		q->rc = SQLITE_NOMEM;
	buf_free(&cert);
	u->version = query_int(q);
}

int store_user_get(struct store *s, const char *name, struct store_user *u, bool *found,
		   struct err *e)
{
	struct query q;

	*u = (struct store_user){0};
	query_start(&q, s, "SELECT " USER_COLUMNS " FROM users WHERE name = ?");
	query_put_text(&q, name);
	*found = query_row(&q);
	if (*found)
		take_user(&q, u);
	return query_end(&q, "look up the user", e);
}

static bool take_list_row(struct query *q, struct store_user **list, size_t *n)
{
	struct store_user *grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return false;
	*list = grown;
	take_user(q, &grown[(*n)++]);
	return true;
}

int store_users(struct store *s, struct store_user **list, size_t *n, struct err *e)
{
	struct query q;
	int rc;

	*list = NULL;
	*n = 0;
	query_start(&q, s, "SELECT " USER_COLUMNS " FROM users ORDER BY name");
	while (query_row(&q))
		if (!take_list_row(&q, list, n))
			q.rc = SQLITE_NOMEM;
	rc = query_end(&q, "read the users", e);
	if (rc) {
		free(*list);
		*list = NULL;
		*n = 0;
	}
	return rc;
}

/* ---- changing ---- */

static int find(struct store *s, const char *name, struct store_user *u, struct err *e)
{
	bool found;
	const int rc = store_user_get(s, name, u, &found, e);

	if (rc || found)
		return rc;
	err_set(e, ERR_FAILED, "no-user", "there is no user \"%s\"", name);
	return err_hint(e, "\"ctladmin user list\" shows them");
}

/* Whoever locks the last officer out needs the host's root to get in again. */
static int check_officer_left(struct store *s, struct err *e)
{
	struct query q;
	bool any;
	int rc;

	query_start(&q, s, "SELECT 1 FROM users WHERE role = 'officer' AND NOT locked LIMIT 1");
	any = query_row(&q);
	rc = query_end(&q, "look for officers", e);
	if (rc || any)
		return rc;
	err_set(e, ERR_REFUSED, "last-officer",
		"no officer would be left who could log in; nothing was changed");
	return err_hint(e, "make another officer first");
}

static bool is_officer(const struct store_user *u)
{
	return !strcmp(u->role, "officer") && !u->locked;
}

static int insert_user(struct store *s, const struct store_user *u, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO users (name, role, hash, version) VALUES (?, ?, ?, random())");
	query_put_text(&q, u->name);
	query_put_text(&q, u->role);
	query_put_text(&q, u->hash);
	return query_run(&q, "add the user", e);
}

int store_user_add(struct store *s, const struct store_user *u, struct err *e)
{
	struct store_user there;
	bool found;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = store_user_get(s, u->name, &there, &found, e);
	if (!rc && found)
		rc = err_set(e, ERR_CONFLICT, "user-exists", "there is a user \"%s\" already",
			     u->name);
	if (!rc)
		rc = insert_user(s, u, e);
	if (!rc)
		rc = audit_putf(s, action, e, "added %s, %s", u->name, u->role);
	return store_end(s, rc, e);
}

static int update_user(struct store *s, const struct store_user *u, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "UPDATE users SET role = ?, hash = ?, locked = ?, cert = ?, version = random()"
		    " WHERE name = ?");
	query_put_text(&q, u->role);
	query_put_text(&q, u->hash);
	query_put_int(&q, u->locked);
	query_put_blob(&q, span_of(u->cert, u->has_cert ? sizeof(u->cert) : 0));
	query_put_text(&q, u->name);
	return query_run(&q, "change the user", e);
}

static int note_cert(struct store *s, const struct store_user *u, struct err *e)
{
	struct buf text = {0};
	int rc;

	if (!u->has_cert)
		return audit_putf(s, action, e, "%s needs no client certificate", u->name);
	hex_lower(&text, span_of(u->cert, sizeof(u->cert)), 0);
	rc = buf_cstr(&text) ? audit_putf(s, action, e, "%s needs the client certificate %s",
					  u->name, (const char *)text.data)
			     : err_nomem(e);
	buf_free(&text);
	return rc;
}

/* Takes the field over into the row, and notes it. */
static int change_field(struct store *s, struct store_user *row, const struct store_user *u,
			enum store_user_field field, struct err *e)
{
	switch (field) {
	case STORE_USER_ROLE:
		snprintf(row->role, sizeof(row->role), "%s", u->role);
		return audit_putf(s, action, e, "%s has the role %s", u->name, u->role);
	case STORE_USER_PASSWORD:
		snprintf(row->hash, sizeof(row->hash), "%s", u->hash);
		return audit_putf(s, action, e, "%s has a new password", u->name);
	case STORE_USER_LOCKED:
		row->locked = u->locked;
		return audit_putf(s, action, e, "%s %s", u->locked ? "locked" : "unlocked",
				  u->name);
	case STORE_USER_CERT:
		row->has_cert = u->has_cert;
		memcpy(row->cert, u->cert, sizeof(row->cert));
		break;
	}
	return note_cert(s, row, e);
}

int store_user_change(struct store *s, const struct store_user *u, enum store_user_field field,
		      struct err *e)
{
	struct store_user row;
	bool was_officer;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = find(s, u->name, &row, e);
	was_officer = !rc && is_officer(&row);
	if (!rc)
		rc = change_field(s, &row, u, field, e);
	if (!rc)
		rc = update_user(s, &row, e);
	if (!rc && was_officer && !is_officer(&row))
		rc = check_officer_left(s, e);
	return store_end(s, rc, e);
}

int store_user_remove(struct store *s, const char *name, struct err *e)
{
	struct store_user row;
	struct query q;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = find(s, name, &row, e);
	if (!rc) {
		query_start(&q, s, "DELETE FROM users WHERE name = ?");
		query_put_text(&q, name);
		rc = query_run(&q, "remove the user", e);
	}
	if (!rc && is_officer(&row))
		rc = check_officer_left(s, e);
	if (!rc)
		rc = audit_putf(s, action, e, "removed %s", name);
	return store_end(s, rc, e);
}
