/* Many phones at once: each is a change of its own within one, so that a bad one stops no other. */
#include "server/provider/api_change.h"

#include "common/json.h"
#include "server/provider/phone_change.h"

#include <string.h>

enum { IMPORT_MAX = 1000 };

enum existing { UPDATE, SKIP, REFUSE };

/* One request. */
struct import {
	struct store *s;
	enum existing existing;
	json_t *results;
	size_t counts[4]; /* by the index of its word */
};

static const char *const outcomes[] = {"added", "changed", "unchanged", "refused"};

enum outcome { ADDED, CHANGED, UNCHANGED, REFUSED };

static int note(struct import *m, const char *name, enum outcome outcome, const struct err *why,
		struct err *e)
{
	json_t *doc =
		json_pack("{s:o, s:s}", "name", json_chars(name), "result", outcomes[outcome]);

	m->counts[outcome]++;
	if (why && doc)
		json_object_update_new(doc, json_pack("{s:s, s:o}", "id", why->id, "detail",
						      json_chars(why->what)));
	return json_array_append_new(m->results, doc) ? err_nomem(e) : 0;
}

/* ---- one phone ---- */

static int add(struct import *m, struct store_phone *p, const json_t *doc, enum outcome *outcome,
	       struct err *e)
{
	struct phone_extras extras;
	int rc = phone_take(p, &extras, doc, e);

	if (!rc)
		rc = phone_change(m->s, NULL, p, &extras, STORE_ANY_VERSION, e);
	*outcome = ADDED;
	return rc;
}

/* A file that is imported again must not replace the secrets that were made for it the first time:
 * "generate" is for phones that have none. */
static void keep_made(struct phone_extras *x, const struct store_phone *p, bool same_model)
{
	if (p->has_key && same_model && x->key && !strcmp(x->key, "generate"))
		x->has_key = false;
	if (p->capf.has_string && x->auth_string && !strcmp(x->auth_string, "generate"))
		x->has_auth_string = false;
}

static int update_within(struct import *m, struct store_phone *p, const json_t *doc,
			 enum outcome *outcome, struct err *e)
{
	json_t *before = phone_json_writable(p), *after;
	const struct device_model *model = device_model_find(p->model);
	const int64_t version = p->version;
	struct phone_extras extras;
	char name[DEVICE_NAME_MAX];
	bool same;
	int rc;

	memcpy(name, p->name, sizeof(name));
	rc = phone_take(p, &extras, doc, e);
	if (!rc)
		rc = phone_choose_profile(m->s, p, &extras, e);
	keep_made(&extras, p, device_model_find(p->model) == model);
	after = rc ? NULL : phone_json_writable(p);
	same = before && after && json_equal(before, after) && !phone_extras_any(&extras);
	json_decref(before);
	json_decref(after);
	*outcome = same ? UNCHANGED : CHANGED;
	return rc || same ? rc : phone_change(m->s, name, p, &extras, version, e);
}

/* A profile that was made for a phone goes again if the phone is refused. */
static int update(struct import *m, struct store_phone *p, const json_t *doc, enum outcome *outcome,
		  struct err *e)
{
	if (store_begin(m->s, e))
		return (int)e->kind;
	return store_end(m->s, update_within(m, p, doc, outcome, e), e);
}

static int change_one(struct import *m, struct store_phone *p, const char *name, const json_t *doc,
		      enum outcome *outcome, struct err *e)
{
	bool found;
	int rc = store_phone_get(m->s, name, p, &found, e);

	if (rc)
		return rc;
	if (!found)
		return add(m, p, doc, outcome, e);
	*outcome = UNCHANGED;
	switch (m->existing) {
	case UPDATE:
		return update(m, p, doc, outcome, e);
	case SKIP:
		return 0;
	case REFUSE:
		break;
	}
	return err_set(e, ERR_CONFLICT, "phone-exists", "there is a phone %s already", name);
}

/* Trouble of our own ends the whole import; what is wrong with the phone is only noted. */
static bool is_its_own_fault(const struct err *e)
{
	return e->kind == ERR_USAGE || e->kind == ERR_REFUSED || e->kind == ERR_CONFLICT;
}

static int import_one(struct import *m, const json_t *doc, struct err *e)
{
	const char *text = json_string_value(json_object_get(doc, "name"));
	char name[DEVICE_NAME_MAX] = "";
	enum outcome outcome = REFUSED;
	struct store_phone p = {0};
	struct err why;
	int rc;

	if (!text)
		rc = err_set(&why, ERR_USAGE, "bad-request", "the name is missing");
	else
		rc = device_name_parse(name, text, &why);
	if (!rc)
		rc = change_one(m, &p, name, doc, &outcome, &why);
	store_phone_free(&p);
	if (rc && !is_its_own_fault(&why)) {
		*e = why;
		return rc;
	}
	return note(m, *name || !text ? name : text, rc ? REFUSED : outcome, rc ? &why : NULL, e);
}

/* ---- the request ---- */

static int import_all(struct import *m, const json_t *phones, bool dry_run, struct err *e)
{
	const json_t *doc;
	struct err undone;
	size_t i;
	int rc = store_begin(m->s, e);

	if (rc)
		return rc;
	json_array_foreach(phones, i, doc)
	{
		rc = import_one(m, doc, e);
		if (rc)
			break;
	}
	if (!rc && dry_run) {
		err_set(&undone, ERR_USAGE, "dry-run", "nothing was to be changed");
		(void)store_end(m->s, ERR_USAGE, &undone);
		return 0;
	}
	return store_end(m->s, rc, e);
}

static int read_existing(enum existing *existing, const json_t *doc, struct err *e)
{
	static const char *const words[] = {"update", "skip", "refuse"};
	const json_t *v = json_object_get(doc, "existing");

	*existing = UPDATE;
	if (!v)
		return 0;
	for (int i = 0; i < 3; i++)
		if (json_is_string(v) && !strcmp(json_string_value(v), words[i])) {
			*existing = (enum existing)i;
			return 0;
		}
	return err_set(e, ERR_USAGE, "bad-request",
		       "the member \"existing\" is none of update, skip, refuse");
}

static int check(const json_t *doc, const json_t **phones, struct err *e)
{
	*phones = json_object_get(doc, "phones");
	if (json_is_array(*phones) && json_array_size(*phones) <= IMPORT_MAX)
		return 0;
	return err_set(e, ERR_USAGE, "bad-request",
		       "the member \"phones\" is no array of at most %d phones", IMPORT_MAX);
}

int phones_import(struct call *c, struct store *s, struct err *e)
{
	struct import m = {.s = s};
	const json_t *phones;
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);

	if (!rc)
		rc = check(doc, &phones, e);
	if (!rc)
		rc = read_existing(&m.existing, doc, e);
	m.results = json_array();
	if (!rc)
		rc = import_all(&m, phones, json_is_true(json_object_get(doc, "dry_run")), e);
	if (!rc) {
		c->doc = json_pack("{s:I, s:I, s:I, s:I, s:O}", outcomes[ADDED],
				   (json_int_t)m.counts[ADDED], outcomes[CHANGED],
				   (json_int_t)m.counts[CHANGED], outcomes[UNCHANGED],
				   (json_int_t)m.counts[UNCHANGED], outcomes[REFUSED],
				   (json_int_t)m.counts[REFUSED], "results", m.results);
		rc = c->doc ? 0 : err_nomem(e);
	}
	json_decref(m.results);
	json_decref(doc);
	return rc;
}
