/* Security profiles in the store. */
#include "server/store/phone_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char action[] = "profile";

/* ---- versions ---- */

int phone_next_version(struct store *s, int64_t *version, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "UPDATE phone_revision SET revision = max(revision + 1, unixepoch())"
		    " RETURNING revision");
	*version = query_row(&q) ? query_int(&q) : 0;
	query_row(&q);
	return query_end(&q, "count a change", e);
}

int store_phone_revision(struct store *s, int64_t *revision, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT revision FROM phone_revision");
	*revision = query_row(&q) ? query_int(&q) : 0;
	return query_end(&q, "look for changes", e);
}

int phone_check_version(int64_t expected, int64_t version, const char *what, struct err *e)
{
	if (expected == STORE_ANY_VERSION || expected == version)
		return 0;
	err_set(e, ERR_CONFLICT, "stale-version",
		"%s was changed by somebody else meanwhile: it is version %" PRId64
		", not %" PRId64,
		what, version, expected);
	return err_hint(e, "look at it again, and repeat the change if it is still wanted");
}

/* "a, b and 7 more". */
static void name_some(struct query *q, char *text, size_t size)
{
	enum { NAMED = 5 };
	size_t n = 0, count = 0;
	char name[DEVICE_NAME_MAX];

	*text = '\0';
	while (query_row(q)) {
		query_text(q, name, sizeof(name));
		if (count++ < NAMED && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s", count > 1 ? ", " : "",
					      name);
	}
	if (count > NAMED && n < size)
		snprintf(text + n, size - n, " and %zu more", count - NAMED);
}

int phone_refuse_in_use(struct query *q, int64_t id, const char *slug, const char *why,
			struct err *e)
{
	char names[DEVICE_NAME_MAX * 8];
	int rc;

	query_put_int(q, id);
	name_some(q, names, sizeof(names));
	rc = query_end(q, "look for phones that use it", e);
	if (rc)
		return rc;
	err_set(e, ERR_REFUSED, slug, "%s: it is used by %s", why, names);
	return err_hint(e, "give these phones another one, or remove them, first");
}

/* ---- reading ---- */

#define PROFILE_COLUMNS                                                                            \
	"p.id, p.name, p.description, p.predefined, p.protocol, p.model, p.mode,"                  \
	" p.encrypted_config, p.auth_mode, p.key_size, p.nonce_seconds, p.transport, p.digest,"    \
	" p.exclude_digest, p.sip_port, p.version"
#define PROFILE_PHONES ", (SELECT count(*) FROM phones WHERE profile = p.id)"
#define PROFILE_ORDER " FROM profiles p ORDER BY p.predefined DESC, p.name"

static void take_profile(struct query *q, struct store_profile *p)
{
	*p = (struct store_profile){.id = query_int(q)};
	query_text(q, p->name, sizeof(p->name));
	query_text(q, p->description, sizeof(p->description));
	p->predefined = query_int(q) != 0;
	p->protocol = (enum device_protocol)query_int(q);
	query_text(q, p->model, sizeof(p->model));
	p->mode = (enum device_mode)query_int(q);
	p->encrypted_config = query_int(q) != 0;
	p->auth_mode = (enum device_auth)query_int(q);
	p->key_size = (int)query_int(q);
	p->nonce_seconds = (int)query_int(q);
	p->transport = (enum device_transport)query_int(q);
	p->digest = query_int(q) != 0;
	p->exclude_digest = query_int(q) != 0;
	p->sip_port = (int)query_int(q);
	p->version = query_int(q);
	p->phones = query_int(q);
}

static int get(struct query *q, const char *name, struct store_profile *p, bool *found,
	       struct err *e)
{
	*p = (struct store_profile){0};
	query_put_text(q, name);
	*found = query_row(q);
	if (*found)
		take_profile(q, p);
	return query_end(q, "look up the profile", e);
}

int store_profile_get(struct store *s, const char *name, struct store_profile *p, bool *found,
		      struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "SELECT " PROFILE_COLUMNS PROFILE_PHONES " FROM profiles p WHERE p.name = ?");
	return get(&q, name, p, found, e);
}

