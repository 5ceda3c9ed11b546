/* CAPF operations: reading, setting, and their deadline. */
#include "server/store/capf_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

#define CASE_COLUMNS                                                                               \
	" s.capf_operation, s.capf_status, s.capf_by, s.capf_detail, s.auth_string <> x'',"        \
	" coalesce(w.number, 0), coalesce(w.no_keys, 0), coalesce(w.wrong, 0),"                    \
	" coalesce(w.not_before, 0), coalesce(w.last_time, 0), coalesce(w.last_address, ''),"      \
	" coalesce(w.last_text, '') "

#define PHONE_CASE                                                                                 \
	"SELECT 0, s.id, s.name, r.auth_mode,"                                                     \
	" coalesce(nullif(w.key, ''), 'rsa:' || r.key_size)," CASE_COLUMNS "FROM phones s"         \
	" JOIN profiles r ON r.id = s.profile LEFT JOIN capf_work w ON w.phone = s.id"

/* By authentication string, always. */
#define USER_CASE                                                                                  \
	"SELECT 1, s.id, s.user || ':' || s.instance, 1, coalesce(nullif(w.key, ''), 'rsa:' ||"    \
	" s.key_size)," CASE_COLUMNS "FROM capf_users s LEFT JOIN capf_work w ON w.user = s.id"

static void read_case(struct query *q, struct store_capf_case *c)
{
	*c = (struct store_capf_case){.kind = query_int(q) ? STORE_CAPF_USER : STORE_CAPF_PHONE};
	c->id = query_int(q);
	query_text(q, c->name, sizeof(c->name));
	c->auth = (enum device_auth)query_int(q);
	query_text(q, c->key, sizeof(c->key));
	c->capf.operation = (enum store_capf_operation)query_int(q);
	c->capf.status = (enum store_capf_status)query_int(q);
	c->capf.by = query_int(q);
	query_text(q, c->capf.detail, sizeof(c->capf.detail));
	c->capf.has_string = query_int(q) != 0;
	c->number = query_int(q);
	c->no_keys = query_int(q);
	c->wrong = query_int(q);
	c->not_before = query_int(q);
	c->last_time = query_int(q);
	query_text(q, c->last_address, sizeof(c->last_address));
	query_text(q, c->last_text, sizeof(c->last_text));
}

int store_capf_get(struct store *s, const char *name, struct store_capf_case *c, bool *found,
		   struct err *e)
{
	struct query q;

	/* As it is written, case and all: that is what certificates say. A phone's name has no
	 * colon. */
	if (strchr(name, ':'))
		query_start(&q, s, USER_CASE " WHERE s.user || ':' || s.instance = ?");
	else
		query_start(&q, s, PHONE_CASE " WHERE s.name = ?1 AND s.name = ?1 COLLATE BINARY");
	query_put_text(&q, name);
	*found = query_row(&q);
	if (*found)
		read_case(&q, c);
	return query_end(&q, "look up who calls CAPF", e);
}

int store_capf_each(struct store *s, store_capf_fn *fn, void *arg, struct err *e)
{
	struct store_capf_case c;
	struct query q;
	int rc = 0;

	query_start(&q, s,
		    PHONE_CASE " WHERE s.capf_status <> 0 OR w.last_time <> 0 UNION ALL " USER_CASE
			       " ORDER BY 3");
	while (!rc && query_row(&q)) {
		read_case(&q, &c);
		rc = fn(&c, arg, e);
	}
	return rc ? ((void)query_end(&q, "", &(struct err){0}), rc)
		  : query_end(&q, "read the CAPF operations", e);
}

/* ---- setting ---- */

