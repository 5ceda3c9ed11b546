#include "pkcs11/cryptoki.h"

#include <stdlib.h>
#include <string.h>

static CK_RV search(const struct token *t, CK_ATTRIBUTE *template, size_t attributes,
		    CK_OBJECT_HANDLE *list, size_t *n)
{
	CK_FUNCTION_LIST *fn = t->at.module->fn;
	CK_ULONG got;
	CK_RV rv = fn->C_FindObjectsInit(t->session, template, attributes);

	if (rv != CKR_OK)
		return rv;
	for (*n = 0; *n < OBJECTS_MAX; *n += got) {
		got = 0;
		rv = fn->C_FindObjects(t->session, list + *n, OBJECTS_MAX - *n, &got);
		if (rv != CKR_OK || got == 0)
			break;
		if (got > OBJECTS_MAX - *n) {
			rv = CKR_GENERAL_ERROR;
			break;
		}
	}
	(void)fn->C_FindObjectsFinal(t->session);
	return rv;
}

int objects_find(struct token *t, CK_ATTRIBUTE *template, size_t attributes, CK_OBJECT_HANDLE **out,
		 size_t *out_n, struct err *e)
{
	CK_OBJECT_HANDLE *list;
	size_t n = 0;
	CK_RV rv;

	if (session_need(t, e))
		return (int)e->kind;
	list = calloc(OBJECTS_MAX, sizeof(*list));
	if (!list)
		return err_nomem(e);
	rv = search(t, template, attributes, list, &n);
	if (rv != CKR_OK) {
		free(list);
		session_after(t, rv);
		return rv_err(e, rv, "objects", "cannot read what is on the token %s",
			      t->at.info.label);
	}
	*out = list;
	*out_n = n;
	return 0;
}

CK_RV object_attr(const struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
		  size_t max, size_t *len)
{
	CK_ATTRIBUTE a = {type, out, max};
	CK_RV rv = t->at.module->fn->C_GetAttributeValue(t->session, object, &a, 1);

	*len = 0;
	if (rv != CKR_OK)
		return rv;
	/* (CK_ULONG)-1, "unavailable", is caught here too. */
	if (a.ulValueLen > max)
		return CKR_BUFFER_TOO_SMALL;
	*len = a.ulValueLen;
	return CKR_OK;
}

bool object_flag(const struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	size_t len;

	return object_attr(t, object, type, &value, sizeof(value), &len) == CKR_OK &&
	       len == sizeof(value) && value;
}
