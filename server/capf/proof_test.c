#include "server/capf/proof.h"

#include "phone/prove.h"
#include "server/net/capf_testkit.h"

#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SESSION = 0x01020304, LONG_NAME = 4000 };

struct world {
	X509 *own, *maker;
	EVP_PKEY *own_key, *maker_key;
	struct proof_trust trust;
};

static struct world world_make(void)
{
	struct world w;
	static X509 *own[1], *makers[1];

	w.own = capf_test_cert("capf-ca", &w.own_key);
	w.maker = capf_test_cert("manufacturer-ca", &w.maker_key);
	own[0] = w.own;
	makers[0] = w.maker;
	w.trust = (struct proof_trust){own, 1, makers, 1};
	return w;
}

static void world_free(struct world *w)
{
	X509_free(w->own);
	X509_free(w->maker);
	EVP_PKEY_free(w->own_key);
	EVP_PKEY_free(w->maker_key);
}

/* A certificate for key, called cn (n bytes), by an issuer; ends in so many seconds. */
static X509 *cert_for(EVP_PKEY *key, const char *cn, int n, X509 *issuer, EVP_PKEY *issuer_key,
		      const EVP_MD *md, long ends_in)
{
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x0abc);
	X509_gmtime_adj(X509_getm_notBefore(x), -7200);
	X509_gmtime_adj(X509_getm_notAfter(x), ends_in);
	if (n <= 64) {
		assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
						       V_ASN1_UTF8STRING, (const unsigned char *)cn,
						       n, -1, 0));
	} else {
		/* Longer than OpenSSL likes to make them. */
		X509_NAME_ENTRY *ne = X509_NAME_ENTRY_new();
		ASN1_STRING *s = ASN1_STRING_type_new(V_ASN1_UTF8STRING);

		ASN1_STRING_set(s, cn, n);
		X509_NAME_ENTRY_set_object(ne, OBJ_nid2obj(NID_commonName));
		X509_NAME_ENTRY_set_data(ne, V_ASN1_UTF8STRING, (const unsigned char *)cn, n);
		X509_NAME_add_entry(X509_get_subject_name(x), ne, -1, 0);
		X509_NAME_ENTRY_free(ne);
		ASN1_STRING_free(s);
	}
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, issuer_key, md) > 0);
	return x;
}

static struct span der_of(X509 *x, unsigned char **der)
{
	const int n = i2d_X509(x, der);

	assert_true(n > 0);
	return span_of(*der, (size_t)n);
}

/* The proof of a phone called device with that certificate and key, judged under the rules. */
static int judge(const struct world *w, const char *device, X509 *cert, EVP_PKEY *key,
		 const struct proof_rules *rules, struct err *e)
{
	struct enroll_proof p = {.device = span_of(device, strlen(device)), .has_password = true};
	struct enroll_session s = {.id = SESSION, .version = 3};
	unsigned char *der = NULL;
	const struct prove_with by = {der_of(cert, &der), key};
	struct capf_message m;
	struct prove made;
	struct proof proof;
	int rc;

	assert_int_equal(prove(&made, &p, SESSION, &by, &by, e), 0);
	enroll_proved(&s, &p);
	assert_int_equal(capf_parse(&m, buf_view(&s.out), e), 0);
	rc = proof_check(&proof, &m, &w->trust, rules, e);
	if (!rc) {
		assert_string_equal(proof.by.serial, "0abc");
		assert_true(proof.by.not_after > proof.by.not_before);
		assert_true(span_eq(proof.by.der, proof.sudi.der));
	}
	prove_free(&made);
	enroll_free(&s);
	OPENSSL_free(der);
	return rc;
}

static const struct proof_rules strict = {0};

static struct proof_rules now(struct proof_rules r)
{
	r.now = time(NULL);
	return r;
}

