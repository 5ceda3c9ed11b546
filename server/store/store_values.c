#include "server/store/store_values.h"

#include "server/store/params.h"
#include "server/store/seal.h"
#include "server/store/store_priv.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

void store_values_free(struct store_values *v)
{
	if (v->list)
		OPENSSL_cleanse(v->list, v->n * sizeof(*v->list));
	free(v->list);
	*v = (struct store_values){0};
}

/* Where name is, or would be. */
static size_t place(const struct store_values *v, const char *name)
{
	size_t i = 0;

	while (i < v->n && strcmp(v->list[i].name, name) < 0)
		i++;
	return i;
}

static bool is_at(const struct store_values *v, size_t i, const char *name)
{
	return i < v->n && !strcmp(v->list[i].name, name);
}

const struct store_value *store_values_find(const struct store_values *v, const char *name)
{
	const size_t i = place(v, name);

	return is_at(v, i, name) ? &v->list[i] : NULL;
}

int store_values_set(struct store_values *v, const struct store_value *value, struct err *e)
{
	const size_t i = place(v, value->name);
	struct store_value *grown;

	if (!is_at(v, i, value->name)) {
		/* Not realloc: it would leave secrets behind. */
		grown = calloc(v->n + 1, sizeof(*grown));
		if (!grown)
			return err_nomem(e);
		if (v->n) {
			memcpy(grown, v->list, i * sizeof(*grown));
			memcpy(grown + i + 1, v->list + i, (v->n - i) * sizeof(*grown));
			OPENSSL_cleanse(v->list, v->n * sizeof(*v->list));
		}
		free(v->list);
		v->list = grown;
		v->n++;
	}
	v->list[i] = *value;
	return 0;
}

void store_values_remove(struct store_values *v, const char *name)
{
	const size_t i = place(v, name);

	if (!is_at(v, i, name))
		return;
	memmove(v->list + i, v->list + i + 1, (v->n - i - 1) * sizeof(*v->list));
	v->n--;
}

/* ---- in the store ---- */

static int64_t owner_id(const struct params_owner *o)
{
	return o->template_id ? o->template_id : o->phone_id;
}

static void what_it_is(char what[96], const struct params_owner *o, const char *name)
{
	snprintf(what, 96, "parameter %.*s of %s %" PRId64, HARDEN_NAME_MAX, name,
		 o->template_id ? "template" : "phone", owner_id(o));
}

static int open_value(struct store *s, const struct params_owner *o, struct store_value *v,
		      struct span sealed, struct err *e)
{
	struct buf plain = {0};
	char what[96];
	int rc;

	what_it_is(what, o, v->name);
	rc = unseal(s, &plain, what, sealed, e);
	if (!rc && plain.len >= sizeof(v->value))
		rc = err_set(e, ERR_FAILED, "sealed", "the %s is too long", what);
	if (!rc)
		memcpy(v->value, plain.data, plain.len);
	buf_wipe(&plain);
	return rc;
}

/* One row: name, sealed, value. */
static int take_row(struct query *q, const struct params_owner *o, struct store_values *to,
		    bool secrets, struct err *e)
{
	struct store_value v = {0};
	struct buf bytes = {0};
	int rc = 0;

	query_text(q, v.name, sizeof(v.name));
	v.secret = query_int(q) != 0;
	query_blob(q, &bytes);
	if (bytes.bad)
		rc = err_nomem(e);
	else if (v.secret && secrets)
		rc = open_value(q->s, o, &v, buf_view(&bytes), e);
	else if (!v.secret && bytes.len < sizeof(v.value))
		memcpy(v.value, bytes.data, bytes.len);
	if (!rc)
		rc = store_values_set(to, &v, e);
	OPENSSL_cleanse(&v, sizeof(v));
	buf_free(&bytes);
	return rc;
}

int params_read(struct store *s, const struct params_owner *o, struct store_values *to,
		bool secrets, struct err *e)
{
	struct query q;
	int rc = 0, end;
	struct err ignored;

	if (o->template_id)
		query_start(&q, s, "SELECT name, sealed, value FROM parameters WHERE template = ?");
	else
		query_start(&q, s, "SELECT name, sealed, value FROM parameters WHERE phone = ?");
	query_put_int(&q, owner_id(o));
	while (!rc && query_row(&q))
		rc = take_row(&q, o, to, secrets, e);
	end = query_end(&q, "read the parameters", rc ? &ignored : e);
	return rc ? rc : end;
}

static int remove_row(struct store *s, const struct params_owner *o, const char *name,
		      struct err *e)
{
	struct query q;

	if (o->template_id)
		query_start(&q, s, "DELETE FROM parameters WHERE template = ? AND name = ?");
	else
		query_start(&q, s, "DELETE FROM parameters WHERE phone = ? AND name = ?");
	query_put_int(&q, owner_id(o));
	query_put_text(&q, name);
	return query_run(&q, "remove a parameter", e);
}

static int write_row(struct store *s, const struct params_owner *o, const struct store_value *v,
		     struct err *e)
{
	const struct span plain = span_of(v->value, strlen(v->value));
	struct buf sealed = {0};
	char what[96];
	struct query q;
	int rc = remove_row(s, o, v->name, e);

	what_it_is(what, o, v->name);
	if (!rc && v->secret)
		rc = seal(s, &sealed, what, plain, e);
	if (!rc) {
		query_start(&q, s,
			    "INSERT INTO parameters (template, phone, name, sealed, value)"
			    " VALUES (?, ?, ?, ?, ?)");
		query_put_id(&q, o->template_id);
		query_put_id(&q, o->phone_id);
		query_put_text(&q, v->name);
		query_put_int(&q, v->secret);
		query_put_blob(&q, v->secret ? buf_view(&sealed) : plain);
		rc = query_run(&q, "write a parameter", e);
	}
	buf_free(&sealed);
	return rc;
}

/* A secret that is not told stays as it is. */
static bool is_kept(const struct store_value *v)
{
	return v->secret && !*v->value;
}

int params_write(struct store *s, const struct params_owner *o, const struct store_values *v,
		 struct err *e)
{
	struct store_values there = {0};
	int rc = params_read(s, o, &there, false, e);

	for (size_t i = 0; !rc && i < there.n; i++)
		if (!store_values_find(v, there.list[i].name))
			rc = remove_row(s, o, there.list[i].name, e);
	for (size_t i = 0; !rc && i < v->n; i++)
		if (!is_kept(&v->list[i]))
			rc = write_row(s, o, &v->list[i], e);
	store_values_free(&there);
	return rc;
}
