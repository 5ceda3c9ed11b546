/* The functions in which nothing is played but what call_session() and the mechanisms do. */
#include "shim.h"

#define PASS(name, args, ...)                                                                      \
	CK_RV shim_##name(CK_SESSION_HANDLE session, __VA_ARGS__)                                  \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_session(&c, FN_##name, session);                                   \
                                                                                                   \
		if (rv == CKR_OK)                                                                  \
			rv = shim.real->name args;                                                 \
		return call_end(&c, rv);                                                           \
	}

/* Those that begin with a mechanism, which the control file may have taken away. */
#define PASS_MECHANISM(name, args, ...)                                                            \
	CK_RV shim_##name(CK_SESSION_HANDLE session, CK_MECHANISM *m, __VA_ARGS__)                 \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_session(&c, FN_##name, session);                                   \
                                                                                                   \
		if (rv == CKR_OK && m)                                                             \
			rv = mechanism_check(c.token, m->mechanism);                               \
		if (rv == CKR_OK)                                                                  \
			rv = shim.real->name args;                                                 \
		return call_end(&c, rv);                                                           \
	}

#define PASS_SESSION(name)                                                                         \
	CK_RV shim_##name(CK_SESSION_HANDLE session)                                               \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_session(&c, FN_##name, session);                                   \
                                                                                                   \
		if (rv == CKR_OK)                                                                  \
			rv = shim.real->name(c.real);                                              \
		return call_end(&c, rv);                                                           \
	}

typedef CK_BYTE *bytes;
typedef CK_ULONG *room;
typedef CK_ATTRIBUTE *attrs;
typedef CK_OBJECT_HANDLE key, *keys;

/* clang-format off */
PASS_SESSION(C_Logout)
PASS_SESSION(C_FindObjectsFinal)
PASS_SESSION(C_GetFunctionStatus)
PASS_SESSION(C_CancelFunction)

PASS(C_GetOperationState, (c.real, a, n), bytes a, room n)
PASS(C_SetOperationState, (c.real, a, n, k1, k2), bytes a, CK_ULONG n, key k1, key k2)
PASS(C_CreateObject, (c.real, t, n, k), attrs t, CK_ULONG n, keys k)
PASS(C_CopyObject, (c.real, o, t, n, k), key o, attrs t, CK_ULONG n, keys k)
PASS(C_DestroyObject, (c.real, o), key o)
PASS(C_GetObjectSize, (c.real, o, n), key o, room n)
PASS(C_SetAttributeValue, (c.real, o, t, n), key o, attrs t, CK_ULONG n)

PASS_MECHANISM(C_EncryptInit, (c.real, m, k), key k)
PASS(C_Encrypt, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_EncryptUpdate, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_EncryptFinal, (c.real, b, r), bytes b, room r)
PASS_MECHANISM(C_DecryptInit, (c.real, m, k), key k)
PASS(C_Decrypt, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_DecryptUpdate, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_DecryptFinal, (c.real, b, r), bytes b, room r)

PASS(C_DigestInit, (c.real, m), CK_MECHANISM *m)
PASS(C_Digest, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_DigestUpdate, (c.real, a, n), bytes a, CK_ULONG n)
PASS(C_DigestKey, (c.real, k), key k)
PASS(C_DigestFinal, (c.real, b, r), bytes b, room r)

PASS_MECHANISM(C_SignRecoverInit, (c.real, m, k), key k)
PASS(C_SignRecover, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS_MECHANISM(C_VerifyInit, (c.real, m, k), key k)
PASS(C_Verify, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, CK_ULONG r)
PASS(C_VerifyUpdate, (c.real, a, n), bytes a, CK_ULONG n)
PASS(C_VerifyFinal, (c.real, b, r), bytes b, CK_ULONG r)
PASS_MECHANISM(C_VerifyRecoverInit, (c.real, m, k), key k)
PASS(C_VerifyRecover, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)

PASS(C_DigestEncryptUpdate, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_DecryptDigestUpdate, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_SignEncryptUpdate, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)
PASS(C_DecryptVerifyUpdate, (c.real, a, n, b, r), bytes a, CK_ULONG n, bytes b, room r)

PASS_MECHANISM(C_GenerateKey, (c.real, m, t, n, k), attrs t, CK_ULONG n, keys k)
PASS_MECHANISM(C_GenerateKeyPair, (c.real, m, t, n, u, l, k, q), attrs t, CK_ULONG n, attrs u, CK_ULONG l, keys k, keys q)
PASS_MECHANISM(C_WrapKey, (c.real, m, w, k, b, r), key w, key k, bytes b, room r)
PASS_MECHANISM(C_UnwrapKey, (c.real, m, w, b, l, t, n, k), key w, bytes b, CK_ULONG l, attrs t, CK_ULONG n, keys k)
PASS_MECHANISM(C_DeriveKey, (c.real, m, w, t, n, k), key w, attrs t, CK_ULONG n, keys k)

PASS(C_SeedRandom, (c.real, a, n), bytes a, CK_ULONG n)
PASS(C_GenerateRandom, (c.real, a, n), bytes a, CK_ULONG n)
/* clang-format on */
