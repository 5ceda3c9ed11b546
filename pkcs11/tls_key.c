#include "pkcs11/tls_key.h"

#include "pkcs11/digestinfo.h"

#include <openssl/bn.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define PROVIDER "ctl-elsewhere"
#define PARAM_KEY "ctl-tls-key" /* of EVP_PKEY_fromdata(): the address of a struct tls_key */

struct tls_key {
	issue_sign_fn *sign;
	void *arg;
	struct err trouble;
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider;
	EVP_PKEY *pkey;
};

/* ---- the key as the provider sees it ---- */

struct keydata {
	BIGNUM *n, *e;
	struct tls_key *key; /* NULL: a public key of somebody's, to be compared */
};

static void *keydata_new(void *provider)
{
	(void)provider;
	return calloc(1, sizeof(struct keydata));
}

static void keydata_free(void *data)
{
	struct keydata *k = data;

	if (!k)
		return;
	BN_free(k->n);
	BN_free(k->e);
	free(k);
}

static int keydata_has(const void *data, int selection)
{
	const struct keydata *k = data;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && !k->key)
		return 0;
	return k->n && k->e;
}

static int keydata_match(const void *data1, const void *data2, int selection)
{
	const struct keydata *a = data1, *b = data2;

	(void)selection;
	return a->n && b->n && !BN_cmp(a->n, b->n) && !BN_cmp(a->e, b->e);
}

static int keydata_import(void *data, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *n = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_N);
	const OSSL_PARAM *e = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E);
	const OSSL_PARAM *key = OSSL_PARAM_locate_const(params, PARAM_KEY);
	struct keydata *k = data;

	if (!n || !e || !OSSL_PARAM_get_BN(n, &k->n) || !OSSL_PARAM_get_BN(e, &k->e))
		return 0;
	if (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		return 1;
	if (!key || key->data_size != sizeof(struct tls_key *))
		return 0;
	memcpy(&k->key, key->data, sizeof(k->key));
	return 1;
}

/* The private half goes nowhere: that makes OpenSSL come to us for the signature. */
static int keydata_export(void *data, int selection, OSSL_CALLBACK *take, void *arg)
{
	const struct keydata *k = data;
	OSSL_PARAM_BLD *bld;
	OSSL_PARAM *params = NULL;
	int ok = 0;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	bld = OSSL_PARAM_BLD_new();
	if (bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, k->n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, k->e))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params)
		ok = take(params, arg);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return ok;
}

static const OSSL_PARAM *keydata_types(int selection)
{
	static const OSSL_PARAM types[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
					   OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
					   OSSL_PARAM_octet_string(PARAM_KEY, NULL, 0),
					   OSSL_PARAM_END};

	(void)selection;
	return types;
}

/* NIST SP 800-57 part 1, table 2. */
static int security_bits(int bits)
{
	if (bits >= 3072)
		return 128;
	return bits >= 2048 ? 112 : 80;
}

static int put_int(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_int(p, value);
}

static int keydata_get_params(void *data, OSSL_PARAM params[])
{
	const struct keydata *k = data;
	const int bits = BN_num_bits(k->n);

	return put_int(params, OSSL_PKEY_PARAM_BITS, bits) &&
	       put_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, security_bits(bits)) &&
	       put_int(params, OSSL_PKEY_PARAM_MAX_SIZE, BN_num_bytes(k->n));
}

static const OSSL_PARAM *keydata_gettable(void *provider)
{
	static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
					    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
					    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
					    OSSL_PARAM_END};

	(void)provider;
	return params;
}

/* ---- the signature ---- */

struct signature {
	EVP_MD *md;
	const struct keydata *key; /* borrowed: whoever signs holds it */
};

static void *signature_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return calloc(1, sizeof(struct signature));
}

static void signature_free(void *ctx)
{
	struct signature *s = ctx;

	if (!s)
		return;
	EVP_MD_free(s->md);
	free(s);
}

