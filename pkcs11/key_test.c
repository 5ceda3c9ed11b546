/* Keys on a token: making them, signing with them, losing them. */
#include "pkcs11/testhsm.h"

#include "pkcs11/digestinfo.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { SIG_MAX = 512 };

static int sign_text(uint8_t sig[SIG_MAX], struct token *t, const X509 *cert, const EVP_MD *md,
		     const char *text, struct err *e)
{
	const size_t siglen = (size_t)EVP_PKEY_get_size(X509_get0_pubkey(cert));
	struct buf info = {0};
	int rc;

	assert_ok(digestinfo(&info, md, span_of(text, strlen(text)), e), e);
	rc = token_sign(t, cert, info.data, info.len, sig, siglen, e);
	buf_free(&info);
	return rc;
}

/* OpenSSL's own verification, from the text on. */
static void assert_signed(const uint8_t *sig, const X509 *cert, const EVP_MD *md, const char *text)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, sig, (size_t)EVP_PKEY_get_size(key),
					  (const uint8_t *)text, strlen(text)),
			 1);
	EVP_MD_CTX_free(ctx);
}

/* A new token with one key "sast" of so many bits, logged in. */
static struct token *token_with_key(struct tokens *ts, const char *label, unsigned bits,
				    X509 **cert)
{
	const struct token_info info = hsm_token(ts, label);
	struct token *t = hsm_login(ts, info.uri);

	*cert = hsm_key(t, "sast", bits);
	return t;
}

/* The token's private key, and a session that may change it. */
static CK_OBJECT_HANDLE private_key(struct token *t, const X509 *cert, CK_SESSION_HANDLE *session)
{
	CK_OBJECT_HANDLE key;
	struct err e;

	assert_ok(key_find(&key, t, cert, &e), &e);
	assert_int_equal(t->at.module->fn->C_OpenSession(t->at.id,
							 CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
							 NULL, session),
			 CKR_OK);
	return key;
}

static void makes_good_certificates(void **state)
{
	static const struct {
		const char *label;
		unsigned bits;
	} cases[] = {{"K 1024", 1024}, {"K 2048", 2048}, {"K 4096", 4096}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509 *c;
		struct token *t = token_with_key(*state, cases[i].label, cases[i].bits, &c);
		const ASN1_INTEGER *serial = X509_get0_serialNumber(c);
		int days = 0;
		int seconds = 0;

		assert_int_equal(X509_get_version(c), X509_VERSION_3);
		assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(c)), (int)cases[i].bits);
		assert_int_equal(X509_get_signature_nid(c), NID_sha256WithRSAEncryption);
		assert_int_equal(X509_verify(c, X509_get0_pubkey(c)), 1);
		assert_int_equal(X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)),
				 0);
		assert_int_equal(serial->type, V_ASN1_INTEGER);
		assert_int_equal(serial->length, 16);
		assert_int_equal(X509_check_ca(c), 0);
		assert_int_equal(X509_get_key_usage(c),
				 X509v3_KU_DIGITAL_SIGNATURE | X509v3_KU_NON_REPUDIATION);
		assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(c),
						X509_get0_notAfter(c)),
				 1);
		assert_int_equal(days, 30);
		X509_free(c);
		token_free(t);
	}
}

static void keeps_the_key_inside(void **state)
{
	X509 *cert;
	struct token *t = token_with_key(*state, "Inside", 1024, &cert);
	struct token_key_facts facts;
	CK_OBJECT_HANDLE key;
	uint8_t secret[MODULUS_MAX];
	size_t len;
	struct err e;

	assert_ok(token_key_facts(t, cert, &facts, &e), &e);
	assert_int_equal(facts.bits, 1024);
	assert_true(facts.private_ && facts.sensitive && facts.sign && facts.local);
	assert_true(facts.never_extractable);
	assert_false(facts.extractable || facts.always_authenticate);

	assert_ok(key_find(&key, t, cert, &e), &e);
	assert_int_equal(object_attr(t, key, CKA_PRIVATE_EXPONENT, secret, sizeof(secret), &len),
			 CKR_ATTRIBUTE_SENSITIVE);
	assert_int_equal(len, 0);
	assert_false(object_flag(t, key, CKA_DECRYPT));
	X509_free(cert);
	token_free(t);
}

static void signs(void **state)
{
	const EVP_MD *digests[] = {EVP_sha1(), EVP_sha512()};
	uint8_t sig[SIG_MAX];
	X509 *cert;
	struct token *t = token_with_key(*state, "Signs", 1024, &cert);
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		assert_ok(sign_text(sig, t, cert, digests[i], "a list", &e), &e);
		assert_signed(sig, cert, digests[i], "a list");
	}
	assert_err(token_sign(t, cert, sig, 20, sig, 64, &e), &e, ERR_TOKEN, "sign");
	X509_free(cert);
	token_free(t);
}

static void wants_the_login(void **state)
{
	uint8_t sig[SIG_MAX];
	X509 *cert;
	struct token *t = token_with_key(*state, "Login", 1024, &cert);
	struct err e;

	token_free(t);
	t = hsm_find(*state, "pkcs11:token=Login");
	assert_err(sign_text(sig, t, cert, EVP_sha1(), "a list", &e), &e, ERR_TOKEN,
		   "login-needed");
	X509_free(cert);
	token_free(t);
}

