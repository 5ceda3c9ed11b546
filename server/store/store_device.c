/* All that a configuration file is made from, and what phones asked for. */
#include "server/store/params.h"
#include "server/store/phone_priv.h"

#include <string.h>

void store_device_free(struct store_device *d)
{
	store_phone_free(&d->phone);
	store_values_free(&d->values);
	secret_free(&d->digest_password);
	buf_wipe(&d->key);
	*d = (struct store_device){0};
}

/* The phone's own parameters come last, and so replace the template's. */
static int read_values(struct store *s, struct store_device *d, struct err *e)
{
	struct params_owner template = {0};
	const struct params_owner phone = {.phone_id = d->phone.id};
	int rc = 0;

	if (*d->phone.template_name)
		rc = phone_template_id(s, d->phone.template_name, &template.template_id, e);
	if (!rc && template.template_id)
		rc = params_read(s, &template, &d->values, true, e);
	return rc ? rc : params_read(s, &phone, &d->values, true, e);
}

static int read_digest(struct store *s, struct store_device *d, struct err *e)
{
	return *d->phone.digest_user
		       ? store_digest_password(s, d->phone.digest_user, &d->digest_password, e)
		       : 0;
}

static int read_device(struct store *s, const char *name, struct store_device *d, bool *found,
		       struct err *e)
{
	bool profile;
	int rc = store_phone_get(s, name, &d->phone, found, e);

	if (rc || !*found)
		return rc;
	d->stamp = d->phone.stamp;
	rc = phone_profile_get(s, d->phone.profile, &d->profile, &profile, e);
	if (!rc)
		rc = read_values(s, d, e);
	if (!rc)
		rc = read_digest(s, d, e);
	if (!rc && d->phone.has_key)
		rc = store_phone_secret_get(s, d->phone.name, STORE_SECRET_KEY, &d->key, e);
	return rc;
}

/* sqlite3_exec() would prepare it each time. */
static int run(struct store *s, const char *sql, const char *doing, struct err *e)
{
	struct query q;

	query_start(&q, s, sql);
	return query_run(&q, doing, e);
}

int store_device_get(struct store *s, const char *name, struct store_device *d, bool *found,
		     struct err *e)
{
	struct err ignored;
	int rc, end;

	*d = (struct store_device){0};
	/* A reader's transaction: everything is as it was at its first look. */
	rc = run(s, "SAVEPOINT one_moment", "begin to read", e);
	if (rc)
		return rc;
	rc = read_device(s, name, d, found, e);
	end = run(s, "RELEASE one_moment", "end reading", rc ? &ignored : e);
	rc = rc ? rc : end;
	if (rc)
		store_device_free(d);
	return rc;
}

/* ---- what phones ask for ---- */

static int note(struct store *s, const struct store_seen *seen, struct err *e)
{
	struct query q;

	query_start(
		&q, s,
		"INSERT INTO phone_seen (phone, file, address, outcome, time, stamp, generation)"
		" SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM phones WHERE name = ?1"
		" ON CONFLICT (phone) DO UPDATE SET file = excluded.file,"
		" address = excluded.address, outcome = excluded.outcome,"
		" time = excluded.time,"
		" generation = CASE WHEN excluded.stamp THEN excluded.generation"
		"  ELSE generation END,"
		" stamp = CASE WHEN excluded.stamp THEN excluded.stamp ELSE stamp END");
	query_put_text(&q, seen->device);
	query_put_text(&q, seen->file);
	query_put_text(&q, seen->address);
	query_put_text(&q, seen->outcome);
	query_put_int(&q, seen->time);
	query_put_int(&q, seen->stamp);
	query_put_int(&q, seen->generation);
	return query_run(&q, "note what a phone asked for", e);
}

int store_seen_put(struct store *s, const struct store_seen *seen, size_t n, struct err *e)
{
	int rc = 0;

	if (!n)
		return 0;
	if (store_begin(s, e))
		return (int)e->kind;
	for (size_t i = 0; !rc && i < n; i++)
		rc = note(s, &seen[i], e);
	return store_end(s, rc, e);
}
