#include "server/net/pin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CERTS = PIN_STEPS_MAX + 4 };

/* certs[i] was renewed to certs[i + 1]. */
static EVP_PKEY *keys[CERTS], *strange_key;
static X509 *certs[CERTS], *strange, *copy;

static X509 *make(EVP_PKEY *key, const char *name, const X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	assert_true(X509_set_version(x, X509_VERSION_3));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(x), rand() + 1));
	assert_true(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					       (const unsigned char *)name, -1, -1, 0));
	assert_true(X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 1000));
	assert_true(X509_set_pubkey(x, key));
	assert_true(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()));
	return x;
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < CERTS; i++) {
		keys[i] = EVP_EC_gen("P-256");
		certs[i] = make(keys[i], "node", i ? certs[i - 1] : NULL, i ? keys[i - 1] : NULL);
	}
	strange_key = EVP_EC_gen("P-256");
	strange = make(strange_key, "node", NULL, NULL);
	/* In the name of the real one, but signed by a stranger. */
	copy = make(strange_key, "node", certs[0], strange_key);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < CERTS; i++) {
		EVP_PKEY_free(keys[i]);
		X509_free(certs[i]);
	}
	EVP_PKEY_free(strange_key);
	X509_free(strange);
	X509_free(copy);
	return 0;
}

static bool matches(X509 *pinned, X509 *cert, const STACK_OF(X509) * chain)
{
	unsigned char *der = NULL;
	const int n = i2d_X509(pinned, &der);
	const bool known = pin_matches(span_of(der, (size_t)n), cert, chain);

	OPENSSL_free(der);
	return known;
}

static STACK_OF(X509) * chain_of(int from, int to)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	for (int i = to; i >= from; i--)
		sk_X509_push(chain, certs[i]);
	return chain;
}

static void test_itself_and_its_successor(void **state)
{
	(void)state;
	assert_true(matches(certs[0], certs[0], NULL));
	assert_true(matches(certs[3], certs[3], NULL));
	assert_true(matches(certs[0], certs[1], NULL));
	assert_false(matches(certs[0], certs[2], NULL));
}

static void test_through_the_chain(void **state)
{
	STACK_OF(X509) *chain = chain_of(1, 5);

	(void)state;
	assert_true(matches(certs[0], certs[5], chain));
	assert_true(matches(certs[2], certs[5], chain));
	sk_X509_delete(chain, 2);
	assert_false(matches(certs[0], certs[5], chain));
	sk_X509_free(chain);

	chain = chain_of(1, CERTS - 1);
	assert_false(matches(certs[0], certs[CERTS - 1], chain));
	assert_true(matches(certs[2], certs[CERTS - 1], chain));
	sk_X509_free(chain);
}

/* The way through is looked for in order only: strangers cannot make it long. */
static void test_a_chain_out_of_order(void **state)
{
	STACK_OF(X509) *chain = chain_of(1, 4);
	X509 *first = sk_X509_shift(chain);

	(void)state;
	assert_true(matches(certs[0], certs[4], chain));
	sk_X509_unshift(chain, strange);
	assert_false(matches(certs[0], certs[4], chain));
	sk_X509_set(chain, 0, certs[1]);
	assert_false(matches(certs[0], certs[4], chain));
	sk_X509_set(chain, 0, first);
	assert_true(matches(certs[0], certs[4], chain));
	sk_X509_free(chain);
}

static void test_strangers(void **state)
{
	STACK_OF(X509) *chain = chain_of(0, 3);

	(void)state;
	assert_false(matches(certs[0], strange, NULL));
	assert_false(matches(certs[0], strange, chain));
	assert_false(matches(certs[0], copy, chain));
	/* Whom the pinned one was renewed from is not its successor. */
	assert_false(matches(certs[1], certs[0], chain));
	assert_false(matches(certs[0], NULL, NULL));
	assert_false(pin_matches(span_of(NULL, 0), certs[0], NULL));
	assert_false(pin_matches(span_of("nonsense", 8), certs[0], NULL));
	sk_X509_free(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_itself_and_its_successor),
		cmocka_unit_test(test_through_the_chain),
		cmocka_unit_test(test_a_chain_out_of_order),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
