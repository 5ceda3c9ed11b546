#include "server/net/tls_phone.h"

#include "server/net/capf_testkit.h"

#include <string.h>

/* Runs a handshake in memory between the server and a client that offers just that. The version
 * that came of it; 0 if there was none. */
static int handshake(SSL_CTX *server, int from, int to, const char *ciphers, const char *suites)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *c, *s;
	BIO *c_bio, *s_bio;
	int version = 0;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, from);
	SSL_CTX_set_max_proto_version(ctx, to);
	assert_true(SSL_CTX_set_cipher_list(ctx, ciphers));
	if (suites)
		assert_true(SSL_CTX_set_ciphersuites(ctx, suites));
	c = SSL_new(ctx);
	s = SSL_new(server);
	assert_int_equal(BIO_new_bio_pair(&c_bio, 0, &s_bio, 0), 1);
	SSL_set_bio(c, c_bio, c_bio);
	SSL_set_bio(s, s_bio, s_bio);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	for (int i = 0; i < 8; i++) {
		SSL_do_handshake(c);
		SSL_do_handshake(s);
	}
	if (SSL_is_init_finished(c) && SSL_is_init_finished(s))
		version = SSL_version(s);
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(ctx);
	return version;
}

static const struct {
	const char *why;
	int from, to;
	const char *ciphers;
	int modern, legacy; /* the version that comes of it */
} cases[] = {
	{"what clients offer today", TLS1_2_VERSION, TLS1_3_VERSION, "DEFAULT", TLS1_3_VERSION,
	 TLS1_3_VERSION},
	{"TLS 1.2 with an AEAD cipher", TLS1_2_VERSION, TLS1_2_VERSION,
	 "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, TLS1_2_VERSION},
	{"TLS 1.2 of an old phone", TLS1_2_VERSION, TLS1_2_VERSION, "AES128-SHA", 0,
	 TLS1_2_VERSION},
	{"TLS 1.1", TLS1_1_VERSION, TLS1_1_VERSION, "AES128-SHA:@SECLEVEL=0", 0, TLS1_1_VERSION},
	{"a 79xx", TLS1_VERSION, TLS1_VERSION, "AES128-SHA:@SECLEVEL=0", 0, TLS1_VERSION},
	{"a 79xx, longer key", TLS1_VERSION, TLS1_VERSION, "AES256-SHA:@SECLEVEL=0", 0,
	 TLS1_VERSION},
	{"TLS 1.0 with forward secrecy", TLS1_VERSION, TLS1_VERSION,
	 "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", 0, TLS1_VERSION},
	/* Who can do better gets better, whatever else it offers. */
	{"everything", TLS1_VERSION, TLS1_2_VERSION, "ALL:@SECLEVEL=0", TLS1_2_VERSION,
	 TLS1_2_VERSION},
	{"no encryption", TLS1_VERSION, TLS1_2_VERSION, "NULL-SHA:@SECLEVEL=0", 0, 0},
	{"finite fields", TLS1_VERSION, TLS1_2_VERSION, "DHE-RSA-AES128-SHA:@SECLEVEL=0", 0, 0},
	{"Camellia", TLS1_VERSION, TLS1_2_VERSION, "CAMELLIA128-SHA:@SECLEVEL=0", 0, 0},
};

static void classes(void **state)
{
	EVP_PKEY *key;
	X509 *cert = capf_test_cert("capf-ca", &key);
	SSL_CTX *modern, *legacy;
	struct err e;

	(void)state;
	assert_int_equal(tls_phone_ctx(&modern, cert, key, false, &e), 0);
	assert_int_equal(tls_phone_ctx(&legacy, cert, key, true, &e), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_int_equal(
			handshake(modern, cases[i].from, cases[i].to, cases[i].ciphers, NULL),
			cases[i].modern);
		assert_int_equal(
			handshake(legacy, cases[i].from, cases[i].to, cases[i].ciphers, NULL),
			cases[i].legacy);
	}
	SSL_CTX_free(modern);
	SSL_CTX_free(legacy);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* A client of the modern class does not get into the other one by what it leaves out later. */
static void modern_stays_modern(void **state)
{
	EVP_PKEY *key;
	X509 *cert = capf_test_cert("capf-ca", &key);
	SSL_CTX *legacy;
	struct err e;

	(void)state;
	assert_int_equal(tls_phone_ctx(&legacy, cert, key, true, &e), 0);
	assert_int_equal(handshake(legacy, TLS1_2_VERSION, TLS1_2_VERSION,
				   "AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384", NULL),
			 TLS1_2_VERSION);
	SSL_CTX_free(legacy);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void another_key(void **state)
{
	EVP_PKEY *key, *other;
	X509 *cert = capf_test_cert("capf-ca", &key), *x = capf_test_cert("mic", &other);
	SSL_CTX *ctx;
	struct err e;

	(void)state;
	assert_int_equal(tls_phone_ctx(&ctx, cert, other, false, &e), ERR_FAILED);
	X509_free(cert);
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(modern_stays_modern),
		cmocka_unit_test(another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