static void misses_the_key(void **state)
{
	uint8_t sig[SIG_MAX];
	X509 *cert;
	struct token *t = token_with_key(*state, "Keyless", 1024, &cert);
	CK_SESSION_HANDLE session;
	const CK_OBJECT_HANDLE key = private_key(t, cert, &session);
	struct err e;

	assert_int_equal(t->at.module->fn->C_DestroyObject(session, key), CKR_OK);
	assert_err(sign_text(sig, t, cert, EVP_sha1(), "a list", &e), &e, ERR_TOKEN, "key-missing");
	assert_non_null(strstr(e.what, "Keyless"));
	X509_free(cert);
	token_free(t);
}

static void finds_the_key_by_modulus(void **state)
{
	uint8_t sig[SIG_MAX];
	uint8_t other_id[] = {1, 2, 3};
	CK_ATTRIBUTE id = {CKA_ID, other_id, sizeof(other_id)};
	X509 *cert;
	struct token *t = token_with_key(*state, "Modulus", 1024, &cert);
	CK_SESSION_HANDLE session;
	const CK_OBJECT_HANDLE key = private_key(t, cert, &session);
	struct err e;

	assert_int_equal(t->at.module->fn->C_SetAttributeValue(session, key, &id, 1), CKR_OK);
	assert_ok(sign_text(sig, t, cert, EVP_sha512(), "a list", &e), &e);
	assert_signed(sig, cert, EVP_sha512(), "a list");
	X509_free(cert);
	token_free(t);
}

/* A certificate and a key of the same CKA_ID that do not belong together. */
static void refuses_the_key_of_another(void **state)
{
	uint8_t sig[SIG_MAX];
	uint8_t id[ID_MAX];
	size_t id_len;
	CK_ATTRIBUTE same = {CKA_ID, id, 0};
	X509 *cert, *other;
	struct token *t = token_with_key(*state, "Mixed up", 1024, &cert);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	struct err e;

	assert_ok(cert_id(t, cert, id, &id_len, &e), &e);
	same.ulValueLen = id_len;
	key = private_key(t, cert, &session);
	assert_int_equal(t->at.module->fn->C_DestroyObject(session, key), CKR_OK);
	other = hsm_key(t, "other", 1024);
	key = private_key(t, other, &session);
	assert_int_equal(t->at.module->fn->C_SetAttributeValue(session, key, &same, 1), CKR_OK);

	assert_err(sign_text(sig, t, cert, EVP_sha1(), "a list", &e), &e, ERR_TOKEN, "key-missing");
	assert_ok(sign_text(sig, t, other, EVP_sha1(), "a list", &e), &e);
	X509_free(cert);
	X509_free(other);
	token_free(t);
}

static void refuses_bad_orders(void **state)
{
	static const struct {
		struct token_keygen spec;
		int kind;
		const char *id;
	} cases[] = {
		{{"k", 3072, 30, "CN=a", false}, ERR_USAGE, "key-size"},
		{{"k", 512, 30, "CN=a", false}, ERR_USAGE, "key-size"},
		{{"k", 0, 30, "CN=a", false}, ERR_USAGE, "key-size"},
		{{"k", 1024, 0, "CN=a", false}, ERR_USAGE, "days"},
		{{"k", 1024, 36501, "CN=a", false}, ERR_USAGE, "days"},
		{{"", 1024, 30, "CN=a", false}, ERR_USAGE, "label"},
		{{"k", 1024, 30, "O=a", false}, ERR_USAGE, "subject"},
		{{"k", 1024, 30, "", false}, ERR_USAGE, "subject"},
		{{"sast", 1024, 30, "CN=a", false}, ERR_TOKEN, "keygen"},
	};
	X509 *cert;
	struct token *t = token_with_key(*state, "Orders", 1024, &cert);
	struct token_cert *certs;
	struct err e;
	X509 *made;
	size_t n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_err(token_keygen(t, &cases[i].spec, &made, &e), &e, cases[i].kind,
			   cases[i].id);
	assert_ok(token_certs(t, &certs, &n, &e), &e);
	assert_int_equal(n, 1);
	token_certs_free(certs, n);
	X509_free(cert);
	token_free(t);
}

static void takes_the_id_of_the_uri(void **state)
{
	const struct token_info info = hsm_token(*state, "Chosen");
	char uri[600];
	struct token *t;
	X509 *cert;
	uint8_t id[ID_MAX];
	size_t len;
	struct err e;

	snprintf(uri, sizeof(uri), "%s;id=%%02", info.uri);
	t = hsm_login(*state, uri);
	cert = hsm_key(t, "nine-c", 1024);
	assert_ok(cert_id(t, cert, id, &len, &e), &e);
	assert_int_equal(len, 1);
	assert_int_equal(id[0], 2);
	X509_free(cert);
	token_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_good_certificates),
		cmocka_unit_test(keeps_the_key_inside),
		cmocka_unit_test(signs),
		cmocka_unit_test(wants_the_login),
		cmocka_unit_test(misses_the_key),
		cmocka_unit_test(finds_the_key_by_modulus),
		cmocka_unit_test(refuses_the_key_of_another),
		cmocka_unit_test(refuses_bad_orders),
		cmocka_unit_test(takes_the_id_of_the_uri),
	};

	return cmocka_run_group_tests(tests, hsm_setup, hsm_teardown);
}