int phone_profile_get(struct store *s, const char *name, struct store_profile *p, bool *found,
		      struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT " PROFILE_COLUMNS ", 0 FROM profiles p WHERE p.name = ?");
	return get(&q, name, p, found, e);
}

int store_profiles(struct store *s, bool count, struct store_profile **list, size_t *n,
		   struct err *e)
{
	struct store_profile *grown;
	struct query q;
	int rc;

	*list = NULL;
	*n = 0;
	query_start(&q, s,
		    count ? "SELECT " PROFILE_COLUMNS PROFILE_PHONES PROFILE_ORDER
			  : "SELECT " PROFILE_COLUMNS ", 0" PROFILE_ORDER);
	while (query_row(&q)) {
		grown = realloc(*list, (*n + 1) * sizeof(*grown));
		if (!grown) {
			q.rc = SQLITE_NOMEM;
			break;
		}
		*list = grown;
		take_profile(&q, &grown[(*n)++]);
	}
	rc = query_end(&q, "read the profiles", e);
	if (rc) {
		free(*list);
		*list = NULL;
		*n = 0;
	}
	return rc;
}

/* ---- changing ---- */

static int find(struct store *s, const char *name, struct store_profile *p, struct err *e)
{
	bool found;
	const int rc = store_profile_get(s, name, p, &found, e);

	if (rc || found)
		return rc;
	err_set(e, ERR_FAILED, "no-profile", "there is no profile \"%s\"", name);
	return err_hint(e, "\"ctladmin profile list\" shows them");
}

static int check_free(struct store *s, const char *name, int64_t but, struct err *e)
{
	struct store_profile there;
	bool found;
	const int rc = store_profile_get(s, name, &there, &found, e);

	if (rc || !found || there.id == but)
		return rc;
	return err_set(e, ERR_CONFLICT, "profile-exists", "there is a profile \"%s\" already",
		       there.name);
}

static void put_columns(struct query *q, const struct store_profile *p)
{
	query_put_text(q, p->name);
	query_put_text(q, p->description);
	query_put_int(q, p->protocol);
	query_put_text(q, p->model);
	query_put_int(q, p->mode);
	query_put_int(q, p->encrypted_config);
	query_put_int(q, p->auth_mode);
	query_put_int(q, p->key_size);
	query_put_int(q, p->nonce_seconds);
	query_put_int(q, p->transport);
	query_put_int(q, p->digest);
	query_put_int(q, p->exclude_digest);
	query_put_int(q, p->sip_port);
	query_put_int(q, p->version);
	query_put_int(q, p->id);
}

static int insert(struct store *s, struct store_profile *p, struct err *e)
{
	struct query q;
	int rc;

	query_start(&q, s, "SELECT coalesce(max(id), 0) + 1 FROM profiles");
	p->id = query_row(&q) ? query_int(&q) : 0;
	rc = query_end(&q, "number the profile", e);
	if (rc)
		return rc;
	query_start(&q, s,
		    "INSERT INTO profiles (name, description, protocol, model, mode,"
		    " encrypted_config, auth_mode, key_size, nonce_seconds, transport, digest,"
		    " exclude_digest, sip_port, version, id, predefined)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)");
	put_columns(&q, p);
	return query_run(&q, "add the profile", e);
}

/* The table's spelling of the model. */
static void spell_model(struct store_profile *p)
{
	const struct device_model *m = *p->model ? device_model_find(p->model) : NULL;

	if (m)
		snprintf(p->model, sizeof(p->model), "%s", m->name);
}

int store_profile_add(struct store *s, struct store_profile *p, struct err *e)
{
	int rc = store_profile_check(p, e);

	if (rc || store_begin(s, e))
		return (int)e->kind;
	spell_model(p);
	p->predefined = false;
	p->phones = 0;
	rc = check_free(s, p->name, 0, e);
	if (!rc)
		rc = phone_next_version(s, &p->version, e);
	if (!rc)
		rc = insert(s, p, e);
	if (!rc)
		rc = audit_putf(s, action, e, "added \"%s\", version %" PRId64, p->name,
				p->version);
	return store_end(s, rc, e);
}

