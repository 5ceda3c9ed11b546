/* Phones in the store: adding, changing, removing. */
#include "server/store/params.h"
#include "server/store/phone_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char action[] = "phone";

/* ---- what a phone refers to ---- */

struct refs {
	struct store_profile profile;
	int64_t template_id, digest_user;
};

static int refuse_ref(const char *slug, const char *kind, const char *name, struct err *e)
{
	return err_set(e, ERR_USAGE, slug, "there is no %s \"%s\"", kind, name);
}

static int find_profile(struct store *s, struct store_phone *p, struct refs *r, struct err *e)
{
	bool found;
	int rc;

	if (!*p->profile)
		snprintf(p->profile, sizeof(p->profile), "%s",
			 p->protocol == DEVICE_SCCP ? STORE_PROFILE_SCCP : STORE_PROFILE_SIP);
	rc = phone_profile_get(s, p->profile, &r->profile, &found, e);
	if (!rc && !found)
		rc = refuse_ref("profile-unknown", "profile", p->profile, e);
	if (!rc)
		snprintf(p->profile, sizeof(p->profile), "%s", r->profile.name);
	return rc;
}

static int find_template(struct store *s, const struct store_phone *p, struct refs *r,
			 struct err *e)
{
	const int rc = phone_template_id(s, p->template_name, &r->template_id, e);

	if (rc || r->template_id || !*p->template_name)
		return rc;
	return refuse_ref("template-unknown", "template", p->template_name, e);
}

static int find_digest_user(struct store *s, const struct store_phone *p, struct refs *r,
			    struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s, "SELECT id FROM digest_users WHERE name = ?");
	query_put_text(&q, p->digest_user);
	r->digest_user = query_row(&q) ? query_int(&q) : 0;
	rc = query_end(&q, "look up the digest user", e);
	if (rc || r->digest_user || !*p->digest_user)
		return rc;
	return refuse_ref("digest-user-unknown", "digest user", p->digest_user, e);
}

/* Puts names into the form that is stored, resolves what p refers to, and checks all of it. */
static int prepare(struct store *s, struct store_phone *p, struct refs *r, struct err *e)
{
	const struct device_model *m = device_model_find(p->model);
	char name[DEVICE_NAME_MAX];
	int rc = device_name_parse(name, p->name, e);

	if (rc)
		return rc;
	memcpy(p->name, name, sizeof(name));
	if (m)
		snprintf(p->model, sizeof(p->model), "%s", m->name);
	rc = find_profile(s, p, r, e);
	if (!rc)
		rc = find_template(s, p, r, e);
	if (!rc)
		rc = find_digest_user(s, p, r, e);
	return rc ? rc : store_phone_check(p, &r->profile, e);
}

static int check_free(struct store *s, const char *name, int64_t but, struct err *e)
{
	struct query q;
	int64_t id;
	int rc;

	query_start(&q, s, "SELECT id FROM phones WHERE name = ?");
	query_put_text(&q, name);
	id = query_row(&q) ? query_int(&q) : but;
	rc = query_end(&q, "look up the phone", e);
	if (rc || id == but)
		return rc;
	return err_set(e, ERR_CONFLICT, "phone-exists", "there is a phone %s already", name);
}

/* ---- writing ---- */

static int write_row(struct store *s, struct store_phone *p, const struct refs *r, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO phones (id, name, model, protocol, description, owner, profile,"
		    " template, digest_user, load, capf_operation, capf_status, capf_by,"
		    " capf_detail, version)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, model = excluded.model,"
		    " protocol = excluded.protocol, description = excluded.description,"
		    " owner = excluded.owner, profile = excluded.profile,"
		    " template = excluded.template, digest_user = excluded.digest_user,"
		    " load = excluded.load, capf_operation = excluded.capf_operation,"
		    " capf_status = excluded.capf_status, capf_by = excluded.capf_by,"
		    " capf_detail = excluded.capf_detail, version = excluded.version"
		    " RETURNING id");
	query_put_id(&q, p->id);
	query_put_text(&q, p->name);
	query_put_text(&q, p->model);
	query_put_int(&q, p->protocol);
	query_put_text(&q, p->description);
	query_put_text(&q, p->owner);
	query_put_int(&q, r->profile.id);
	query_put_id(&q, r->template_id);
	query_put_id(&q, r->digest_user);
	query_put_text(&q, p->load);
	query_put_int(&q, p->capf.operation);
	query_put_int(&q, p->capf.status);
	query_put_int(&q, p->capf.by);
	query_put_text(&q, p->capf.detail);
	query_put_int(&q, p->version);
	if (query_row(&q))
		p->id = query_int(&q);
	query_row(&q);
	return query_end(&q, "write the phone", e);
}