static void certificates(void **state)
{
	static const char nul_cn[] = "SEP1\0-SEP2";
	static char long_cn[LONG_NAME];
	const struct {
		const char *why, *device, *cn;
		int n;
		bool own, sha1;
		long ends_in;
		struct proof_rules rules;
		const char *id; /* NULL: believed */
	} cases[] = {
		{"an LSC", "SEP1", "SEP1", 4, true, false, 60, strict, NULL},
		{"a MIC", "SEP1", "CP-7965G-SEP1", 13, false, false, 60, strict, NULL},
		{"a MIC signed with SHA-1", "SEP1", "CP-7965G-SEP1", 13, false, true, 60, strict,
		 NULL},
		{"a MIC that names the device alone", "SEP1", "SEP1", 4, false, false, 60, strict,
		 NULL},
		{"another phone's LSC", "SEP2", "SEP1", 4, true, false, 60, strict, "capf-name"},
		{"another phone's MIC", "SEP2", "CP-7965G-SEP1", 13, false, false, 60, strict,
		 "capf-name"},
		{"a MIC without the dash", "SEP1", "XSEP1", 5, false, false, 60, strict,
		 "capf-name"},
		{"an LSC with a prefix", "SEP1", "X-SEP1", 6, true, false, 60, strict, "capf-name"},
		{"another phone's, and we do not mind",
		 "SEP2",
		 "SEP1",
		 4,
		 true,
		 false,
		 60,
		 {.any_name = true},
		 NULL},
		{"a NUL in the name", "SEP2", nul_cn, 10, true, false, 60, strict, "capf-name"},
		{"a NUL, then our name", "SEP2", nul_cn, 10, false, false, 60, strict, "capf-name"},
		{"a name of 4,000 characters", "SEP1", long_cn, LONG_NAME, false, false, 60, strict,
		 "capf-name"},
		{"an LSC that has expired", "SEP1", "SEP1", 4, true, false, -60, strict,
		 "capf-expired"},
		{"and may", "SEP1", "SEP1", 4, true, false, -60, {.expired_lsc = true}, NULL},
		{"a MIC that has expired",
		 "SEP1",
		 "CP-SEP1",
		 7,
		 false,
		 false,
		 -60,
		 {.expired_lsc = true},
		 "capf-expired"},
		{"and may", "SEP1", "CP-SEP1", 7, false, false, -60, {.expired_mic = true}, NULL},
	};
	struct world w = world_make();
	EVP_PKEY *key = EVP_RSA_gen(1024);

	(void)state;
	memset(long_cn, 'x', sizeof(long_cn));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct proof_rules rules = now(cases[i].rules);
		X509 *x = cert_for(key, cases[i].cn, cases[i].n, cases[i].own ? w.own : w.maker,
				   cases[i].own ? w.own_key : w.maker_key,
				   cases[i].sha1 ? EVP_sha1() : EVP_sha256(), cases[i].ends_in);
		struct err e = {0};
		const int rc = judge(&w, cases[i].device, x, key, &rules, &e);

		print_message("%s: %s\n", cases[i].why, e.what);
		assert_int_equal(rc, cases[i].id ? ERR_REFUSED : 0);
		if (cases[i].id)
			assert_string_equal(e.id, cases[i].id);
		X509_free(x);
	}
	EVP_PKEY_free(key);
	world_free(&w);
}

static void issuers_and_keys(void **state)
{
	struct world w = world_make();
	EVP_PKEY *key = EVP_RSA_gen(1024), *small = EVP_RSA_gen(768), *ec = EVP_EC_gen("P-256");
	const struct proof_rules rules = now(strict);
	struct err e;
	X509 *x;

	(void)state;
	/* The issuer's name over another key. */
	x = cert_for(key, "SEP1", 4, w.own, w.maker_key, EVP_sha256(), 60);
	assert_int_equal(judge(&w, "SEP1", x, key, &rules, &e), ERR_REFUSED);
	assert_string_equal(e.id, "capf-issuer");
	assert_non_null(strstr(e.what, "signature"));
	X509_free(x);

	x = cert_for(key, "SEP1", 4, w.own, w.own_key, EVP_md5(), 60);
	assert_int_equal(judge(&w, "SEP1", x, key, &rules, &e), ERR_REFUSED);
	X509_free(x);

	x = cert_for(small, "SEP1", 4, w.own, w.own_key, EVP_sha256(), 60);
	assert_int_equal(judge(&w, "SEP1", x, small, &rules, &e), ERR_REFUSED);
	assert_string_equal(e.id, "capf-weak");
	X509_free(x);

	x = cert_for(ec, "SEP1", 4, w.own, w.own_key, EVP_sha256(), 60);
	assert_int_equal(judge(&w, "SEP1", x, ec, &rules, &e), 0);
	/* Somebody else's certificate, and a key that does not belong to it. */
	assert_int_equal(judge(&w, "SEP1", x, key, &rules, &e), ERR_REFUSED);
	assert_string_equal(e.id, "capf-proof");
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(small);
	EVP_PKEY_free(ec);
	world_free(&w);
}

/* ---- the recorded proofs, changed ---- */

static int judge_message(const struct world *w, struct span message, bool need_sudi, struct err *e)
{
	const struct proof_rules rules = now((struct proof_rules){.need_sudi = need_sudi});
	struct capf_message m;
	struct proof p;

	if (capf_parse(&m, message, e))
		return ERR_REFUSED;
	return proof_check(&p, &m, &w->trust, &rules, e);
}