static bool is_key(const char *key)
{
	static const char *const keys[] = {"rsa:512",  "rsa:1024", "rsa:2048", "rsa:3072",
					   "rsa:4096", "ec:p256",  "ec:p384",  "ec:p521"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static int check_order(const struct store_capf_case *c, const struct store_capf_order *o,
		       bool has_cert, struct err *e)
{
	const bool has_string = o->string ? o->string->len != 0 : c->capf.has_string;

	if (o->key && *o->key && !is_key(o->key))
		return err_set(
			e, ERR_USAGE, "capf-key",
			"\"%s\" is no kind of key: rsa:512, 1024, 2048, 3072, 4096, ec:p256, "
			"p384 and p521 are",
			o->key);
	if (c->kind == STORE_CAPF_USER &&
	    (o->operation == STORE_CAPF_DELETE || o->operation == STORE_CAPF_TROUBLESHOOT))
		return err_set(e, ERR_USAGE, "capf-user",
			       "instances of users know one operation: install");
	if ((o->operation == STORE_CAPF_DELETE || o->operation == STORE_CAPF_TROUBLESHOOT) &&
	    !has_cert) {
		err_set(e, ERR_REFUSED, "capf-no-certificate",
			"no certificate of %s is known: there is nothing to delete or read",
			c->name);
		return err_hint(e, "if the phone has one from elsewhere, \"ctladmin phone cert\" "
				   "makes it known");
	}
	if (o->operation != STORE_CAPF_NONE && c->auth == DEVICE_AUTH_STRING && !has_string) {
		err_set(e, ERR_REFUSED, "capf-no-string",
			"%s proves itself by authentication string, and has none", c->name);
		return err_hint(e, "give one with --string or --generate, or choose another mode");
	}
	return 0;
}

static int has_certificate(struct store *s, const struct store_capf_case *c, bool *has,
			   struct err *e)
{
	struct query q;

	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "SELECT lsc <> x'' OR mic <> x'' FROM phones WHERE id = ?"
			    : "SELECT lsc <> x'' FROM capf_users WHERE id = ?");
	query_put_int(&q, c->id);
	*has = query_row(&q) && query_int(&q);
	return query_end(&q, "look for the certificates", e);
}

/* What was remembered of an operation before is forgotten. */
static int begin_work(struct store *s, const struct store_capf_case *c,
		      const struct store_capf_order *o, struct err *e)
{
	const char *column =
		c->kind == STORE_CAPF_PHONE
			? "INSERT INTO capf_work (phone, number, key)"
			  " VALUES (?1, " CAPF_NEXT_NUMBER ", ?2)"
			  " ON CONFLICT (phone) DO UPDATE SET number = " CAPF_NEXT_NUMBER
			  ", key = ?2, no_keys = 0, wrong = 0, not_before = 0"
			: "INSERT INTO capf_work (user, number, key)"
			  " VALUES (?1, " CAPF_NEXT_NUMBER ", ?2)"
			  " ON CONFLICT (user) DO UPDATE SET number = " CAPF_NEXT_NUMBER
			  ", key = ?2, no_keys = 0, wrong = 0, not_before = 0";
	struct query q;

	query_start(&q, s, column);
	query_put_int(&q, c->id);
	query_put_text(&q, o->key ? o->key : "");
	return query_run(&q, "number the operation", e);
}

static int write_order(struct store *s, const struct store_capf_case *c,
		       const struct store_capf_order *o, struct err *e)
{
	struct query q;
	int64_t version;

	if (phone_next_version(s, &version, e))
		return (int)e->kind;
	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "UPDATE phones SET capf_operation = ?, capf_status = ?, capf_by = ?,"
			      " capf_detail = '', version = ? WHERE id = ?"
			    : "UPDATE capf_users SET capf_operation = ?, capf_status = ?,"
			      " capf_by = ?, capf_detail = '', version = ? WHERE id = ?");
	query_put_int(&q, o->operation);
	query_put_int(&q, o->operation == STORE_CAPF_NONE ? STORE_CAPF_IDLE : STORE_CAPF_PENDING);
	query_put_int(&q, o->by);
	query_put_int(&q, version);
	query_put_int(&q, c->id);
	return query_run(&q, "set the operation", e);
}

const char *const store_capf_operation_words[STORE_CAPF_OPERATIONS] = {"none", "install", "delete",
								       "troubleshoot"};
const char *const store_capf_status_words[STORE_CAPF_STATES] = {"none", "pending", "failed",
								"successful"};

static int set(struct store *s, const struct store_capf_case *c, const struct store_capf_order *o,
	       struct err *e)
{
	bool has_cert;
	int rc = has_certificate(s, c, &has_cert, e);

	if (!rc)
		rc = check_order(c, o, has_cert, e);
	if (!rc)
		rc = write_order(s, c, o, e);
	/* Afterwards: two pending operations must not share a string. */
	if (!rc && o->string)
		rc = capf_string_set(s, c, *o->string, e);
	else if (!rc && o->operation != STORE_CAPF_NONE && c->kind == STORE_CAPF_PHONE)
		rc = phone_check_string_free(s, c->id, e);
	if (!rc)
		rc = begin_work(s, c, o, e);
	if (!rc)
		rc = audit_putf(s, "capf", e, "%s: operation %s%s", c->name,
				store_capf_operation_words[o->operation],
				o->string && o->string->len ? ", new authentication string" : "");
	return rc;
}

int store_capf_set(struct store *s, const char *name, const struct store_capf_order *o,
		   struct err *e)
{
	struct store_capf_case c;
	bool found;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = store_capf_get(s, name, &c, &found, e);
	if (!rc && !found)
		rc = strchr(name, ':') ? capf_no_user(name, e) : phone_refuse_unknown(name, e);
	if (!rc)
		rc = set(s, &c, o, e);
	return store_end(s, rc, e);
}

/* ---- the deadline ---- */

static int expire(struct store *s, const char *sql, int64_t now, int64_t version, struct err *e)
{
	struct query q;

	query_start(&q, s, sql);
	query_put_int(&q, version);
	query_put_int(&q, now);
	return query_run(&q, "end operations that are too late", e);
}

static int any_late(struct store *s, int64_t now, bool *any, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "SELECT 1 FROM phones WHERE capf_status = 1 AND capf_by BETWEEN 1 AND ?1 UNION"
		    " SELECT 1 FROM capf_users WHERE capf_status = 1 AND capf_by BETWEEN 1 AND ?1");
	query_put_int(&q, now - 1);
	*any = query_row(&q);
	return query_end(&q, "look for operations that are too late", e);
}

#define EXPIRE(table)                                                                              \
	"UPDATE " table " SET capf_status = 2, version = ?1,"                                      \
	" capf_detail = 'it was not completed by its deadline'"                                    \
	" WHERE capf_status = 1 AND capf_by BETWEEN 1 AND ?2"

int store_capf_expire(struct store *s, int64_t now, struct err *e)
{
	int64_t version;
	bool any;
	int rc = any_late(s, now, &any, e);

	if (rc || !any)
		return rc;
	if (store_begin(s, e))
		return (int)e->kind;
	rc = phone_next_version(s, &version, e);
	if (!rc)
		rc = expire(s, EXPIRE("phones"), now - 1, version, e);
	if (!rc)
		rc = expire(s, EXPIRE("capf_users"), now - 1, version, e);
	return store_end(s, rc, e);
}
