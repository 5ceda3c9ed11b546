#include "shim.h"

#include <stdio.h>
#include <string.h>

enum { FILE_VALUE_MAX = 65536 };

/* ---- attributes ---- */

static bool is_class(const struct call *c, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS class)
{
	CK_OBJECT_CLASS have = 0;
	CK_ATTRIBUTE a = {CKA_CLASS, &have, sizeof(have)};

	return shim.real->C_GetAttributeValue(c->real, object, &a, 1) == CKR_OK && have == class;
}

/* The first line with this key about an attribute whose word at the place at names the token. */
static const struct rule *about(const char *key, const struct call *c, CK_ATTRIBUTE_TYPE type,
				int at)
{
	for (size_t i = 0; i < shim.control.n; i++) {
		const struct rule *r = &shim.control.rules[i];

		if (!strcmp(r->word[0], key) && rule_number(r, 1, 0) == type &&
		    (!r->word[at] || token_named(c->token, r->word[at], r->len[at])))
			return r;
	}
	return NULL;
}

static CK_RV answer(CK_ATTRIBUTE *a, const void *value, size_t len)
{
	if (a->pValue && a->ulValueLen < len) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (a->pValue)
		memcpy(a->pValue, value, len);
	a->ulValueLen = len;
	return CKR_OK;
}

static CK_RV answer_file(CK_ATTRIBUTE *a, const char *path)
{
	CK_BYTE content[FILE_VALUE_MAX];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		shim_die("lie-cert: cannot read %s", path);
	n = fread(content, 1, sizeof(content), f);
	fclose(f);
	return answer(a, content, n);
}

static CK_RV one_value(const struct call *c, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
	const struct rule *value = about("attribute-value", c, a->type, 3);
	const struct rule *lie = control_for(&shim.control, "lie-cert", 2, c->token);
	const CK_BBOOL yes = CK_TRUE;

	if (value)
		return answer(a, value->word[2], value->len[2]);
	if (lie && a->type == CKA_VALUE && is_class(c, object, CKO_CERTIFICATE))
		return answer_file(a, lie->word[1]);
	if (a->type == CKA_ALWAYS_AUTHENTICATE && is_class(c, object, CKO_PRIVATE_KEY) &&
	    control_for(&shim.control, "always-authenticate", 1, c->token))
		return answer(a, &yes, sizeof(yes));
	return shim.real->C_GetAttributeValue(c->real, object, a, 1);
}

static CK_RV one_attribute(const struct call *c, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
	const struct rule *lie =
		about(a->pValue ? "attribute-length" : "attribute-size", c, a->type, 3);
	const CK_RV rv = one_value(c, object, a);

	if (rv == CKR_OK && lie)
		a->ulValueLen = rule_number(lie, 2, 0);
	return rv;
}

/* These three do not keep the other attributes from being answered: PKCS#11 v2.40 section 5.7. */
static bool is_partial(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	       rv == CKR_BUFFER_TOO_SMALL;
}

CK_RV shim_C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
			       CK_ATTRIBUTE *list, CK_ULONG n)
{
	struct call c;
	CK_RV worst = CKR_OK;
	CK_RV rv = call_session(&c, FN_C_GetAttributeValue, session);

	if (rv == CKR_OK && !n)
		rv = shim.real->C_GetAttributeValue(c.real, object, list, n);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		rv = one_attribute(&c, object, &list[i]);
		if (is_partial(rv)) {
			worst = rv;
			rv = CKR_OK;
		}
	}
	return call_end(&c, rv == CKR_OK ? worst : rv);
}

/* ---- searches ---- */

CK_RV shim_C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG n)
{
	struct rule *nothing;
	struct call c;
	CK_RV rv = call_session(&c, FN_C_FindObjectsInit, session);

	if (rv == CKR_OK)
		rv = shim.real->C_FindObjectsInit(c.real, template, n);
	if (rv == CKR_OK) {
		nothing = control_for(&shim.control, "find-nothing", 0, NULL);
		c.session->finds_nothing = nothing && rule_due(nothing, 1, 2);
		c.session->found_before = CK_INVALID_HANDLE;
	}
	return call_end(&c, rv);
}

/* The same object over and over, for a module that never comes to an end. */
static void never_end(struct session *s, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *n)
{
	if (*n)
		s->found_before = list[0];
	if (s->found_before == CK_INVALID_HANDLE)
		return;
	for (*n = 0; *n < max; (*n)++)
		list[*n] = s->found_before;
}

CK_RV shim_C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *list, CK_ULONG max,
			 CK_ULONG *n)
{
	const struct rule *lie;
	struct call c;
	CK_RV rv = call_session(&c, FN_C_FindObjects, session);

	if (rv == CKR_OK)
		rv = shim.real->C_FindObjects(c.real, list, max, n);
	if (rv == CKR_OK) {
		if (c.session->finds_nothing)
			*n = 0;
		if (control_for(&shim.control, "find-endless", 0, NULL))
			never_end(c.session, list, max, n);
		lie = control_for(&shim.control, "find-length", 0, NULL);
		if (lie)
			*n = rule_number(lie, 1, 0);
	}
	return call_end(&c, rv);
}
