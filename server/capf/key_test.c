#include "server/capf/key.h"

#include "server/capf/der.h"
#include "server/net/capf_testkit.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *rsa_with(unsigned bits, unsigned exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *key = NULL;

	assert_true(BN_set_word(e, exponent));
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	BN_free(e);
	return key;
}

/* Takes key over. */
static struct buf spki_of(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	const int n = i2d_PUBKEY(key, &der);
	struct buf b = {0};

	assert_true(n > 0);
	buf_put(&b, der, (size_t)n);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return b;
}

static const struct key_spec rsa1024 = {CAPF_RSA, 1024, 0}, rsa512 = {CAPF_RSA, 512, 0},
			     p256 = {CAPF_EC, 0, CAPF_P256}, p384 = {CAPF_EC, 0, CAPF_P384},
			     p521 = {CAPF_EC, 0, CAPF_P521};

/* In memory that ends where the key ends. */
static int check(const struct buf *spki, const struct key_spec *want)
{
	uint8_t *copy = malloc(spki->len ? spki->len : 1);
	struct err e;
	int rc;

	memcpy(copy, spki->data, spki->len);
	rc = key_check(span_of(copy, spki->len), want, &e);
	if (rc)
		assert_string_equal(e.id, "capf-key");
	free(copy);
	return rc;
}

static void expect(struct buf spki, const struct key_spec *want, int rc)
{
	assert_int_equal(check(&spki, want), rc);
	buf_free(&spki);
}

static void keys_as_asked_for(void **state)
{
	(void)state;
	expect(spki_of(EVP_RSA_gen(512)), &rsa512, 0);
	expect(spki_of(EVP_RSA_gen(1024)), &rsa1024, 0);
	expect(spki_of(EVP_EC_gen("P-256")), &p256, 0);
	expect(spki_of(EVP_EC_gen("P-384")), &p384, 0);
	expect(spki_of(EVP_EC_gen("P-521")), &p521, 0);
}

static void other_keys(void **state)
{
	(void)state;
	expect(spki_of(EVP_RSA_gen(512)), &rsa1024, ERR_REFUSED);
	expect(spki_of(EVP_RSA_gen(1024)), &rsa512, ERR_REFUSED);
	expect(spki_of(EVP_RSA_gen(1032)), &rsa1024, ERR_REFUSED);
	expect(spki_of(EVP_RSA_gen(1024)), &p256, ERR_REFUSED);
	expect(spki_of(EVP_EC_gen("P-256")), &rsa1024, ERR_REFUSED);
	expect(spki_of(EVP_EC_gen("P-256")), &p384, ERR_REFUSED);
	expect(spki_of(EVP_EC_gen("P-521")), &p384, ERR_REFUSED);
	expect(spki_of(EVP_EC_gen("secp256k1")), &p256, ERR_REFUSED);
	expect(spki_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), &p256, ERR_REFUSED);
	expect(spki_of(rsa_with(1024, 3)), &rsa1024, ERR_REFUSED);
	expect(spki_of(rsa_with(1024, 17)), &rsa1024, ERR_REFUSED);
}

/* An RSA key made of any numbers, the way keys are encoded. */
static struct buf made_of(const uint8_t *n, size_t nlen, const uint8_t *e, size_t elen)
{
	static const uint8_t algorithm[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
					    0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
	struct buf b = {0};
	const size_t info = der_begin(&b, DER_SEQUENCE);
	size_t bits, pair;

	der_put(&b, DER_SEQUENCE, span_of(algorithm, sizeof(algorithm)));
	bits = der_begin(&b, DER_BIT_STRING);
	buf_u8(&b, 0);
	pair = der_begin(&b, DER_SEQUENCE);
	der_put(&b, DER_INTEGER, span_of(n, nlen));
	der_put(&b, DER_INTEGER, span_of(e, elen));
	der_end(&b, pair);
	der_end(&b, bits);
	der_end(&b, info);
	return b;
}

static void numbers_that_are_no_key(void **state)
{
	static const uint8_t f4[] = {1, 0, 1}, even[] = {1, 0, 2}, one[] = {1}, zero[] = {0},
			     negative[] = {0x81, 0, 1}, padded[] = {0, 1, 0, 1},
			     huge[] = {1, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t n[65];

	(void)state;
	memset(n, 0xff, sizeof(n));
	n[0] = 0;
	expect(made_of(n, 65, f4, 3), &rsa512, 0);
	expect(made_of(n, 65, even, 3), &rsa512, ERR_REFUSED);
	expect(made_of(n, 65, one, 1), &rsa512, ERR_REFUSED);
	expect(made_of(n, 65, zero, 1), &rsa512, ERR_REFUSED);
	expect(made_of(n, 65, negative, 3), &rsa512, ERR_REFUSED);
	expect(made_of(n, 65, padded, 4), &rsa512, ERR_REFUSED);
	expect(made_of(n, 65, huge, 9), &rsa512, ERR_REFUSED);
	expect(made_of(n, 65, f4, 0), &rsa512, ERR_REFUSED);
	expect(made_of(n, 0, f4, 3), &rsa512, ERR_REFUSED);
	expect(made_of(zero, 1, f4, 3), &rsa512, ERR_REFUSED);
	expect(made_of(n + 1, 64, f4, 3), &rsa512, ERR_REFUSED);
	n[64] = 0xfe;
	expect(made_of(n, 65, f4, 3), &rsa512, ERR_REFUSED);
}

/* Only what a key says with its own bytes may change: the modulus, or nothing at all for a curve.
 */
static void mutations(void **state)
{
	struct buf ec = spki_of(EVP_EC_gen("P-256")), rsa = spki_of(EVP_RSA_gen(512));

	(void)state;
	for (size_t len = 0; len < ec.len; len++) {
		struct buf cut = {.data = ec.data, .len = len};

		assert_int_equal(check(&cut, &p256), ERR_REFUSED);
	}
	for (size_t i = 0; i < ec.len; i++) {
		ec.data[i] ^= 0x01;
		assert_int_equal(check(&ec, &p256), ERR_REFUSED);
		ec.data[i] ^= 0x01;
	}
	for (size_t i = 0; i < rsa.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			rsa.data[i] ^= (uint8_t)(1 << bit);
			(void)check(&rsa, &rsa512);
			rsa.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	buf_u8(&ec, 0);
	assert_int_equal(check(&ec, &p256), ERR_REFUSED);
	buf_free(&ec);
	buf_free(&rsa);
}

static void compressed_points(void **state)
{
	struct buf ec = spki_of(EVP_EC_gen("P-256"));

	(void)state;
	/* ... 03 42 00 04 X Y: as if it were in the hybrid form. */
	ec.data[ec.len - 65] = 6 | (ec.data[ec.len - 1] & 1);
	assert_int_equal(check(&ec, &p256), ERR_REFUSED);
	buf_free(&ec);
}

static void words(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal(key_words(&rsa1024, text), "RSA 1024");
	assert_string_equal(key_words(&p384, text), "EC P-384");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_as_asked_for),       cmocka_unit_test(other_keys),
		cmocka_unit_test(numbers_that_are_no_key), cmocka_unit_test(mutations),
		cmocka_unit_test(compressed_points),       cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