static int signature_init(void *ctx, const char *digest, void *data, const OSSL_PARAM params[])
{
	struct signature *s = ctx;
	const struct keydata *k = data;

	(void)params;
	if (!k || !k->key || !digest)
		return 0;
	EVP_MD_free(s->md);
	s->md = EVP_MD_fetch(NULL, digest, NULL);
	s->key = k;
	return s->md != NULL;
}

static int signature_make(void *ctx, unsigned char *sig, size_t *siglen, size_t room,
			  const unsigned char *data, size_t len)
{
	const struct signature *s = ctx;
	const size_t want = (size_t)BN_num_bytes(s->key->n);
	struct tls_key *k = s->key->key;
	struct buf info = {0};
	int rc;

	*siglen = want;
	if (!sig)
		return 1;
	if (room < want)
		return 0;
	k->trouble = (struct err){0};
	rc = digestinfo(&info, s->md, span_of(data, len), &k->trouble);
	if (!rc)
		rc = k->sign(k->arg, info.data, info.len, sig, want, &k->trouble);
	buf_free(&info);
	return !rc;
}

/* ---- the provider ---- */

#define ENTRY(id, fn)                                                                              \
	{                                                                                          \
		id, (void (*)(void))fn                                                             \
	}

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
	static const OSSL_DISPATCH keys[] = {
		ENTRY(OSSL_FUNC_KEYMGMT_NEW, keydata_new),
		ENTRY(OSSL_FUNC_KEYMGMT_FREE, keydata_free),
		ENTRY(OSSL_FUNC_KEYMGMT_HAS, keydata_has),
		ENTRY(OSSL_FUNC_KEYMGMT_MATCH, keydata_match),
		ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, keydata_import),
		ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, keydata_types),
		ENTRY(OSSL_FUNC_KEYMGMT_EXPORT, keydata_export),
		ENTRY(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, keydata_types),
		ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, keydata_get_params),
		ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, keydata_gettable),
		{0, NULL}};
	static const OSSL_DISPATCH signatures[] = {
		ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, signature_new),
		ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
		ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signature_init),
		ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signature_make),
		{0, NULL}};
	static const OSSL_ALGORITHM keymgmt[] = {
		{"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=" PROVIDER, keys, NULL},
		{NULL, NULL, NULL, NULL}};
	static const OSSL_ALGORITHM signature[] = {
		{"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=" PROVIDER, signatures, NULL},
		{NULL, NULL, NULL, NULL}};

	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keymgmt;
	return operation == OSSL_OP_SIGNATURE ? signature : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
			 const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH table[] = {
		ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query), {0, NULL}};

	(void)in;
	*provider = (void *)handle;
	*out = table;
	return 1;
}

/* ---- making one ---- */

static EVP_PKEY *wrap(struct tls_key *k, const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(k->lib, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, PARAM_KEY, &k, sizeof(k)))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool set_up(struct tls_key *k, EVP_PKEY *public)
{
	BIGNUM *n = NULL, *e = NULL;

	k->lib = OSSL_LIB_CTX_new();
	if (k->lib && OSSL_PROVIDER_add_builtin(k->lib, PROVIDER, provider_init))
		k->provider = OSSL_PROVIDER_load(k->lib, PROVIDER);
	if (k->provider && EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_N, &n) &&
	    EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_E, &e))
		k->pkey = wrap(k, n, e);
	BN_free(n);
	BN_free(e);
	return k->pkey;
}

int tls_key_new(struct tls_key **out, const struct issue_by *by, struct err *e)
{
	struct tls_key *k = calloc(1, sizeof(*k));

	if (!k)
		return err_nomem(e);
	k->sign = by->sign;
	k->arg = by->arg;
	if (!set_up(k, by->key)) {
		tls_key_free(k);
		return err_openssl(e, ERR_FAILED, "tls-key",
				   "a key of this kind cannot be used for TLS here");
	}
	*out = k;
	return 0;
}

void tls_key_free(struct tls_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	if (k->provider)
		OSSL_PROVIDER_unload(k->provider);
	OSSL_LIB_CTX_free(k->lib);
	free(k);
}

EVP_PKEY *tls_key_pkey(const struct tls_key *k)
{
	return k->pkey;
}

const struct err *tls_key_trouble(const struct tls_key *k)
{
	return &k->trouble;
}
