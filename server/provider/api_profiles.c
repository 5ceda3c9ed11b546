/* Security profiles, templates and digest users in the API. */
#include "server/provider/api_change.h"

#include "common/json.h"
#include "server/provider/node_api.h"
#include "server/provider/profile_json.h"
#include "server/store/store_profile.h"
#include "server/store/store_template.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CREATED = 201 };

/* ---- profiles ---- */

int profiles_get(struct call *c, struct store *s, struct err *e)
{
	struct store_profile *list = NULL;
	json_t *array = json_array();
	size_t n = 0;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_profiles(s, true, &list, &n, e);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, profile_json(&list[i]));
	free(list);
	c->doc = json_pack("{s:o}", "profiles", array);
	return !rc && !c->doc ? err_nomem(e) : rc;
}

/* The one that the path names. */
static int named_profile(struct call *c, struct store *s, struct store_profile *p, struct err *e)
{
	bool found;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_profile_get(s, c->name, p, &found, e);
	if (!rc && !found)
		rc = err_set(e, ERR_FAILED, "no-profile", "there is no profile \"%s\"", c->name);
	return rc;
}

int profile_get(struct call *c, struct store *s, struct err *e)
{
	struct store_profile p;
	const int rc = named_profile(c, s, &p, e);

	return rc ? rc : answer_doc(c, profile_json(&p), p.version, e);
}

/* The defaults depend on the protocol, so it must be told. */
static int new_profile(struct store_profile *p, const json_t *doc, struct err *e)
{
	const char *protocol = json_string_value(json_object_get(doc, "protocol"));

	if (!protocol)
		return err_set(e, ERR_USAGE, "bad-request",
			       "the member \"protocol\" is missing: sccp or sip");
	store_profile_init(p, strcasecmp(protocol, "sccp") ? DEVICE_SIP : DEVICE_SCCP);
	return profile_take(p, doc, e);
}

int profile_post(struct call *c, struct store *s, struct err *e)
{
	struct store_profile p = {0};
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);

	if (!rc)
		rc = new_profile(&p, doc, e);
	if (!rc)
		rc = store_profile_add(s, &p, e);
	if (!rc)
		rc = answer_doc(c, profile_json(&p), p.version, e);
	c->status = CREATED;
	json_decref(doc);
	return rc;
}

static int change_profile(struct call *c, struct store *s, bool whole, struct err *e)
{
	struct store_profile p = {0};
	json_t *doc = NULL;
	int64_t expected;
	int rc = change_begin(c, s, &doc, &expected, e);

	if (!rc && whole)
		rc = call_needs_if_match(expected, e);
	if (!rc)
		rc = named_profile(c, s, &p, e);
	if (!rc && !whole && expected == STORE_ANY_VERSION)
		expected = p.version;
	if (!rc)
		rc = whole ? new_profile(&p, doc, e) : profile_take(&p, doc, e);
	if (!rc)
		rc = store_profile_put(s, c->name, &p, expected, e);
	if (!rc)
		rc = answer_doc(c, profile_json(&p), p.version, e);
	json_decref(doc);
	return rc;
}

int profile_put(struct call *c, struct store *s, struct err *e)
{
	return change_profile(c, s, true, e);
}

int profile_patch(struct call *c, struct store *s, struct err *e)
{
	return change_profile(c, s, false, e);
}

int profile_delete(struct call *c, struct store *s, struct err *e)
{
	int64_t expected;
	int rc = change_begin(c, s, NULL, &expected, e);

	if (!rc)
		rc = store_profile_remove(s, c->name, expected, e);
	return rc ? rc : answer_nothing(c, e);
}

/* ---- templates ---- */

int templates_get(struct call *c, struct store *s, struct err *e)
{
	struct store_template *list = NULL;
	json_t *array = json_array();
	size_t n = 0;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_templates(s, &list, &n, e);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, template_json(&list[i], false));
	free(list);
	c->doc = json_pack("{s:o}", "templates", array);
	return !rc && !c->doc ? err_nomem(e) : rc;
}

static int named_template(struct call *c, struct store *s, struct store_template *t, struct err *e)
{
	bool found;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_template_get(s, c->name, t, &found, e);
	if (!rc && !found)
		rc = err_set(e, ERR_FAILED, "no-template", "there is no template \"%s\"", c->name);
	return rc;
}

