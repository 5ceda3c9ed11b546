#include "pkcs11/cryptoki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>

enum { EXPONENT_MAX = 8 };

size_t key_modulus(const EVP_PKEY *key, uint8_t out[MODULUS_MAX])
{
	BIGNUM *n = NULL;
	size_t len = 0;

	if (key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    BN_num_bytes(n) <= MODULUS_MAX)
		len = (size_t)BN_bn2bin(n, out);
	BN_free(n);
	ERR_clear_error();
	return len;
}

static EVP_PKEY *rsa_public(const BIGNUM *n, const BIGNUM *exponent)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (build && ctx && n && exponent &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_BLD_free(build);
	return key;
}

EVP_PKEY *key_public(const struct token *t, CK_OBJECT_HANDLE object)
{
	uint8_t modulus[MODULUS_MAX];
	uint8_t exponent[EXPONENT_MAX];
	size_t modulus_len, exponent_len;
	BIGNUM *n, *x;
	EVP_PKEY *key;

	if (object_attr(t, object, CKA_MODULUS, modulus, sizeof(modulus), &modulus_len) != CKR_OK ||
	    object_attr(t, object, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent),
			&exponent_len) != CKR_OK)
		return NULL;
	n = BN_bin2bn(modulus, (int)modulus_len, NULL);
	x = BN_bin2bn(exponent, (int)exponent_len, NULL);
	key = rsa_public(n, x);
	BN_free(n);
	BN_free(x);
	return key;
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
	const struct span wanted = span_of(modulus, key_modulus(X509_get0_pubkey(cert), modulus));
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

/* ---- the key at hand ---- */

void key_forget(struct token *t)
{
	EVP_PKEY_free(t->key.public);
	t->key = (struct key){0};
}

static bool is_at_hand(const struct token *t, const EVP_PKEY *public)
{
	return public && t->key.public && session_is_open(t) &&
	       (t->key.public == public || EVP_PKEY_eq(t->key.public, public) == 1);
}

static void take(struct token *t, EVP_PKEY *public, CK_OBJECT_HANDLE handle)
{
	key_forget(t);
	EVP_PKEY_up_ref(public);
	t->key = (struct key){public, handle, object_flag(t, handle, CKA_ALWAYS_AUTHENTICATE)};
}

int key_of_cert(struct token *t, const X509 *cert, struct err *e)
{
	EVP_PKEY *public = X509_get0_pubkey(cert);
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	int rc;

	if (is_at_hand(t, public))
		return 0;
	rc = key_find(&handle, t, cert, e);
	if (!rc)
		take(t, public, handle);
	return rc;
}

int key_of_public(struct token *t, EVP_PKEY *public, struct err *e)
{
	uint8_t modulus[MODULUS_MAX];
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	size_t n = 0;
	int rc;

	if (is_at_hand(t, public))
		return 0;
	rc = private_by(&handle, &n, t, CKA_MODULUS, span_of(modulus, key_modulus(public, modulus)),
			e);
	if (!rc && !n)
		rc = missing(t, e);
	if (!rc)
		take(t, public, handle);
	return rc;
}

/* ---- facts ---- */

static bool shows_modulus(const struct token *t, CK_OBJECT_HANDLE key)
{
	uint8_t modulus[MODULUS_MAX];
	size_t len;

	return object_attr(t, key, CKA_MODULUS, modulus, sizeof(modulus), &len) == CKR_OK && len;
}

int token_key_facts(struct token *t, const X509 *cert, struct token_key_facts *facts, struct err *e)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	const int rc = key_find(&key, t, cert, e);

	if (rc)
		return rc;
	*facts = (struct token_key_facts){
		.bits = (unsigned)EVP_PKEY_get_bits(X509_get0_pubkey(cert)),
		.shows_modulus = shows_modulus(t, key),
		.private_ = object_flag(t, key, CKA_PRIVATE),
		.sensitive = object_flag(t, key, CKA_SENSITIVE),
		.extractable = object_flag(t, key, CKA_EXTRACTABLE),
		.never_extractable = object_flag(t, key, CKA_NEVER_EXTRACTABLE),
		.local = object_flag(t, key, CKA_LOCAL),
		.sign = object_flag(t, key, CKA_SIGN),
		.always_authenticate = object_flag(t, key, CKA_ALWAYS_AUTHENTICATE),
	};
	/* What a token does not tell counts as false: but not because the token is gone. */
	return session_check(t, e);
}
