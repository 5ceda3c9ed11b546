#include "server/admin/make_cert.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct make_cert spec_of(enum make_cert_kind kind)
{
	static const char *const names[] = {"pub.example", "192.0.2.1", "2001:db8::1", NULL};

	return (struct make_cert){.kind = kind,
				  .common_name = "pub",
				  .organization = "Example",
				  .unit = "Telephony",
				  .names = names,
				  .years = 5};
}

static void test_each_kind(void **state)
{
	static const struct {
		enum make_cert_kind kind;
		int type, bits;
		bool ca;
		uint32_t usage;
	} cases[] = {
		{MAKE_TLS, EVP_PKEY_EC, 256, false, KU_DIGITAL_SIGNATURE},
		{MAKE_CCM, EVP_PKEY_RSA, 2048, false,
		 KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT},
		{MAKE_CAPF, EVP_PKEY_RSA, 2048, true,
		 KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_CERT_SIGN | KU_CRL_SIGN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct make_cert spec = spec_of(cases[i].kind);
		EVP_PKEY *key;
		X509 *cert;
		struct err e;

		assert_int_equal(make_cert(&key, &cert, &spec, &e), 0);
		assert_int_equal(EVP_PKEY_get_base_id(key), cases[i].type);
		assert_int_equal(EVP_PKEY_get_bits(key), cases[i].bits);
		assert_int_equal(X509_verify(cert, key), 1);
		assert_int_equal(X509_check_private_key(cert, key), 1);
		assert_int_equal(X509_check_ca(cert) == 1, cases[i].ca);
		assert_int_equal(X509_get_key_usage(cert), cases[i].usage);
		assert_int_equal(X509_check_host(cert, "pub.example", 0, 0, NULL), 1);
		assert_int_equal(X509_check_ip_asc(cert, "192.0.2.1", 0), 1);
		assert_int_equal(X509_check_ip_asc(cert, "2001:db8::1", 0), 1);
		assert_int_equal(X509_check_host(cert, "other.example", 0, 0, NULL), 0);
		EVP_PKEY_free(key);
		X509_free(cert);
	}
}

static void test_subject_serial_and_time(void **state)
{
	const struct make_cert spec = spec_of(MAKE_TLS);
	EVP_PKEY *key[2];
	X509 *cert[2];
	struct err e;
	char text[128];
	int days, seconds;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(make_cert(&key[i], &cert[i], &spec, &e), 0);
	X509_NAME_oneline(X509_get_subject_name(cert[0]), text, sizeof(text));
	assert_string_equal(text, "/CN=pub/O=Example/OU=Telephony");
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(cert[0])), 16);
	assert_int_not_equal(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(cert[0]), X509_get0_serialNumber(cert[1])),
		0);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(cert[0])) < 0);
	assert_true(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert[0])));
	assert_in_range(days, 5 * 365 - 1, 5 * 365);
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_free(key[i]);
		X509_free(cert[i]);
	}
}

static void test_names_that_do_not_fit(void **state)
{
	static const char long_name[] = "0123456789012345678901234567890123456789"
					"0123456789012345678901234";
	static const char *const bad[] = {"", long_name, "\xff\xfe"};
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct make_cert spec = spec_of(MAKE_TLS);

		spec.organization = bad[i];
		assert_int_equal(make_cert(&key, &cert, &spec, &e), ERR_USAGE);
		assert_string_equal(e.id, "subject");
		assert_null(key);
		assert_null(cert);
	}
}

static void test_pem(void **state)
{
	const struct make_cert spec = spec_of(MAKE_TLS);
	struct buf key_pem = {0}, cert_pem = {0};
	EVP_PKEY *key, *key_again;
	X509 *cert, *cert_again;
	struct err e;
	BIO *bio;

	(void)state;
	assert_int_equal(make_cert(&key, &cert, &spec, &e), 0);
	assert_int_equal(make_cert_key_pem(&key_pem, key, &e), 0);
	assert_int_equal(make_cert_pem(&cert_pem, cert, &e), 0);
	bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
	key_again = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(cert_pem.data, (int)cert_pem.len);
	cert_again = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_int_equal(EVP_PKEY_eq(key, key_again), 1);
	assert_int_equal(X509_cmp(cert, cert_again), 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(key_again);
	X509_free(cert);
	X509_free(cert_again);
	buf_wipe(&key_pem);
	buf_free(&cert_pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_subject_serial_and_time),
		cmocka_unit_test(test_names_that_do_not_fit),
		cmocka_unit_test(test_pem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
