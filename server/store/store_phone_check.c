/* Rules for phones. */
#include "server/store/phone_priv.h"

#include "server/device/words.h"

#include <stdio.h>
#include <string.h>

static const char dn_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789*#+._-@";
static const char load_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-";

int phone_check_values(const struct store_values *v, struct err *e)
{
	char as_stored[HARDEN_VALUE_MAX];
	int rc = 0;

	for (size_t i = 0; !rc && i < v->n; i++) {
		rc = harden_check_name(v->list[i].name, e);
		if (!rc && !(v->list[i].secret && !*v->list[i].value))
			rc = harden_value(as_stored, v->list[i].name, v->list[i].value, e);
	}
	return rc;
}

/* ---- the phone by itself ---- */

static int check_line(const struct store_phone *p, size_t i, struct err *e)
{
	const struct store_line *l = &p->lines[i];
	char field[64];
	int rc;

	if (!*l->dn || strspn(l->dn, dn_alphabet) != strlen(l->dn))
		return err_set(e, ERR_USAGE, "phone",
			       "\"%.60s\" is no directory number: those have 1 to %d digits, "
			       "letters or * # + . _ - @",
			       l->dn, STORE_DN_MAX - 1);
	for (size_t k = 0; k < i; k++)
		if (!strcmp(p->lines[k].dn, l->dn))
			return err_set(e, ERR_USAGE, "phone", "the line %s is there twice", l->dn);
	snprintf(field, sizeof(field), "the label of line %zu", i + 1);
	rc = phone_check_text(l->label, true, "phone", field, e);
	snprintf(field, sizeof(field), "the displayed name of line %zu", i + 1);
	return rc ? rc : phone_check_text(l->display, true, "phone", field, e);
}

static int check_lines(const struct store_phone *p, struct err *e)
{
	int rc = 0;

	if (p->nlines > STORE_LINES_MAX)
		return err_set(e, ERR_USAGE, "phone", "a phone has at most %d lines",
			       STORE_LINES_MAX);
	for (size_t i = 0; !rc && i < p->nlines; i++)
		rc = check_line(p, i, e);
	return rc;
}

static int check_own_values(const struct store_phone *p, struct err *e)
{
	const struct harden_param *param;
	int rc = phone_check_values(&p->values, e);

	for (size_t i = 0; !rc && i < p->values.n; i++) {
		param = harden_find(p->values.list[i].name);
		if (param && !harden_applies(param, p->model))
			rc = err_set(e, ERR_USAGE, "parameter",
				     "%s is for the models %s only, and this is a %s", param->name,
				     param->models, p->model);
	}
	return rc;
}

static int check_texts(const struct store_phone *p, struct err *e)
{
	char name[DEVICE_NAME_MAX];
	int rc = device_name_parse(name, p->name, e);

	if (!rc)
		rc = phone_check_text(p->description, true, "phone", "the description", e);
	if (!rc)
		rc = phone_check_text(p->owner, true, "phone", "the owner", e);
	if (!rc && strspn(p->load, load_alphabet) != strlen(p->load))
		rc = err_set(e, ERR_USAGE, "phone",
			     "\"%.60s\" is no name of firmware: letters, digits, dots, dashes and "
			     "underscores",
			     p->load);
	if (!rc && *p->digest_user && p->protocol != DEVICE_SIP)
		rc = err_set(e, ERR_USAGE, "phone", "digest users are for SIP phones only");
	return rc;
}

/* ---- together with its model and profile ---- */

static int check_model(const struct store_phone *p, struct err *e)
{
	const struct device_model *m = device_model_find(p->model);

	if (!m) {
		err_set(e, ERR_USAGE, "phone", "\"%.40s\" is no model that is known here",
			p->model);
		return err_hint(e, "\"ctladmin phone models\" lists them");
	}
	if (!device_ability(m, p->protocol)->there)
		return err_set(e, ERR_USAGE, "phone", "the model %s does not speak %s", m->name,
			       device_protocol_word(p->protocol));
	return 0;
}

static int refuse_profile(const struct store_phone *p, const struct store_profile *profile,
			  const char *why, struct err *e)
{
	return err_set(e, ERR_REFUSED, "phone-profile",
		       "the profile \"%s\" does not suit %s, a %s with %s: %s", profile->name,
		       p->name, p->model, device_protocol_word(p->protocol), why);
}

static int check_profile(const struct store_phone *p, const struct store_profile *profile,
			 struct err *e)
{
	const struct device_model *m = device_model_find(p->model);
	const struct device_ability *a = device_ability(m, p->protocol);

	if (profile->protocol != p->protocol)
		return refuse_profile(p, profile, "it is for the other protocol", e);
	if (*profile->model && strcmp(profile->model, m->name) != 0)
		return refuse_profile(p, profile, "it is for another model", e);
	if (profile->mode > a->most)
		return refuse_profile(p, profile,
				      "the model has no security modes with that protocol", e);
	if (profile->encrypted_config && a->cipher == DEVICE_CIPHER_NONE)
		return refuse_profile(p, profile, "the model takes no encrypted configuration", e);
	return 0;
}

int store_phone_check(const struct store_phone *p, const struct store_profile *profile,
		      struct err *e)
{
	int rc = check_model(p, e);

	if (!rc)
		rc = check_texts(p, e);
	if (!rc)
		rc = check_lines(p, e);
	if (!rc)
		rc = check_own_values(p, e);
	return rc ? rc : check_profile(p, profile, e);
}
