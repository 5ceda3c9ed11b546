/* Encrypted configurations: made byte for byte as the vectors, opened, and refused. */
#include "trustfile/testkit.h"

#include "common/hex.h"
#include "trustfile/encrypted.h"

#include <string.h>

enum { VECTOR_TIME = 1600000000 };

static const char config_name[] = "SEP001122334455.cnf.xml.enc.sgn";

static const uint8_t manual_key[ENC_KEY_LEN] = "0123456789abcde";

static void test_same_bytes_as_vectors(void **state)
{
	static const struct {
		const char *path, *plain;
		enum tl_digest digest;
	} rows[] = {
		{"vectors/enc/SEP001122334455.cnf.xml.enc.sgn",
		 "vectors/sgn/SEP001122334455.cnf.xml", TL_SHA1},
		{"vectors/enc/sha512.enc.sgn", "vectors/sgn/SEP001122334455.cnf.xml", TL_SHA512},
		{"vectors/enc/exact16.enc.sgn", "vectors/enc/exact16.plain.xml", TL_SHA1},
	};
	struct test_key ccm = test_key_load("ccm"), phone = test_key_load("phone");
	struct enc_fixed fixed;

	(void)state;
	for (uint8_t i = 0; i < ENC_KEY_LEN; i++) {
		fixed.key[i] = (uint8_t)(0x11 * i);
		fixed.iv[i] = (uint8_t)(0x0f - i);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct enc_plan plan = {.sgn = {.filename = config_name,
						      .signer = ccm.cert,
						      .digest = rows[i].digest,
						      .timestamp = VECTOR_TIME},
					      .phone = phone.cert};
		struct buf vector = test_file(rows[i].path), plain = test_file(rows[i].plain);
		struct buf made = {0};
		struct sgn s;
		struct err e;

		assert_int_equal(sgn_parse(&s, buf_view(&vector), TF_ENC, &e), 0);
		fixed.wrapped = s.header.value[TF_WRAPPEDKEY];
		assert_int_equal(enc_build_fixed(&made, &plan, &fixed, buf_view(&plain), pkey_sign,
						 ccm.key, &e),
				 0);
		assert_int_equal(made.len, vector.len);
		assert_memory_equal(made.data, vector.data, vector.len);
		buf_free(&made);
		buf_free(&plain);
		buf_free(&vector);
	}
	test_key_free(&ccm);
	test_key_free(&phone);
}

/* Builds, opens, compares; *made is the file. */
static void round_trip(struct buf *made, const struct enc_plan *plan, struct span plain,
		       EVP_PKEY *signer, EVP_PKEY *phone)
{
	struct buf again = {0};
	struct sgn s;
	struct err e;

	assert_int_equal(enc_build(made, plan, plain, pkey_sign, signer, &e), 0);
	assert_int_equal(sgn_kind(buf_view(made)), plan->manual_key ? TF_ENC_MANUAL : TF_ENC);
	assert_int_equal(sgn_parse(&s, buf_view(made), sgn_kind(buf_view(made)), &e), 0);
	assert_int_equal(s.header.len % 4, 0);
	assert_int_equal(sgn_verify_with(&s, plan->sgn.signer, config_name, &e), 0);
	if (plan->manual_key)
		assert_int_equal(enc_open_manual(&again, &s, plan->manual_key, &e), 0);
	else
		assert_int_equal(enc_open(&again, &s, phone, &e), 0);
	assert_true(span_eq(buf_view(&again), plain));
	buf_wipe(&again);
}

static void test_round_trips(void **state)
{
	struct test_key ccm = test_key_load("ccm"), phone = test_key_load("phone");
	uint8_t plain[50];

	(void)state;
	memset(plain, TF_PADDING, sizeof(plain)); /* ends as padding does */
	for (size_t len = 0; len < sizeof(plain); len++) {
		struct enc_plan plan = {.sgn = {.filename = config_name,
						.signer = ccm.cert,
						.digest = len % 2 ? TL_SHA1 : TL_SHA512,
						.timestamp = 1}};
		struct buf made = {0}, manual = {0};

		plan.phone = phone.cert;
		round_trip(&made, &plan, span_of(plain, len), ccm.key, phone.key);
		plan.phone = NULL;
		plan.manual_key = manual_key;
		round_trip(&manual, &plan, span_of(plain, len), ccm.key, NULL);
		buf_free(&made);
		buf_free(&manual);
	}
	test_key_free(&ccm);
	test_key_free(&phone);
}