static int refuse_in_use(struct store *s, const struct store_profile *p, const char *why,
			 struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT name FROM phones WHERE profile = ? ORDER BY name");
	return phone_refuse_in_use(&q, p->id, "profile-in-use", why, e);
}

static int refuse_predefined(const struct store_profile *p, struct err *e)
{
	err_set(e, ERR_REFUSED, "profile-predefined",
		"\"%s\" is predefined: it can be neither changed nor removed", p->name);
	return err_hint(e, "make one of your own: \"ctladmin profile copy\"");
}

/* A phone that the profile would not suit any more. */
static int check_phone(const struct store_phone *phone, void *arg, struct err *e)
{
	const struct store_profile *p = arg;

	if (!store_phone_check(phone, p, e))
		return 0;
	e->kind = ERR_REFUSED;
	snprintf(e->id, sizeof(e->id), "profile-in-use");
	return err_wrap(e, "the phone %s has this profile", phone->name);
}

static int check_phones(struct store *s, const struct store_profile *old,
			const struct store_profile *p, struct err *e)
{
	struct store_phone_filter filter = STORE_PHONE_FILTER_ALL;
	struct store_profile as = *p;

	if (!old->phones)
		return 0;
	if (old->protocol != p->protocol)
		return refuse_in_use(s, old, "the protocol of the profile cannot change", e);
	/* Those who use it name it by the old name still. */
	snprintf(as.name, sizeof(as.name), "%s", old->name);
	filter.profile = old->name;
	return store_phone_find(s, &filter, check_phone, &as, e);
}

static int update(struct store *s, const struct store_profile *p, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "UPDATE profiles SET name = ?, description = ?, protocol = ?, model = ?,"
		    " mode = ?, encrypted_config = ?, auth_mode = ?, key_size = ?,"
		    " nonce_seconds = ?, transport = ?, digest = ?, exclude_digest = ?,"
		    " sip_port = ?, version = ? WHERE id = ?");
	put_columns(&q, p);
	return query_run(&q, "change the profile", e);
}

int store_profile_put(struct store *s, const char *name, struct store_profile *p, int64_t expected,
		      struct err *e)
{
	struct store_profile old;
	int rc = store_profile_check(p, e);

	if (rc || store_begin(s, e))
		return (int)e->kind;
	spell_model(p);
	rc = find(s, name, &old, e);
	if (!rc && old.predefined)
		rc = refuse_predefined(&old, e);
	if (!rc)
		rc = phone_check_version(expected, old.version, "the profile", e);
	if (!rc)
		rc = check_free(s, p->name, old.id, e);
	if (!rc)
		rc = check_phones(s, &old, p, e);
	if (!rc)
		rc = phone_next_version(s, &p->version, e);
	p->id = old.id;
	p->phones = old.phones;
	if (!rc)
		rc = update(s, p, e);
	if (!rc && strcmp(old.name, p->name) != 0)
		rc = audit_putf(s, action, e, "renamed \"%s\" to \"%s\"", old.name, p->name);
	if (!rc)
		rc = audit_putf(s, action, e,
				"changed \"%s\", version %" PRId64 ", %" PRId64 " phones have it",
				p->name, p->version, p->phones);
	return store_end(s, rc, e);
}

int store_profile_remove(struct store *s, const char *name, int64_t expected, struct err *e)
{
	struct store_profile p;
	int64_t version;
	struct query q;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = find(s, name, &p, e);
	if (!rc && p.predefined)
		rc = refuse_predefined(&p, e);
	if (!rc)
		rc = phone_check_version(expected, p.version, "the profile", e);
	if (!rc && p.phones)
		rc = refuse_in_use(s, &p, "the profile cannot be removed", e);
	if (!rc) {
		query_start(&q, s, "DELETE FROM profiles WHERE id = ?");
		query_put_int(&q, p.id);
		rc = query_run(&q, "remove the profile", e);
	}
	if (!rc)
		rc = phone_next_version(s, &version, e);
	if (!rc)
		rc = audit_putf(s, action, e, "removed \"%s\"", p.name);
	return store_end(s, rc, e);
}
