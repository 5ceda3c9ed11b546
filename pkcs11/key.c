#include "pkcs11/cryptoki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>

/* The modulus as PKCS#11 keeps it: big-endian, no leading zeros. 0 if the key is not RSA. */
static size_t cert_modulus(const X509 *cert, uint8_t out[MODULUS_MAX])
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	BIGNUM *n = NULL;
	size_t len = 0;

	if (key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    BN_num_bytes(n) <= MODULUS_MAX)
		len = (size_t)BN_bn2bin(n, out);
	BN_free(n);
	ERR_clear_error();
	return len;
}

static int private_by(CK_OBJECT_HANDLE *key, size_t *n, struct token *t, CK_ATTRIBUTE_TYPE type,
		      struct span value, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{type, (void *)value.data, value.len},
	};
	CK_OBJECT_HANDLE *list;
	const int rc = objects_find(t, template, 2, &list, n, e);

	if (rc)
		return rc;
	if (*n)
		*key = list[0];
	free(list);
	return 0;
}

/* False only if the key shows a modulus, and it is another. */
static bool may_be_key_of(const struct token *t, CK_OBJECT_HANDLE key, struct span modulus)
{
	uint8_t have[MODULUS_MAX];
	size_t len;

	return object_attr(t, key, CKA_MODULUS, have, sizeof(have), &len) != CKR_OK ||
	       span_eq(span_of(have, len), modulus);
}

static bool is_logged_in(const struct token *t)
{
	CK_SESSION_INFO info;

	return t->at.module->fn->C_GetSessionInfo(t->session, &info) == CKR_OK &&
	       (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

static int missing(const struct token *t, struct err *e)
{
	const struct token_info *info = &t->at.info;

	if (info->login_required && !is_logged_in(t))
		return err_set(e, ERR_TOKEN, "login-needed",
			       "the token %s (serial %s) shows its private keys only after the PIN "
			       "was given",
			       info->label, info->serial);
	err_set(e, ERR_TOKEN, "key-missing",
		"the token %s (serial %s) holds the certificate but not its private key",
		info->label, info->serial);
	return err_hint(e, "the key was deleted, or was never on this token: use another token, or "
			   "make a new key with \"ctlclient token keygen\"");
}

int key_find(CK_OBJECT_HANDLE *key, struct token *t, const X509 *cert, struct err *e)
{
	uint8_t id[ID_MAX];
	uint8_t modulus[MODULUS_MAX];
	const struct span wanted = span_of(modulus, cert_modulus(cert, modulus));
	size_t id_len;
	size_t n = 0;
	int rc;

	if (!wanted.len)
		return err_set(e, ERR_TOKEN, "sign",
			       "the certificate on the token %s has no RSA key: trust lists are "
			       "signed with RSA only",
			       t->at.info.label);
	rc = cert_id(t, cert, id, &id_len, e);
	if (!rc && id_len)
		rc = private_by(key, &n, t, CKA_ID, span_of(id, id_len), e);
	if (rc || (n && may_be_key_of(t, *key, wanted)))
		return rc;
	rc = private_by(key, &n, t, CKA_MODULUS, wanted, e);
	if (rc)
		return rc;
	return n ? 0 : missing(t, e);
}

int token_key_facts(struct token *t, const X509 *cert, struct token_key_facts *facts, struct err *e)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	const int rc = key_find(&key, t, cert, e);

	if (rc)
		return rc;
	*facts = (struct token_key_facts){
		.bits = (unsigned)EVP_PKEY_get_bits(X509_get0_pubkey(cert)),
		.private_ = object_flag(t, key, CKA_PRIVATE),
		.sensitive = object_flag(t, key, CKA_SENSITIVE),
		.extractable = object_flag(t, key, CKA_EXTRACTABLE),
		.never_extractable = object_flag(t, key, CKA_NEVER_EXTRACTABLE),
		.local = object_flag(t, key, CKA_LOCAL),
		.sign = object_flag(t, key, CKA_SIGN),
		.always_authenticate = object_flag(t, key, CKA_ALWAYS_AUTHENTICATE),
	};
	return 0;
}