/* Key and IV are new for every build. */
static void test_fresh_every_time(void **state)
{
	struct test_key ccm = test_key_load("ccm"), phone = test_key_load("phone");
	const struct enc_plan plan = {.sgn = {.filename = config_name,
					      .signer = ccm.cert,
					      .digest = TL_SHA1,
					      .timestamp = 1},
				      .phone = phone.cert};
	struct buf files[2] = {{0}};
	struct sgn s[2];
	struct err e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
			enc_build(&files[i], &plan, span_of("same", 4), pkey_sign, ccm.key, &e), 0);
		assert_int_equal(sgn_parse(&s[i], buf_view(&files[i]), TF_ENC, &e), 0);
	}
	assert_false(span_eq(s[0].header.value[TF_IV], s[1].header.value[TF_IV]));
	assert_false(span_eq(s[0].header.value[TF_WRAPPEDKEY], s[1].header.value[TF_WRAPPEDKEY]));
	assert_false(span_eq(s[0].payload, s[1].payload));
	buf_free(&files[0]);
	buf_free(&files[1]);
	test_key_free(&ccm);
	test_key_free(&phone);
}

static void test_phone_without_rsa(void **state)
{
	struct test_key ccm = test_key_load("ccm"), ec = test_key_ec("P-256", "phone");
	const struct enc_plan plan = {.sgn = {.filename = config_name,
					      .signer = ccm.cert,
					      .digest = TL_SHA1,
					      .timestamp = 1},
				      .phone = ec.cert};
	struct buf out = {0};
	struct err e;

	(void)state;
	assert_int_equal(enc_build(&out, &plan, span_of("x", 1), pkey_sign, ccm.key, &e),
			 ERR_REFUSED);
	assert_string_equal(e.id, "phone-key");
	assert_int_equal(out.len, 0);
	buf_free(&out);
	test_key_free(&ccm);
	test_key_free(&ec);
}

static void assert_not_opened(const struct sgn *s, EVP_PKEY *phone, const uint8_t *key)
{
	struct buf out = {0};
	struct err e;

	buf_str(&out, "kept");
	assert_int_equal(key ? enc_open_manual(&out, s, key, &e) : enc_open(&out, s, phone, &e),
			 ERR_REFUSED);
	assert_string_equal(e.id, "enc-decrypt");
	assert_string_equal(e.what, "the configuration does not decrypt");
	assert_int_equal(out.len, 4);
	buf_free(&out);
}

/* All of it looks the same from outside. */
static void test_wrong_keys(void **state)
{
	struct buf file = test_file("vectors/enc/sha512.enc.sgn");
	struct test_key other = test_key_load("ccm"), ec = test_key_ec("P-256", "x"),
			small = test_key_load("sast1");
	struct sgn s;
	struct err e;

	(void)state;
	assert_int_equal(sgn_parse(&s, buf_view(&file), TF_ENC, &e), 0);
	assert_not_opened(&s, other.key, NULL);
	assert_not_opened(&s, small.key, NULL);
	assert_not_opened(&s, ec.key, NULL);
	assert_not_opened(&s, NULL, manual_key);
	s.payload.len = 0;
	assert_not_opened(&s, other.key, NULL);
	buf_free(&file);
	test_key_free(&other);
	test_key_free(&small);
	test_key_free(&ec);
}

static void test_wrong_manual_key(void **state)
{
	struct test_key ccm = test_key_load("ccm"), phone = test_key_load("phone");
	const struct enc_plan plan = {.sgn = {.filename = config_name,
					      .signer = ccm.cert,
					      .digest = TL_SHA1,
					      .timestamp = 1},
				      .manual_key = manual_key};
	const uint8_t zeros[ENC_KEY_LEN] = {0};
	struct buf file = {0};
	struct sgn s;
	struct err e;

	(void)state;
	assert_int_equal(enc_build(&file, &plan, span_of("x", 1), pkey_sign, ccm.key, &e), 0);
	assert_int_equal(sgn_parse(&s, buf_view(&file), TF_ENC, &e), ERR_REFUSED);
	assert_int_equal(sgn_parse(&s, buf_view(&file), TF_SGN, &e), ERR_REFUSED);
	assert_int_equal(sgn_parse(&s, buf_view(&file), TF_ENC_MANUAL, &e), 0);
	assert_not_opened(&s, NULL, zeros);
	assert_not_opened(&s, phone.key, NULL);
	buf_free(&file);
	test_key_free(&ccm);
	test_key_free(&phone);
}

/* RFC 6229 section 2, the 256-bit key 1 to 32. */
static void test_rc4(void **state)
{
	static const char stream[] =
		"eaa6bd25880bf93d3f5d1e4ca2611d91cfa45c9f7e714b54bdfa80027cb14380";
	uint8_t key[ENC_RC4_KEY_LEN];
	const uint8_t zeros[32] = {0};
	struct buf out = {0}, text = {0};
	struct err e;

	(void)state;
	for (uint8_t i = 0; i < ENC_RC4_KEY_LEN; i++)
		key[i] = (uint8_t)(i + 1);
	assert_int_equal(enc_rc4(&out, span_of(zeros, sizeof(zeros)), key, &e), 0);
	hex_lower(&text, buf_view(&out), 0);
	assert_string_equal(buf_cstr(&text), stream);
	out.len = 0;
	assert_int_equal(enc_rc4(&out, span_of(NULL, 0), key, &e), 0);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes_as_vectors),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_fresh_every_time),
		cmocka_unit_test(test_phone_without_rsa),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_wrong_manual_key),
		cmocka_unit_test(test_rc4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
