#include "pkcs11/cryptoki.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What an answer of a module means to someone who wants to sign a list. PKCS#11 v2.40 base
 * specification, section 5.1. */
static const struct rv_text {
	CK_RV rv;
	const char *name;
	const char *id; /* NULL: what the caller says */
	const char *means;
} texts[] = {
#define RV(name, id, means)                                                                        \
	{                                                                                          \
		name, #name, id, means                                                             \
	}
	RV(CKR_HOST_MEMORY, NULL, "this computer is out of memory"),
	RV(CKR_SLOT_ID_INVALID, "token-removed", "the slot of the token is gone"),
	RV(CKR_GENERAL_ERROR, NULL, "the module gives no reason"),
	RV(CKR_FUNCTION_FAILED, NULL, "the token could not do it and gives no reason"),
	RV(CKR_ARGUMENTS_BAD, NULL, "the module did not accept the request"),
	RV(CKR_ATTRIBUTE_READ_ONLY, NULL, "the token does not let this be set"),
	RV(CKR_ATTRIBUTE_SENSITIVE, NULL, "the token does not reveal this"),
	RV(CKR_ATTRIBUTE_TYPE_INVALID, NULL, "the token does not know this attribute"),
	RV(CKR_ATTRIBUTE_VALUE_INVALID, NULL, "the token refuses a value"),
	RV(CKR_BUFFER_TOO_SMALL, NULL, "the answer is longer than it may be"),
	RV(CKR_CRYPTOKI_NOT_INITIALIZED, NULL, "the module was shut down meanwhile"),
	RV(CKR_DATA_INVALID, NULL, "the token refuses the data"),
	RV(CKR_DATA_LEN_RANGE, NULL, "the data is too long for the key"),
	RV(CKR_DEVICE_ERROR, NULL, "the token or its reader failed; it may have been pulled out"),
	RV(CKR_DEVICE_MEMORY, NULL, "the token is full"),
	RV(CKR_DEVICE_REMOVED, "token-removed", "the token was removed"),
	RV(CKR_FUNCTION_CANCELED, NULL, "it was cancelled"),
	RV(CKR_FUNCTION_NOT_SUPPORTED, NULL, "the module cannot do this"),
	RV(CKR_KEY_FUNCTION_NOT_PERMITTED, NULL, "the key may not be used for this"),
	RV(CKR_KEY_HANDLE_INVALID, NULL, "the key is gone"),
	RV(CKR_KEY_SIZE_RANGE, NULL, "the token has no keys of this size"),
	RV(CKR_KEY_TYPE_INCONSISTENT, NULL, "the key is not of the right type"),
	RV(CKR_MECHANISM_INVALID, NULL, "the token cannot do this kind of operation"),
	RV(CKR_OBJECT_HANDLE_INVALID, NULL, "the object is gone"),
	RV(CKR_OPERATION_ACTIVE, NULL, "another operation is still going on"),
	RV(CKR_PIN_EXPIRED, "pin-expired", "the PIN has expired and must be changed first"),
	RV(CKR_PIN_INCORRECT, "pin-wrong", "the PIN is wrong"),
	RV(CKR_PIN_INVALID, "pin-wrong", "the PIN has characters the token does not take"),
	RV(CKR_PIN_LEN_RANGE, "pin-wrong", "the PIN is too short or too long for the token"),
	RV(CKR_PIN_LOCKED, "pin-locked", "the PIN is locked after too many wrong ones"),
	RV(CKR_PIN_TOO_WEAK, "pin-weak", "the token finds the PIN too weak"),
	RV(CKR_SESSION_CLOSED, "token-removed", "the session with the token was closed"),
	RV(CKR_SESSION_COUNT, NULL, "the token has no session left: is another program using it?"),
	RV(CKR_SESSION_EXISTS, NULL, "another program is using the token"),
	RV(CKR_SESSION_HANDLE_INVALID, "token-removed", "the session with the token was lost"),
	RV(CKR_SESSION_READ_ONLY, NULL, "the token can only be read"),
	RV(CKR_TEMPLATE_INCOMPLETE, NULL, "the token wants to know more about the object"),
	RV(CKR_TEMPLATE_INCONSISTENT, NULL, "the token refuses such an object"),
	RV(CKR_TOKEN_NOT_PRESENT, "token-removed", "the token is not there any more"),
	RV(CKR_TOKEN_NOT_RECOGNIZED, "token-removed", "the module does not know this token"),
	RV(CKR_TOKEN_WRITE_PROTECTED, NULL, "the token is write-protected"),
	RV(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, NULL, "somebody else is logged in to the token"),
	RV(CKR_USER_NOT_LOGGED_IN, "login-needed", "the token wants the PIN first"),
	RV(CKR_USER_PIN_NOT_INITIALIZED, "pin-unset", "no PIN has been set on the token yet"),
	RV(CKR_USER_TYPE_INVALID, NULL, "the token has no such user"),
#undef RV
};

static const struct rv_text *lookup(CK_RV rv)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].rv == rv)
			return &texts[i];
	return NULL;
}

const char *rv_name(CK_RV rv, char scratch[32])
{
	const struct rv_text *t = lookup(rv);

	if (t)
		return t->name;
	snprintf(scratch, 32, "0x%08lx", rv);
	return scratch;
}

bool rv_is_loss(CK_RV rv)
{
	const struct rv_text *t = lookup(rv);

	return rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_DEVICE_ERROR ||
	       (t && t->id && !strcmp(t->id, "token-removed"));
}

bool rv_is_absence(CK_RV rv)
{
	return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_REMOVED || rv == CKR_SLOT_ID_INVALID;
}

const char *rv_means(CK_RV rv)
{
	const struct rv_text *t = lookup(rv);

	return t ? t->means : "the module answered with an error of its own";
}

int rv_err(struct err *e, CK_RV rv, const char *id, const char *doing, ...)
{
	const struct rv_text *t = lookup(rv);
	char scratch[32];
	char text[ERR_WHAT_MAX];
	va_list ap;

	va_start(ap, doing);
	vsnprintf(text, sizeof(text), doing, ap);
	va_end(ap);
	err_set(e, ERR_TOKEN, t && t->id ? t->id : id, "%s: %s (%s)", text, rv_means(rv),
		rv_name(rv, scratch));
	if (rv_is_loss(rv))
		err_hint(e, "put the token in again and repeat the command");
	return ERR_TOKEN;
}
