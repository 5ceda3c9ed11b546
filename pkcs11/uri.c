#include "pkcs11/cryptoki.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pin_value[] = "pin-value=";

void uri_show(char *out, size_t size, const char *text)
{
	size_t n = 0;

	*out = '\0';
	while (*text && n < size) {
		const char *pin = strstr(text, pin_value);
		const size_t head =
			pin ? (size_t)(pin - text) + sizeof(pin_value) - 1 : strlen(text);

		n += (size_t)snprintf(out + n, size - n, "%.*s%s", (int)head, text,
				      pin ? "..." : "");
		text += head;
		text += pin ? strcspn(text, "&") : 0;
	}
}

/* p11-kit frees its copy as it is. */
static void wipe_pin_value(P11KitUri *uri)
{
	const char *value = uri ? p11_kit_uri_get_pin_value(uri) : NULL;

	if (value)
		OPENSSL_cleanse((void *)value, strlen(value));
}

static int take_pin_value(struct secret *pin, P11KitUri *uri, struct err *e)
{
	const char *value = p11_kit_uri_get_pin_value(uri);
	const size_t len = value ? strlen(value) : 0;
	int rc = 0;

	if (!value)
		return 0;
	if (p11_kit_uri_get_pin_source(uri))
		rc = err_set(e, ERR_USAGE, "uri",
			     "the URI holds both pin-value and pin-source; one at most is allowed");
	else if (!len)
		rc = err_set(e, ERR_USAGE, "uri", "the pin-value in the URI is empty");
	else
		rc = secret_set(pin, value, len, e);
	wipe_pin_value(uri);
	p11_kit_uri_set_pin_value(uri, NULL);
	return rc;
}

int uri_parse(P11KitUri **out, struct secret *pin, const char *text, struct err *e)
{
	P11KitUri *uri = p11_kit_uri_new();
	char shown[URI_SHOWN_MAX];
	int rc;

	*pin = (struct secret){0};
	if (!uri)
		return err_nomem(e);
	uri_show(shown, sizeof(shown), text);
	rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
	if (rc != P11_KIT_URI_OK) {
		rc = err_set(e, ERR_USAGE, "uri", "\"%s\" is not a PKCS#11 URI: %s", shown,
			     p11_kit_uri_message(rc));
		err_hint(e, "it looks like pkcs11:token=SAST%%201;object=sast; \"ctlclient token "
			    "list\" shows those of your tokens");
	} else if (p11_kit_uri_any_unrecognized(uri)) {
		rc = err_set(e, ERR_USAGE, "uri", "\"%s\" names an attribute that is not known",
			     shown);
		err_hint(e, "known ones are token, serial, manufacturer, model, object, id, "
			    "slot-id, pin-source, module-path and module-name (RFC 7512)");
	} else {
		rc = take_pin_value(pin, uri, e);
	}
	if (rc) {
		wipe_pin_value(uri);
		p11_kit_uri_free(uri);
	} else {
		*out = uri;
	}
	return rc;
}

/* A field of the URI that is not set begins with a NUL (p11-kit's convention). */
char *token_uri_module(const char *text)
{
	P11KitUri *uri = p11_kit_uri_new();
	const char *path = NULL;
	char *copy;

	if (uri && p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) == P11_KIT_URI_OK)
		path = p11_kit_uri_get_module_path(uri);
	copy = path ? strdup(path) : NULL;
	wipe_pin_value(uri);
	p11_kit_uri_free(uri);
	return copy;
}

static bool field_is(const uint8_t *wanted, const uint8_t *field, size_t len)
{
	const size_t n = text_trimmed(wanted, len);

	return !wanted[0] || (n == text_trimmed(field, len) && !memcmp(wanted, field, n));
}

/* OpenSC shows a card once per PIN and makes labels of both: "SAST 1 (User PIN)" or, in other
 * versions, "User PIN (SAST 1)". */
static bool label_is_decorated(const uint8_t *wanted, const uint8_t *label, size_t len)
{
	const size_t n = text_trimmed(wanted, len);
	const size_t m = text_trimmed(label, len);

	if (!n || m < n + 3 || label[m - 1] != ')')
		return false;
	return (!memcmp(label, wanted, n) && label[n] == ' ' && label[n + 1] == '(') ||
	       (!memcmp(label + m - 1 - n, wanted, n) && label[m - 2 - n] == '(');
}

