#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define X(name) #name,
const char *const fn_names[FN_COUNT] = {SHIM_FUNCTIONS(X)};
#undef X

/* What tests may want to name; anything else as a number. */
#define VALUES(X)                                                                                  \
	X(CKR_OK)                                                                                  \
	X(CKR_CANCEL)                                                                              \
	X(CKR_HOST_MEMORY)                                                                         \
	X(CKR_SLOT_ID_INVALID)                                                                     \
	X(CKR_GENERAL_ERROR)                                                                       \
	X(CKR_FUNCTION_FAILED)                                                                     \
	X(CKR_ARGUMENTS_BAD)                                                                       \
	X(CKR_NO_EVENT)                                                                            \
	X(CKR_NEED_TO_CREATE_THREADS)                                                              \
	X(CKR_CANT_LOCK)                                                                           \
	X(CKR_ATTRIBUTE_READ_ONLY)                                                                 \
	X(CKR_ATTRIBUTE_SENSITIVE)                                                                 \
	X(CKR_ATTRIBUTE_TYPE_INVALID)                                                              \
	X(CKR_ATTRIBUTE_VALUE_INVALID)                                                             \
	X(CKR_DATA_INVALID)                                                                        \
	X(CKR_DATA_LEN_RANGE)                                                                      \
	X(CKR_DEVICE_ERROR)                                                                        \
	X(CKR_DEVICE_MEMORY)                                                                       \
	X(CKR_DEVICE_REMOVED)                                                                      \
	X(CKR_FUNCTION_CANCELED)                                                                   \
	X(CKR_FUNCTION_NOT_SUPPORTED)                                                              \
	X(CKR_FUNCTION_REJECTED)                                                                   \
	X(CKR_KEY_HANDLE_INVALID)                                                                  \
	X(CKR_KEY_SIZE_RANGE)                                                                      \
	X(CKR_KEY_TYPE_INCONSISTENT)                                                               \
	X(CKR_KEY_FUNCTION_NOT_PERMITTED)                                                          \
	X(CKR_MECHANISM_INVALID)                                                                   \
	X(CKR_MECHANISM_PARAM_INVALID)                                                             \
	X(CKR_OBJECT_HANDLE_INVALID)                                                               \
	X(CKR_OPERATION_ACTIVE)                                                                    \
	X(CKR_OPERATION_NOT_INITIALIZED)                                                           \
	X(CKR_PIN_INCORRECT)                                                                       \
	X(CKR_PIN_INVALID)                                                                         \
	X(CKR_PIN_LEN_RANGE)                                                                       \
	X(CKR_PIN_EXPIRED)                                                                         \
	X(CKR_PIN_LOCKED)                                                                          \
	X(CKR_PIN_TOO_WEAK)                                                                        \
	X(CKR_SESSION_CLOSED)                                                                      \
	X(CKR_SESSION_COUNT)                                                                       \
	X(CKR_SESSION_EXISTS)                                                                      \
	X(CKR_SESSION_HANDLE_INVALID)                                                              \
	X(CKR_SESSION_READ_ONLY)                                                                   \
	X(CKR_SESSION_READ_WRITE_SO_EXISTS)                                                        \
	X(CKR_SIGNATURE_INVALID)                                                                   \
	X(CKR_SIGNATURE_LEN_RANGE)                                                                 \
	X(CKR_TEMPLATE_INCOMPLETE)                                                                 \
	X(CKR_TEMPLATE_INCONSISTENT)                                                               \
	X(CKR_TOKEN_NOT_PRESENT)                                                                   \
	X(CKR_TOKEN_NOT_RECOGNIZED)                                                                \
	X(CKR_TOKEN_WRITE_PROTECTED)                                                               \
	X(CKR_USER_ALREADY_LOGGED_IN)                                                              \
	X(CKR_USER_NOT_LOGGED_IN)                                                                  \
	X(CKR_USER_PIN_NOT_INITIALIZED)                                                            \
	X(CKR_USER_TYPE_INVALID)                                                                   \
	X(CKR_USER_ANOTHER_ALREADY_LOGGED_IN)                                                      \
	X(CKR_RANDOM_NO_RNG)                                                                       \
	X(CKR_BUFFER_TOO_SMALL)                                                                    \
	X(CKR_CRYPTOKI_NOT_INITIALIZED)                                                            \
	X(CKR_CRYPTOKI_ALREADY_INITIALIZED)                                                        \
	X(CKR_VENDOR_DEFINED)                                                                      \
	X(CKA_CLASS)                                                                               \
	X(CKA_TOKEN)                                                                               \
	X(CKA_PRIVATE)                                                                             \
	X(CKA_LABEL)                                                                               \
	X(CKA_VALUE)                                                                               \
	X(CKA_CERTIFICATE_TYPE)                                                                    \
	X(CKA_ISSUER)                                                                              \
	X(CKA_SERIAL_NUMBER)                                                                       \
	X(CKA_SUBJECT)                                                                             \
	X(CKA_ID)                                                                                  \
	X(CKA_KEY_TYPE)                                                                            \
	X(CKA_SENSITIVE)                                                                           \
	X(CKA_SIGN)                                                                                \
	X(CKA_DECRYPT)                                                                             \
	X(CKA_MODULUS)                                                                             \
	X(CKA_MODULUS_BITS)                                                                        \
	X(CKA_PUBLIC_EXPONENT)                                                                     \
	X(CKA_EXTRACTABLE)                                                                         \
	X(CKA_NEVER_EXTRACTABLE)                                                                   \
	X(CKA_ALWAYS_SENSITIVE)                                                                    \
	X(CKA_LOCAL)                                                                               \
	X(CKA_MODIFIABLE)                                                                          \
	X(CKA_ALWAYS_AUTHENTICATE)                                                                 \
	X(CKM_RSA_PKCS_KEY_PAIR_GEN)                                                               \
	X(CKM_RSA_PKCS)                                                                            \
	X(CKM_RSA_X_509)                                                                           \
	X(CKM_SHA1_RSA_PKCS)                                                                       \
	X(CKM_SHA256_RSA_PKCS)                                                                     \
	X(CKM_SHA384_RSA_PKCS)                                                                     \
	X(CKM_SHA512_RSA_PKCS)                                                                     \
	X(CKM_RSA_PKCS_PSS)                                                                        \
	X(CKM_RSA_PKCS_OAEP)

static const struct value {
	const char *name;
	CK_ULONG value;
} values[] = {
#define X(name) {#name, name},
	VALUES(X)
#undef X
};

CK_ULONG name_value(const char *name)
{
	char *end;
	CK_ULONG n;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!strcmp(values[i].name, name))
			return values[i].value;
	errno = 0;
	n = strtoul(name, &end, 0);
	if (errno || end == name || *end)
		shim_die("neither a number nor a name that is known: %s", name);
	return n;
}
