#include "pkcs11/tls_key.h"

#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>

enum { ROUNDS = 20 };

/* What is on the token: a key in software, and how it behaves. */
struct token {
	EVP_PKEY *pair;
	X509 *cert;
	int signatures;
	bool broken;
};

static int token_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
		      size_t siglen, struct err *e)
{
	struct token *t = arg;
	EVP_PKEY_CTX *ctx;
	size_t n = siglen;

	if (t->broken)
		return err_set(e, ERR_TOKEN, "token-removed", "the token is gone");
	ctx = EVP_PKEY_CTX_new(t->pair, NULL);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, sig, &n, digest_info, len), 1);
	assert_int_equal(n, siglen);
	EVP_PKEY_CTX_free(ctx);
	t->signatures++;
	return 0;
}

static X509 *self_signed(EVP_PKEY *pair, const char *name)
{
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, pair);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
	return x;
}

static struct token token_make(size_t bits)
{
	struct token t = {.pair = EVP_RSA_gen(bits)};

	assert_non_null(t.pair);
	t.cert = self_signed(t.pair, "officer");
	return t;
}

static void token_drop(struct token *t)
{
	EVP_PKEY_free(t->pair);
	X509_free(t->cert);
}

static struct tls_key *key_of(struct token *t)
{
	const struct issue_by by = {X509_get0_pubkey(t->cert), token_sign, t};
	struct tls_key *k = NULL;
	struct err e;

	assert_int_equal(tls_key_new(&k, &by, &e), 0);
	return k;
}

/* ---- a handshake in memory ---- */

static int any(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static SSL_CTX *server_ctx(const struct token *server)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(ctx, server->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, server->pair), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, any, NULL);
	return ctx;
}

static SSL_CTX *client_ctx(const struct token *t, const struct tls_key *k, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	assert_int_equal(SSL_CTX_use_certificate(ctx, t->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, tls_key_pkey(k)), 1);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_min_proto_version(ctx, version);
	if (version == TLS1_2_VERSION)
		SSL_CTX_set1_client_sigalgs_list(ctx, "RSA+SHA256:RSA+SHA384:RSA+SHA512");
	return ctx;
}

/* True if both sides come to their end; *shown is then the client's certificate. */
static bool shake_hands(SSL_CTX *server, SSL_CTX *client, X509 **shown)
{
	SSL *s = SSL_new(server), *c = SSL_new(client);
	BIO *a, *b;
	bool done = false;

	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(s, a, a);
	SSL_set_bio(c, b, b);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	for (int i = 0; i < ROUNDS && !done; i++) {
		const int rc = SSL_do_handshake(c), rs = SSL_do_handshake(s);

		done = rc == 1 && rs == 1;
	}
	*shown = done ? SSL_get1_peer_certificate(s) : NULL;
	SSL_free(s);
	SSL_free(c);
	return done;
}

static bool meet(struct token *t, const struct tls_key *k, int version, X509 **shown)
{
	struct token server = token_make(2048);
	SSL_CTX *s = server_ctx(&server), *c = client_ctx(t, k, version);
	const bool done = shake_hands(s, c, shown);

	SSL_CTX_free(s);
	SSL_CTX_free(c);
	token_drop(&server);
	return done;
}

/* ---- the tests ---- */

static void test_logs_in(void **state)
{
	static const size_t sizes[] = {2048, 3072};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct token t = token_make(sizes[i]);
		struct tls_key *k = key_of(&t);
		X509 *shown;

		assert_int_equal(EVP_PKEY_get_bits(tls_key_pkey(k)), (int)sizes[i]);
		assert_true(meet(&t, k, TLS1_2_VERSION, &shown));
		assert_int_equal(X509_cmp(shown, t.cert), 0);
		assert_int_equal(t.signatures, 1);
		assert_int_equal(tls_key_trouble(k)->kind, ERR_OK);
		X509_free(shown);
		tls_key_free(k);
		token_drop(&t);
	}
}

static void test_tells_why_not(void **state)
{
	struct token t = token_make(2048);
	struct tls_key *k = key_of(&t);
	X509 *shown;

	(void)state;
	t.broken = true;
	assert_false(meet(&t, k, TLS1_2_VERSION, &shown));
	assert_string_equal(tls_key_trouble(k)->id, "token-removed");
	/* The next attempt begins anew. */
	t.broken = false;
	assert_true(meet(&t, k, TLS1_2_VERSION, &shown));
	assert_int_equal(tls_key_trouble(k)->kind, ERR_OK);
	X509_free(shown);
	tls_key_free(k);
	token_drop(&t);
}

/* No signature of another kind is ever asked of the token. */
static void test_no_pss(void **state)
{
	struct token t = token_make(2048);
	struct tls_key *k = key_of(&t);
	X509 *shown;

	(void)state;
	assert_false(meet(&t, k, TLS1_3_VERSION, &shown));
	assert_int_equal(t.signatures, 0);
	tls_key_free(k);
	token_drop(&t);
}

/* The certificate of another key is noticed before anything is sent. */
static void test_fits_its_certificate_only(void **state)
{
	struct token t = token_make(2048), other = token_make(2048);
	struct tls_key *k = key_of(&t);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	(void)state;
	assert_int_equal(EVP_PKEY_eq(tls_key_pkey(k), X509_get0_pubkey(t.cert)), 1);
	assert_int_not_equal(EVP_PKEY_eq(tls_key_pkey(k), X509_get0_pubkey(other.cert)), 1);
	assert_int_equal(SSL_CTX_use_certificate(ctx, other.cert), 1);
	assert_int_not_equal(SSL_CTX_use_PrivateKey(ctx, tls_key_pkey(k)), 1);
	SSL_CTX_free(ctx);
	tls_key_free(k);
	token_drop(&t);
	token_drop(&other);
}

static void test_rsa_only(void **state)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	const struct issue_by by = {ec, token_sign, NULL};
	struct tls_key *k = NULL;
	struct err e;

	(void)state;
	assert_int_equal(tls_key_new(&k, &by, &e), ERR_FAILED);
	assert_string_equal(e.id, "tls-key");
	EVP_PKEY_free(ec);
}

/* What others fetch is not ours, also while there is one. */
static void test_nobody_else_is_touched(void **state)
{
	struct token t = token_make(2048);
	struct tls_key *k = key_of(&t);
	EVP_SIGNATURE *s = EVP_SIGNATURE_fetch(NULL, "RSA", NULL);

	(void)state;
	assert_string_equal(OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(s)), "default");
	EVP_SIGNATURE_free(s);
	tls_key_free(k);
	token_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logs_in),  cmocka_unit_test(test_tells_why_not),
		cmocka_unit_test(test_no_pss),   cmocka_unit_test(test_fits_its_certificate_only),
		cmocka_unit_test(test_rsa_only), cmocka_unit_test(test_nobody_else_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
