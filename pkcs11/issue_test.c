/* Certificates and requests that somebody else signs: here a key in memory. */
#include "pkcs11/issue.h"

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

static EVP_PKEY *authority_key, *signer_key;
static X509_NAME *authority_name, *signer_name;

static int setup(void **state)
{
	struct err e;

	(void)state;
	authority_key = EVP_RSA_gen(2048);
	signer_key = EVP_RSA_gen(1024);
	if (subject_parse(&authority_name, "CN=Authority,O=Example", &e) ||
	    subject_parse(&signer_name, "CN=Signer,OU=Voice,O=Example", &e))
		return -1;
	return authority_key && signer_key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(authority_key);
	EVP_PKEY_free(signer_key);
	X509_NAME_free(authority_name);
	X509_NAME_free(signer_name);
	return 0;
}

static int sign_in_memory(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			  size_t siglen, struct err *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(arg, NULL);

	(void)e;
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, sig, &siglen, digest_info, len), 1);
	EVP_PKEY_CTX_free(ctx);
	return 0;
}

static int refuse_to_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			  size_t siglen, struct err *e)
{
	(void)arg, (void)digest_info, (void)len, (void)sig, (void)siglen;
	return err_set(e, ERR_TOKEN, "pin-wrong", "no");
}

static X509 *authority(unsigned days)
{
	const struct issue what = {authority_name, authority_key, NULL, days, ISSUE_AUTHORITY};
	const struct issue_by by = {authority_key, sign_in_memory, authority_key};
	X509 *x = NULL;
	struct err e;

	assert_int_equal(cert_issue(&x, &what, &by, &e), 0);
	return x;
}

static X509 *certified(const X509 *by_whom, unsigned days)
{
	const struct issue what = {signer_name, signer_key, by_whom, days, ISSUE_SIGNER};
	const struct issue_by by = {authority_key, sign_in_memory, authority_key};
	X509 *x = NULL;
	struct err e;

	assert_int_equal(cert_issue(&x, &what, &by, &e), 0);
	return x;
}

static void makes_an_authority(void **state)
{
	X509 *x = authority(100);

	(void)state;
	assert_int_equal(X509_check_ca(x), 1);
	assert_int_equal(X509_get_key_usage(x), X509v3_KU_KEY_CERT_SIGN | X509v3_KU_CRL_SIGN);
	assert_int_equal(X509_get_pathlen(x), 0);
	assert_non_null(X509_get0_subject_key_id(x));
	assert_int_equal(X509_check_issued(x, x), X509_V_OK);
	X509_free(x);
}

static void certifies_a_signer(void **state)
{
	X509 *ca = authority(100);
	X509 *x = certified(ca, 50);

	(void)state;
	assert_int_equal(X509_check_issued(ca, x), X509_V_OK);
	assert_int_equal(X509_verify(x, authority_key), 1);
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(x), authority_name), 0);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(x), signer_name), 0);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), signer_key), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_int_equal(X509_get_key_usage(x),
			 X509v3_KU_DIGITAL_SIGNATURE | X509v3_KU_NON_REPUDIATION);
	assert_int_equal(
		ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x), X509_get0_subject_key_id(ca)),
		0);
	assert_true(ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca)) < 0);
	X509_free(x);
	X509_free(ca);
}

static void ends_with_its_authority(void **state)
{
	X509 *ca = authority(10);
	X509 *x = certified(ca, 3650);

	(void)state;
	assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca)), 0);
	X509_free(x);
	X509_free(ca);
}

static void requests(void **state)
{
	const struct issue_by by = {signer_key, sign_in_memory, signer_key};
	struct buf pem = {0};
	struct err e;
	X509_REQ *req;
	BIO *in;

	(void)state;
	assert_int_equal(request_issue(&pem, signer_name, &by, &e), 0);
	in = BIO_new_mem_buf(pem.data, (int)pem.len);
	req = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
	assert_non_null(req);
	assert_int_equal(X509_REQ_verify(req, signer_key), 1);
	assert_int_equal(X509_NAME_cmp(X509_REQ_get_subject_name(req), signer_name), 0);
	assert_int_equal(X509_REQ_get_signature_nid(req), NID_sha256WithRSAEncryption);
	X509_REQ_free(req);
	BIO_free(in);
	buf_free(&pem);
}

/* A signature of another key, or none at all, gives no certificate. */
static void wants_a_signature_that_fits(void **state)
{
	const struct issue what = {signer_name, signer_key, NULL, 10, ISSUE_SIGNER};
	EVP_PKEY *other = EVP_RSA_gen(1024);
	const struct issue_by wrong = {signer_key, sign_in_memory, other};
	const struct issue_by none = {signer_key, refuse_to_sign, NULL};
	struct buf pem = {0};
	X509 *x = NULL;
	struct err e;

	(void)state;
	assert_int_equal(cert_issue(&x, &what, &wrong, &e), ERR_TOKEN);
	assert_string_equal(e.id, "sign");
	assert_int_equal(cert_issue(&x, &what, &none, &e), ERR_TOKEN);
	assert_string_equal(e.id, "pin-wrong");
	assert_int_equal(request_issue(&pem, signer_name, &wrong, &e), ERR_TOKEN);
	assert_int_equal(request_issue(&pem, signer_name, &none, &e), ERR_TOKEN);
	assert_null(x);
	assert_int_equal(pem.len, 0);
	EVP_PKEY_free(other);
	buf_free(&pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_an_authority),          cmocka_unit_test(certifies_a_signer),
		cmocka_unit_test(ends_with_its_authority),     cmocka_unit_test(requests),
		cmocka_unit_test(wants_a_signature_that_fits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