int template_get(struct call *c, struct store *s, struct err *e)
{
	struct store_template t = {0};
	int rc = named_template(c, s, &t, e);

	if (!rc)
		rc = answer_doc(c, template_json(&t, true), t.version, e);
	store_template_free(&t);
	return rc;
}

int template_post(struct call *c, struct store *s, struct err *e)
{
	struct store_template t = {0};
	json_t *doc = NULL;
	int rc = change_begin(c, s, &doc, NULL, e);

	if (!rc)
		rc = template_take(&t, doc, e);
	if (!rc)
		rc = store_template_add(s, &t, e);
	if (!rc)
		rc = answer_doc(c, template_json(&t, true), t.version, e);
	c->status = CREATED;
	store_template_free(&t);
	json_decref(doc);
	return rc;
}

/* A whole one has the parameters it names, and those secrets. */
static int whole_template(struct store_template *t, const json_t *doc, struct err *e)
{
	const json_t *secrets = json_object_get(doc, "secrets");
	struct store_values kept = {0};
	const json_t *name;
	size_t i;
	int rc = 0;

	json_array_foreach(secrets, i, name)
	{
		const struct store_value *v =
			json_is_string(name)
				? store_values_find(&t->values, json_string_value(name))
				: NULL;

		if (!rc && v && v->secret)
			rc = store_values_set(&kept, v, e);
	}
	store_values_free(&t->values);
	t->values = kept;
	t->description[0] = '\0';
	return rc ? rc : template_take(t, doc, e);
}

static int change_template(struct call *c, struct store *s, bool whole, struct err *e)
{
	struct store_template t = {0};
	json_t *doc = NULL;
	int64_t expected;
	int rc = change_begin(c, s, &doc, &expected, e);

	if (!rc && whole)
		rc = call_needs_if_match(expected, e);
	if (!rc)
		rc = named_template(c, s, &t, e);
	if (!rc && !whole && expected == STORE_ANY_VERSION)
		expected = t.version;
	if (!rc)
		rc = whole ? whole_template(&t, doc, e) : template_take(&t, doc, e);
	if (!rc)
		rc = store_template_put(s, c->name, &t, expected, e);
	if (!rc)
		rc = answer_doc(c, template_json(&t, true), t.version, e);
	store_template_free(&t);
	json_decref(doc);
	return rc;
}

int template_put(struct call *c, struct store *s, struct err *e)
{
	return change_template(c, s, true, e);
}

int template_patch(struct call *c, struct store *s, struct err *e)
{
	return change_template(c, s, false, e);
}

int template_delete(struct call *c, struct store *s, struct err *e)
{
	int64_t expected;
	int rc = change_begin(c, s, NULL, &expected, e);

	if (!rc)
		rc = store_template_remove(s, c->name, expected, e);
	return rc ? rc : answer_nothing(c, e);
}

/* ---- digest users ---- */

int digest_users_get(struct call *c, struct store *s, struct err *e)
{
	struct store_digest_user *list = NULL;
	json_t *array = json_array();
	size_t n = 0;
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = store_digest_users(s, &list, &n, e);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, digest_user_json(&list[i]));
	free(list);
	c->doc = json_pack("{s:o}", "digest_users", array);
	return !rc && !c->doc ? err_nomem(e) : rc;
}

int digest_user_put(struct call *c, struct store *s, struct err *e)
{
	struct store_digest_user u;
	struct secret password = {0};
	const json_t *text;
	json_t *doc = NULL;
	bool found;
	int rc = change_begin(c, s, &doc, NULL, e);

	text = json_object_get(doc, "password");
	if (!rc && (!json_is_string(text) || json_object_size(doc) != 1))
		rc = err_set(e, ERR_USAGE, "bad-request", "the body is not {\"password\": \"..\"}");
	if (!rc)
		rc = secret_set(&password, json_string_value(text), json_string_length(text), e);
	if (!rc)
		rc = store_digest_user_set(s, c->name, &password, e);
	if (!rc)
		rc = store_digest_user_get(s, c->name, &u, &found, e);
	if (!rc)
		rc = answer_doc(c, digest_user_json(&u), u.version, e);
	secret_free(&password);
	json_decref(doc);
	return rc;
}

int digest_user_delete(struct call *c, struct store *s, struct err *e)
{
	int rc = change_begin(c, s, NULL, NULL, e);

	if (!rc)
		rc = store_digest_user_remove(s, c->name, e);
	return rc ? rc : answer_nothing(c, e);
}