static int write_line(struct store *s, const struct store_phone *p, size_t i, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO phone_lines (phone, position, dn, label, display)"
		    " VALUES (?, ?, ?, ?, ?)");
	query_put_int(&q, p->id);
	query_put_int(&q, (int64_t)i + 1);
	query_put_text(&q, p->lines[i].dn);
	query_put_text(&q, p->lines[i].label);
	query_put_text(&q, p->lines[i].display);
	return query_run(&q, "write a line of the phone", e);
}

static int write_lines(struct store *s, const struct store_phone *p, struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s, "DELETE FROM phone_lines WHERE phone = ?");
	query_put_int(&q, p->id);
	rc = query_run(&q, "remove the lines of the phone", e);
	for (size_t i = 0; !rc && i < p->nlines; i++)
		rc = write_line(s, p, i, e);
	return rc;
}

static int write(struct store *s, struct store_phone *p, const struct refs *r, struct err *e)
{
	int rc = phone_next_version(s, &p->version, e);

	if (!rc)
		rc = write_row(s, p, r, e);
	if (!rc)
		rc = write_lines(s, p, e);
	return rc ? rc : params_write(s, &(struct params_owner){.phone_id = p->id}, &p->values, e);
}

/* ---- the verbs ---- */

int store_phone_add(struct store *s, struct store_phone *p, struct err *e)
{
	struct refs refs = {0};
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	p->id = 0;
	rc = prepare(s, p, &refs, e);
	if (!rc)
		rc = check_free(s, p->name, 0, e);
	if (!rc)
		rc = write(s, p, &refs, e);
	if (!rc)
		rc = audit_putf(s, action, e, "added %s, a %s, profile \"%s\"", p->name, p->model,
				p->profile);
	return store_end(s, rc, e);
}

/* Another name is another device. */
static int forget_device(struct store *s, const struct store_phone *old, struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s,
		    "UPDATE phones SET lsc = x'', mic = x'', key = x'', auth_string = x'',"
		    " auth_mark = x'' WHERE id = ?");
	query_put_int(&q, old->id);
	rc = query_run(&q, "forget the former device", e);
	if (rc)
		return rc;
	query_start(&q, s, "DELETE FROM phone_seen WHERE phone = ?");
	query_put_int(&q, old->id);
	return query_run(&q, "forget what the former device asked for", e);
}

static int note_change(struct store *s, const struct store_phone *old, const struct store_phone *p,
		       struct err *e)
{
	int rc = 0;

	if (strcmp(old->name, p->name) != 0)
		rc = audit_putf(s, action, e, "renamed %s to %s", old->name, p->name);
	if (!rc && strcmp(old->profile, p->profile) != 0)
		return audit_putf(s, action, e, "changed %s, from profile \"%s\" to \"%s\"",
				  p->name, old->profile, p->profile);
	return rc ? rc
		  : audit_putf(s, action, e, "changed %s, version %" PRId64, p->name, p->version);
}

int store_phone_put(struct store *s, const char *name, struct store_phone *p, int64_t expected,
		    struct err *e)
{
	struct store_phone old = {0};
	struct refs refs = {0};
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = phone_need(s, name, &old, e);
	if (!rc)
		rc = phone_check_version(expected, old.version, old.name, e);
	if (!rc)
		rc = prepare(s, p, &refs, e);
	if (!rc)
		rc = check_free(s, p->name, old.id, e);
	p->id = old.id;
	if (!rc && strcmp(p->name, old.name) != 0) {
		p->capf = (struct store_capf){0};
		rc = forget_device(s, &old, e);
	}
	if (!rc)
		rc = write(s, p, &refs, e);
	if (!rc)
		rc = note_change(s, &old, p, e);
	store_phone_free(&old);
	return store_end(s, rc, e);
}

int store_phone_remove(struct store *s, const char *name, int64_t expected, struct err *e)
{
	struct store_phone p = {0};
	int64_t version;
	struct query q;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = phone_need(s, name, &p, e);
	if (!rc)
		rc = phone_check_version(expected, p.version, p.name, e);
	if (!rc) {
		query_start(&q, s, "DELETE FROM phones WHERE id = ?");
		query_put_int(&q, p.id);
		rc = query_run(&q, "remove the phone", e);
	}
	if (!rc)
		rc = phone_next_version(s, &version, e);
	if (!rc)
		rc = audit_putf(s, action, e, "removed %s", p.name);
	store_phone_free(&p);
	return store_end(s, rc, e);
}
