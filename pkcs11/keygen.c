#include "pkcs11/cryptoki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEW_ID_LEN = 20,
	EXPONENT_MAX = 8,
	NAME_DER_MAX = 4096,
	SERIAL_DER_MAX = 64,
	DAYS_MAX = 36500,
};

/* A key pair in the making. */
struct making {
	struct token *t;
	const struct token_keygen *spec;
	CK_SESSION_HANDLE session; /* read-write; the login of t's session holds for it too */
	CK_OBJECT_HANDLE public, private;
	uint8_t id[ID_MAX];
	size_t id_len;
	EVP_PKEY *key; /* the public half */
};

static int check_spec(const struct token_keygen *spec, struct err *e)
{
	const size_t n = strlen(spec->label);

	if (spec->bits == 3072) {
		err_set(e, ERR_USAGE, "key-size",
			"a 3072-bit key cannot sign trust lists: their format has no code for it");
		return err_hint(e, "use 2048 or 4096");
	}
	if (spec->bits != 1024 && spec->bits != 2048 && spec->bits != 4096) {
		err_set(e, ERR_USAGE, "key-size",
			"a trust list cannot be signed with a key of %u bits", spec->bits);
		return err_hint(e, "the format knows 1024, 2048 and 4096; use 2048");
	}
	if (!spec->days || spec->days > DAYS_MAX)
		return err_set(e, ERR_USAGE, "days",
			       "a certificate is valid for 1 to %d days, not %u", DAYS_MAX,
			       spec->days);
	if (!n || n > ID_MAX)
		return err_set(e, ERR_USAGE, "label", "a key's label has 1 to %d bytes, not %zu",
			       ID_MAX, n);
	return 0;
}

/* The URI may ask for a CKA_ID: on a YubiKey it chooses the slot of the card. */
static int choose_id(struct making *m, struct err *e)
{
	const struct span asked = uri_id(m->t->uri);

	if (asked.len > sizeof(m->id))
		return err_set(e, ERR_USAGE, "uri", "the id in the URI is longer than %d bytes",
			       ID_MAX);
	m->id_len = asked.len ? asked.len : NEW_ID_LEN;
	if (asked.len)
		memcpy(m->id, asked.data, asked.len);
	else if (RAND_bytes(m->id, NEW_ID_LEN) != 1)
		return err_openssl(e, ERR_FAILED, "random", "no random numbers");
	return 0;
}

static int refuse_taken(struct making *m, CK_ATTRIBUTE_TYPE type, struct span value, struct err *e)
{
	CK_ATTRIBUTE template = {type, (void *)value.data, value.len};
	CK_OBJECT_HANDLE *list;
	size_t n;

	if (objects_find(m->t, &template, 1, &list, &n, e))
		return (int)e->kind;
	free(list);
	if (!n)
		return 0;
	err_set(e, ERR_TOKEN, "keygen", "the token %s holds a key or certificate %s already",
		m->t->at.info.label, type == CKA_LABEL ? m->spec->label : "with this id");
	return err_hint(e, type == CKA_LABEL ? "choose another name with --label"
					     : "choose another id in the URI");
}

static int open_for_writing(struct making *m, struct err *e)
{
	struct token *t = m->t;
	CK_RV rv;

	if (session_need(t, e))
		return (int)e->kind;
	rv = t->at.module->fn->C_OpenSession(t->at.id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
					     NULL, &m->session);
	if (rv == CKR_OK)
		return 0;
	m->session = CK_INVALID_HANDLE;
	return rv_err(e, rv, "keygen", "cannot write to the token %s", t->at.info.label);
}

static int generate(struct making *m, struct err *e)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ULONG bits = m->spec->bits;
	uint8_t exponent[] = {0x01, 0x00, 0x01};
	void *label = (void *)m->spec->label;
	const CK_ULONG label_len = strlen(m->spec->label);
	CK_ATTRIBUTE public[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_PRIVATE, &no, sizeof(no)},
		{CKA_VERIFY, &yes, sizeof(yes)},
		{CKA_MODULUS_BITS, &bits, sizeof(bits)},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
		{CKA_LABEL, label, label_len},
		{CKA_ID, m->id, m->id_len},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
		{CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
		{CKA_SIGN, &yes, sizeof(yes)},      {CKA_DECRYPT, &no, sizeof(no)},
		{CKA_UNWRAP, &no, sizeof(no)},      {CKA_LABEL, label, label_len},
		{CKA_ID, m->id, m->id_len},
	};
	const CK_RV rv = m->t->at.module->fn->C_GenerateKeyPair(
		m->session, &mechanism, public, sizeof(public) / sizeof(public[0]), private,
		sizeof(private) / sizeof(private[0]), &m->public, &m->private);

	if (rv == CKR_OK)
		return 0;
	m->public = m->private = CK_INVALID_HANDLE;
	session_after(m->t, rv);
	return rv_err(e, rv, "keygen", "the token %s did not make a key of %u bits",
		      m->t->at.info.label, m->spec->bits);
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