static void sudi_can_be_asked_for(void **state)
{
	struct world w = world_make();
	struct capf_test_session rec;
	struct err e;

	(void)state;
	capf_test_load(&rec, "28-");
	assert_int_equal(judge_message(&w, buf_view(&rec.messages[1].bytes), false, &e), 0);
	assert_int_equal(judge_message(&w, buf_view(&rec.messages[1].bytes), true, &e),
			 ERR_REFUSED);
	capf_test_free(&rec);
	capf_test_load(&rec, "03-");
	assert_int_equal(judge_message(&w, buf_view(&rec.messages[1].bytes), true, &e), 0);
	capf_test_free(&rec);
	world_free(&w);
}

/* Somebody else's session: the very bytes, another id. */
static void replayed(void **state)
{
	struct world w = world_make();
	struct capf_test_session rec;
	struct err e;

	(void)state;
	capf_test_load(&rec, "05-");
	rec.messages[1].bytes.data[5] ^= 1;
	assert_int_equal(judge_message(&w, buf_view(&rec.messages[1].bytes), false, &e),
			 ERR_REFUSED);
	assert_non_null(strstr(e.what, "SUDI_DATA"));
	capf_test_free(&rec);
	world_free(&w);
}

/* What byte ever is changed, it is no proof any more. Leaves out REASON, VERSION and PASSWORD, and
 * of CERTIFICATE the bytes that nobody looks at. */
static void mutations(void **state)
{
	struct world w = world_make();
	struct capf_test_session rec;
	struct buf *b;
	struct err e;

	(void)state;
	capf_test_load(&rec, "03-");
	b = &rec.messages[1].bytes;
	for (size_t i = 20; i < b->len; i += 7) {
		/* The elements between SIGNED_DATA and DEVICE_NAME. */
		if (i >= 1266 && i <= 1276)
			continue;
		b->data[i] ^= 0x04;
		assert_int_equal(judge_message(&w, buf_view(b), false, &e), ERR_REFUSED);
		b->data[i] ^= 0x04;
	}
	assert_int_equal(judge_message(&w, buf_view(b), false, &e), 0);
	capf_test_free(&rec);
	world_free(&w);
}

/* A signature as others make them: with DigestInfo around the digest. */
static void digest_info_is_another_thing(void **state)
{
	struct world w = world_make();
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = cert_for(key, "SEP1", 4, w.own, w.own_key, EVP_sha256(), 60);
	struct enroll_proof p = {.device = span_of("SEP1", 4)};
	struct enroll_session s = {.id = SESSION, .version = 3};
	unsigned char *der = NULL;
	const struct prove_with by = {der_of(x, &der), key}, none = {0};
	uint8_t signature[256];
	size_t n = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct prove made;
	struct err e;

	(void)state;
	assert_int_equal(prove(&made, &p, SESSION, &by, &none, &e), 0);
	EVP_DigestSignInit(ctx, NULL, EVP_sha1(), NULL, key);
	EVP_DigestSignUpdate(ctx, "SEP1", 5);
	EVP_DigestSignUpdate(ctx, by.der.data, by.der.len);
	assert_int_equal(EVP_DigestSignFinal(ctx, signature, &n), 1);
	p.signed_data = span_of(signature, n);
	enroll_proved(&s, &p);
	assert_int_equal(judge_message(&w, buf_view(&s.out), false, &e), ERR_REFUSED);
	EVP_MD_CTX_free(ctx);
	prove_free(&made);
	enroll_free(&s);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
	world_free(&w);
}

static void a_look(void **state)
{
	struct world w = world_make();
	X509 *mic = capf_test_cert("mic", NULL), *lsc = capf_test_cert("lsc-rsa2048", NULL);
	const struct span device = span_of("SEP001122334455", 15);
	unsigned char *der = NULL, *der2 = NULL;
	const struct span m = der_of(mic, &der), l = der_of(lsc, &der2);
	struct proof_cert c;
	struct err e;

	(void)state;
	assert_int_equal(proof_look(&c, m, device, &w.trust, &e), 0);
	assert_int_equal(c.kind, PROOF_MIC);
	assert_int_equal(proof_look(&c, l, device, &w.trust, &e), 0);
	assert_int_equal(c.kind, PROOF_LSC);
	assert_string_equal(c.serial, "1daefa55206486e71d7b901cfcdd05fa");
	assert_int_equal(proof_look(&c, m, span_of("SEP1", 4), &w.trust, &e), ERR_REFUSED);
	assert_int_equal(proof_look(&c, span_of(m.data, m.len - 1), device, &w.trust, &e),
			 ERR_REFUSED);
	OPENSSL_free(der);
	OPENSSL_free(der2);
	X509_free(mic);
	X509_free(lsc);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(issuers_and_keys),
		cmocka_unit_test(sudi_can_be_asked_for),
		cmocka_unit_test(replayed),
		cmocka_unit_test(mutations),
		cmocka_unit_test(digest_info_is_another_thing),
		cmocka_unit_test(a_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
