/* Templates in the store. */
#include "server/store/params.h"
#include "server/store/phone_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char action[] = "template";

void store_template_free(struct store_template *t)
{
	store_values_free(&t->values);
	*t = (struct store_template){0};
}

/* ---- reading ---- */

#define TEMPLATE_COLUMNS                                                                           \
	"t.id, t.name, t.description, t.version,"                                                  \
	" (SELECT count(*) FROM phones WHERE template = t.id)"

static void take_template(struct query *q, struct store_template *t)
{
	*t = (struct store_template){.id = query_int(q)};
	query_text(q, t->name, sizeof(t->name));
	query_text(q, t->description, sizeof(t->description));
	t->version = query_int(q);
	t->phones = query_int(q);
}

int store_template_get(struct store *s, const char *name, struct store_template *t, bool *found,
		       struct err *e)
{
	struct query q;
	int rc;

	*t = (struct store_template){0};
	query_start(&q, s, "SELECT " TEMPLATE_COLUMNS " FROM templates t WHERE t.name = ?");
	query_put_text(&q, name);
	*found = query_row(&q);
	if (*found)
		take_template(&q, t);
	rc = query_end(&q, "look up the template", e);
	if (!rc && *found)
		rc = params_read(s, &(struct params_owner){.template_id = t->id}, &t->values, false,
				 e);
	if (rc)
		store_template_free(t);
	return rc;
}

int store_templates(struct store *s, struct store_template **list, size_t *n, struct err *e)
{
	struct store_template *grown;
	struct query q;
	int rc;

	*list = NULL;
	*n = 0;
	query_start(&q, s, "SELECT " TEMPLATE_COLUMNS " FROM templates t ORDER BY t.name");
	while (query_row(&q)) {
		grown = realloc(*list, (*n + 1) * sizeof(*grown));
		if (!grown) {
			q.rc = SQLITE_NOMEM;
			break;
		}
		*list = grown;
		take_template(&q, &grown[(*n)++]);
	}
	rc = query_end(&q, "read the templates", e);
	if (rc) {
		free(*list);
		*list = NULL;
		*n = 0;
	}
	return rc;
}

/* ---- changing ---- */

static int find(struct store *s, const char *name, struct store_template *t, struct err *e)
{
	bool found;
	const int rc = store_template_get(s, name, t, &found, e);

	if (rc || found)
		return rc;
	err_set(e, ERR_FAILED, "no-template", "there is no template \"%s\"", name);
	return err_hint(e, "\"ctladmin template list\" shows them");
}

static int check(const struct store_template *t, struct err *e)
{
	int rc = phone_check_text(t->name, false, "template", "the name of the template", e);

	if (!rc && strchr(t->name, '/'))
		rc = err_set(e, ERR_USAGE, "template", "the name of a template has no slash");
	if (!rc)
		rc = phone_check_text(t->description, true, "template", "the description", e);
	return rc ? rc : phone_check_values(&t->values, e);
}

int phone_template_id(struct store *s, const char *name, int64_t *id, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT id FROM templates WHERE name = ?");
	query_put_text(&q, name);
	*id = query_row(&q) ? query_int(&q) : 0;
	return query_end(&q, "look up the template", e);
}

static int check_free(struct store *s, const char *name, int64_t but, struct err *e)
{
	int64_t id;
	const int rc = phone_template_id(s, name, &id, e);

	if (rc || !id || id == but)
		return rc;
	return err_set(e, ERR_CONFLICT, "template-exists", "there is a template \"%s\" already",
		       name);
}

static int write(struct store *s, struct store_template *t, struct err *e)
{
	struct query q;
	int rc = phone_next_version(s, &t->version, e);

	if (rc)
		return rc;
	query_start(&q, s,
		    "INSERT INTO templates (id, name, description, version) VALUES (?, ?, ?, ?)"
		    " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
		    " description = excluded.description, version = excluded.version"
		    " RETURNING id");
	query_put_id(&q, t->id);
	query_put_text(&q, t->name);
	query_put_text(&q, t->description);
	query_put_int(&q, t->version);
	if (query_row(&q))
		t->id = query_int(&q);
	query_row(&q);
	rc = query_end(&q, "write the template", e);
	return rc ? rc
		  : params_write(s, &(struct params_owner){.template_id = t->id}, &t->values, e);
}

int store_template_add(struct store *s, struct store_template *t, struct err *e)
{
	int rc = check(t, e);

	if (rc || store_begin(s, e))
		return (int)e->kind;
	t->id = 0;
	t->phones = 0;
	rc = check_free(s, t->name, 0, e);
	if (!rc)
		rc = write(s, t, e);
	if (!rc)
		rc = audit_putf(s, action, e, "added \"%s\", version %" PRId64, t->name,
				t->version);
	return store_end(s, rc, e);
}

int store_template_put(struct store *s, const char *name, struct store_template *t,
		       int64_t expected, struct err *e)
{
	struct store_template old = {0};
	int rc = check(t, e);

	if (rc || store_begin(s, e))
		return (int)e->kind;
	rc = find(s, name, &old, e);
	if (!rc)
		rc = phone_check_version(expected, old.version, "the template", e);
	if (!rc)
		rc = check_free(s, t->name, old.id, e);
	t->id = old.id;
	t->phones = old.phones;
	if (!rc)
		rc = write(s, t, e);
	if (!rc && strcmp(old.name, t->name) != 0)
		rc = audit_putf(s, action, e, "renamed \"%s\" to \"%s\"", old.name, t->name);
	if (!rc)
		rc = audit_putf(s, action, e,
				"changed \"%s\", version %" PRId64 ", %" PRId64 " phones have it",
				t->name, t->version, t->phones);
	store_template_free(&old);
	return store_end(s, rc, e);
}

static int refuse_in_use(struct store *s, const struct store_template *t, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT name FROM phones WHERE template = ? ORDER BY name");
	return phone_refuse_in_use(&q, t->id, "template-in-use", "the template cannot be removed",
				   e);
}

int store_template_remove(struct store *s, const char *name, int64_t expected, struct err *e)
{
	struct store_template t = {0};
	int64_t version;
	struct query q;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = find(s, name, &t, e);
	if (!rc)
		rc = phone_check_version(expected, t.version, "the template", e);
	if (!rc && t.phones)
		rc = refuse_in_use(s, &t, e);
	if (!rc) {
		query_start(&q, s, "DELETE FROM templates WHERE id = ?");
		query_put_int(&q, t.id);
		rc = query_run(&q, "remove the template", e);
	}
	if (!rc)
		rc = phone_next_version(s, &version, e);
	if (!rc)
		rc = audit_putf(s, action, e, "removed \"%s\"", t.name);
	store_template_free(&t);
	return store_end(s, rc, e);
}