static int read_public(struct making *m, struct err *e)
{
	uint8_t modulus[MODULUS_MAX];
	uint8_t exponent[EXPONENT_MAX];
	size_t modulus_len, exponent_len;
	BIGNUM *n = NULL;
	BIGNUM *x = NULL;

	if (object_attr(m->t, m->public, CKA_MODULUS, modulus, sizeof(modulus), &modulus_len) ==
		    CKR_OK &&
	    object_attr(m->t, m->public, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent),
			&exponent_len) == CKR_OK) {
		n = BN_bin2bn(modulus, (int)modulus_len, NULL);
		x = BN_bin2bn(exponent, (int)exponent_len, NULL);
		m->key = rsa_public(n, x);
	}
	BN_free(n);
	BN_free(x);
	if (m->key && EVP_PKEY_get_bits(m->key) == (int)m->spec->bits)
		return 0;
	return err_openssl(e, ERR_TOKEN, "keygen",
			   "the token %s does not show the public key it made, or one of another "
			   "size",
			   m->t->at.info.label);
}

/* An issue_sign_fn. */
static int sign_with_new_key(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			     size_t siglen, struct err *e)
{
	struct making *m = arg;

	return sign_with(m->t, m->session, m->private, digest_info, len, sig, siglen, e);
}

static int self_sign(X509 **out, struct making *m, const X509_NAME *subject, struct err *e)
{
	const struct issue what = {subject, subject, m->key, m->spec->days};
	X509 *cert;
	const int rc = cert_issue(&cert, &what, m->spec->bits / 8, sign_with_new_key, m, e);

	if (rc)
		return rc;
	if (X509_verify(cert, m->key) == 1) {
		*out = cert;
		return 0;
	}
	X509_free(cert);
	return err_openssl(e, ERR_TOKEN, "keygen",
			   "the token %s made a signature that does not fit its new key",
			   m->t->at.info.label);
}

/* PKCS#11 v2.40 section 4.6.3: names and serial number as their DER encoding. */
static int store(struct making *m, X509 *cert, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_OBJECT_HANDLE object;
	uint8_t *der = NULL, *name = NULL, *serial = NULL;
	const int der_len = i2d_X509(cert, &der);
	const int name_len = i2d_X509_NAME(X509_get_subject_name(cert), &name);
	const int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
	int rc = 0;

	if (der_len <= 0 || name_len <= 0 || serial_len <= 0) {
		rc = err_nomem(e);
	} else {
		CK_ATTRIBUTE template[] = {
			{CKA_CLASS, &class, sizeof(class)},
			{CKA_CERTIFICATE_TYPE, &type, sizeof(type)},
			{CKA_TOKEN, &yes, sizeof(yes)},
			{CKA_PRIVATE, &no, sizeof(no)},
			{CKA_LABEL, (void *)m->spec->label, strlen(m->spec->label)},
			{CKA_ID, m->id, m->id_len},
			{CKA_SUBJECT, name, (CK_ULONG)name_len},
			{CKA_ISSUER, name, (CK_ULONG)name_len},
			{CKA_SERIAL_NUMBER, serial, (CK_ULONG)serial_len},
			{CKA_VALUE, der, (CK_ULONG)der_len},
		};
		const CK_RV rv = m->t->at.module->fn->C_CreateObject(
			m->session, template, sizeof(template) / sizeof(template[0]), &object);

		if (rv != CKR_OK)
			rc = rv_err(e, rv, "keygen", "the token %s did not store the certificate",
				    m->t->at.info.label);
	}
	OPENSSL_free(der);
	OPENSSL_free(name);
	OPENSSL_free(serial);
	return rc;
}

static void undo(struct making *m)
{
	CK_FUNCTION_LIST *fn = m->t->at.module->fn;

	if (m->private != CK_INVALID_HANDLE)
		(void)fn->C_DestroyObject(m->session, m->private);
	if (m->public != CK_INVALID_HANDLE)
		(void)fn->C_DestroyObject(m->session, m->public);
}

static int make(X509 **out, struct making *m, const X509_NAME *subject, struct err *e)
{
	const struct span label = span_of(m->spec->label, strlen(m->spec->label));
	X509 *cert = NULL;
	int rc;

	rc = choose_id(m, e);
	if (!rc)
		rc = refuse_taken(m, CKA_LABEL, label, e);
	if (!rc)
		rc = refuse_taken(m, CKA_ID, span_of(m->id, m->id_len), e);
	if (!rc)
		rc = open_for_writing(m, e);
	if (!rc)
		rc = generate(m, e);
	if (!rc)
		rc = read_public(m, e);
	if (!rc)
		rc = self_sign(&cert, m, subject, e);
	if (!rc)
		rc = store(m, cert, e);
	if (rc) {
		undo(m);
		X509_free(cert);
		return rc;
	}
	*out = cert;
	return 0;
}

int token_keygen(struct token *t, const struct token_keygen *spec, X509 **cert, struct err *e)
{
	struct making m = {.t = t, .spec = spec};
	X509_NAME *subject = NULL;
	int rc;

	rc = check_spec(spec, e);
	if (!rc)
		rc = subject_parse(&subject, spec->subject, e);
	if (rc)
		return rc;
	rc = make(cert, &m, subject, e);
	if (m.session != CK_INVALID_HANDLE)
		(void)t->at.module->fn->C_CloseSession(m.session);
	EVP_PKEY_free(m.key);
	X509_NAME_free(subject);
	return rc;
}