static bool slot_fits(P11KitUri *uri, const struct slot *s)
{
	const CK_SLOT_ID id = p11_kit_uri_get_slot_id(uri);
	const CK_SLOT_INFO *wanted = p11_kit_uri_get_slot_info(uri);
	CK_SLOT_INFO info;

	if (id != (CK_SLOT_ID)-1 && id != s->id)
		return false;
	if (!wanted->slotDescription[0] && !wanted->manufacturerID[0])
		return true;
	return s->module->fn->C_GetSlotInfo(s->id, &info) == CKR_OK &&
	       p11_kit_uri_match_slot_info(uri, &info);
}

enum uri_fit uri_fits(P11KitUri *uri, const struct slot *s)
{
	const CK_TOKEN_INFO *wanted = p11_kit_uri_get_token_info(uri);
	const CK_TOKEN_INFO *raw = &s->raw;
	const char *name = p11_kit_uri_get_module_name(uri);

	if (name && !module_is_named(s->module, name))
		return URI_NO;
	if (!p11_kit_uri_match_module_info(uri, &s->module->info) || !slot_fits(uri, s) ||
	    !field_is(wanted->serialNumber, raw->serialNumber, sizeof(raw->serialNumber)) ||
	    !field_is(wanted->manufacturerID, raw->manufacturerID, sizeof(raw->manufacturerID)) ||
	    !field_is(wanted->model, raw->model, sizeof(raw->model)))
		return URI_NO;
	if (field_is(wanted->label, raw->label, sizeof(raw->label)))
		return URI_EXACT;
	return label_is_decorated(wanted->label, raw->label, sizeof(raw->label)) ? URI_DECORATED
										 : URI_NO;
}

/* Copies a field with the padding p11-kit expects: some modules pad with NULs. */
static void field_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	const size_t n = text_trimmed(from, len);

	if (!n)
		return;
	memset(to, ' ', len);
	memcpy(to, from, n);
}

static int set_object(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, struct span value)
{
	CK_ATTRIBUTE a = {type, (void *)value.data, value.len};

	return p11_kit_uri_set_attribute(uri, &a);
}

/* A module of p11-kit's configuration is named as there, another one by its path. */
static void set_module(P11KitUri *uri, const struct module *m)
{
	char *text =
		m->by_path ? p11_kit_module_get_filename(m->fn) : p11_kit_module_get_name(m->fn);

	if (text && m->by_path)
		p11_kit_uri_set_module_path(uri, text);
	else if (text)
		p11_kit_uri_set_module_name(uri, text);
	free(text);
}

void uri_format(char *out, size_t size, const struct slot *s, enum uri_detail detail,
		struct span label, struct span id)
{
	P11KitUri *uri = p11_kit_uri_new();
	char *text = NULL;
	CK_TOKEN_INFO *info;

	*out = '\0';
	if (!uri)
		return;
	info = p11_kit_uri_get_token_info(uri);
	field_copy(info->label, s->raw.label, sizeof(info->label));
	field_copy(info->serialNumber, s->raw.serialNumber, sizeof(info->serialNumber));
	if (detail >= URI_MODEL) {
		field_copy(info->model, s->raw.model, sizeof(info->model));
		field_copy(info->manufacturerID, s->raw.manufacturerID,
			   sizeof(info->manufacturerID));
	}
	if (detail >= URI_SLOT)
		p11_kit_uri_set_slot_id(uri, s->id);
	if (detail >= URI_MODULE)
		set_module(uri, s->module);
	if (label.len)
		set_object(uri, CKA_LABEL, label);
	if (id.len)
		set_object(uri, CKA_ID, id);
	/* Half a URI would name something else: none at all is better. */
	if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) == P11_KIT_URI_OK &&
	    strlen(text) < size)
		snprintf(out, size, "%s", text);
	free(text);
	p11_kit_uri_free(uri);
}

static struct span attribute(P11KitUri *uri, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, type);

	return a ? span_of(a->pValue, a->ulValueLen) : span_of(NULL, 0);
}

struct span uri_object(P11KitUri *uri)
{
	return attribute(uri, CKA_LABEL);
}

struct span uri_id(P11KitUri *uri)
{
	return attribute(uri, CKA_ID);
}
