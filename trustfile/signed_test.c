/* Signed files: made byte for byte as the vectors, and judged by lists and certificates. */
#include "trustfile/testkit.h"

#include "trustfile/signed.h"

#include <string.h>

enum { VECTOR_TIME = 1600000000 };

static void assert_bytes(const struct buf *got, const char *path)
{
	struct buf expected = test_file(path);

	assert_int_equal(got->len, expected.len);
	assert_memory_equal(got->data, expected.data, expected.len);
	buf_free(&expected);
}

/* The payload of a signed vector. */
static struct span payload_of(const struct buf *file)
{
	struct sgn s;
	struct err e;

	assert_int_equal(sgn_parse(&s, buf_view(file), TF_SGN, &e), 0);
	return s.payload;
}

static void test_same_bytes_as_vectors(void **state)
{
	static const struct {
		const char *path, *filename;
		enum tl_digest digest;
	} rows[] = {
		{"vectors/sgn/SEP001122334455.cnf.xml.sgn", "SEP001122334455.cnf.xml.sgn", TL_SHA1},
		{"vectors/sgn/dialplan.xml.sgn", "dialplan.xml.sgn", TL_SHA512},
		{"vectors/sgn/g3-tones.xml.sgn", "Test_Land/g3-tones.xml.sgn", TL_SHA1},
		{"vectors/enc/SEP001122334455.cnf.xml.sgn", "SEP001122334455.cnf.xml.sgn", TL_SHA1},
	};
	struct test_key ccm = test_key_load("ccm");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sgn_plan plan = {.filename = rows[i].filename,
					      .signer = ccm.cert,
					      .digest = rows[i].digest,
					      .timestamp = VECTOR_TIME};
		struct buf vector = test_file(rows[i].path), made = {0};
		struct err e;

		buf_str(&made, "in front");
		assert_int_equal(
			sgn_build(&made, &plan, payload_of(&vector), pkey_sign, ccm.key, &e), 0);
		memmove(made.data, made.data + 8, made.len -= 8);
		assert_bytes(&made, rows[i].path);
		buf_free(&made);
		buf_free(&vector);
	}
	test_key_free(&ccm);
}

static void test_empty_payload(void **state)
{
	struct test_key ccm = test_key_load("ccm");
	const struct sgn_plan plan = {
		.filename = "x.sgn", .signer = ccm.cert, .digest = TL_SHA1, .timestamp = 1};
	struct buf made = {0};
	struct sgn s;
	struct err e;

	(void)state;
	assert_int_equal(sgn_build(&made, &plan, span_of(NULL, 0), pkey_sign, ccm.key, &e), 0);
	assert_int_equal(sgn_parse(&s, buf_view(&made), TF_SGN, &e), 0);
	assert_int_equal(s.payload.len, 0);
	assert_int_equal(made.len % 4, 0);
	assert_int_equal(sgn_verify_with(&s, ccm.cert, NULL, &e), 0);
	buf_free(&made);
	test_key_free(&ccm);
}

static int sign_badly(void *arg, const uint8_t *info, size_t len, uint8_t *sig, size_t siglen,
		      struct err *e)
{
	const int rc = pkey_sign(arg, info, len, sig, siglen, e);

	sig[siglen - 1] ^= 1;
	return rc;
}

static int sign_not(void *arg, const uint8_t *info, size_t len, uint8_t *sig, size_t siglen,
		    struct err *e)
{
	(void)arg, (void)info, (void)len, (void)sig, (void)siglen;
	return err_set(e, ERR_TOKEN, "token-removed", "gone");
}

static void test_refused_to_build(void **state)
{
	struct test_key rsa = test_key_load("ccm"), ec = test_key_load("ccmec"),
			odd = test_key_rsa(1536, "odd");
	const struct {
		const char *filename;
		const struct test_key *key;
		tl_sign_fn *sign;
		int rc;
		const char *id;
	} rows[] = {
		{"", &rsa, pkey_sign, ERR_REFUSED, "sgn-filename"},
		{"/a.sgn", &rsa, pkey_sign, ERR_REFUSED, "sgn-filename"},
		{"a.sgn", &ec, pkey_sign, ERR_REFUSED, "signer-key"},
		{"a.sgn", &odd, pkey_sign, ERR_REFUSED, "signer-key"},
		{"a.sgn", &rsa, sign_badly, ERR_REFUSED, "sgn-signature"},
		{"a.sgn", &rsa, sign_not, ERR_TOKEN, "token-removed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sgn_plan plan = {.filename = rows[i].filename,
					      .signer = rows[i].key->cert,
					      .digest = TL_SHA1,
					      .timestamp = 1};
		struct buf out = {0};
		struct err e;

		buf_str(&out, "kept");
		assert_int_equal(
			sgn_build(&out, &plan, span_of("x", 1), rows[i].sign, rows[i].key->key, &e),
			rows[i].rc);
		assert_string_equal(e.id, rows[i].id);
		assert_int_equal(out.len, 4);
		buf_free(&out);
	}
	test_key_free(&rsa);
	test_key_free(&ec);
	test_key_free(&odd);
}

/* A list of the vectors with the memory under it. */
struct loaded {
	struct buf file;
	struct tl *l;
};

static struct loaded load(const char *path)
{
	struct loaded v = {0};
	struct err e;

	v.file = test_file(path);
	assert_int_equal(tl_parse(&v.l, buf_view(&v.file), &e), 0);
	return v;
}

static void unload(struct loaded *v)
{
	tl_free(v->l);
	buf_free(&v->file);
}

/* The list spells the signer's names in another form; the header has to repeat them. */
static void test_words_of_the_list(void **state)
{
	struct test_key key = test_key_rsa(1024, "tftp");
	struct loaded list = {
		.file = test_list(TEST_HEADER TEST_SAST
				  "R{03'cn=old' 04:0000 05'cn=old' 06:1234 09c} "
				  "R{03'cn=words' 04:0003 05'cn=other' 06:001234 09c}",
				  &key, NULL, false)};
	struct sgn_plan plan = {
		.filename = "a.sgn", .signer = key.cert, .digest = TL_SHA512, .timestamp = 1};
	const struct tl_record *by = NULL;
	struct buf made = {0};
	struct sgn s;
	struct err e;

	(void)state;
	assert_int_equal(tl_parse(&list.l, buf_view(&list.file), &e), 0);
	plan.list = list.l;
	assert_int_equal(sgn_build(&made, &plan, span_of("x", 1), pkey_sign, key.key, &e), 0);
	assert_int_equal(sgn_parse(&s, buf_view(&made), TF_SGN, &e), 0);
	assert_string_equal((const char *)s.header.value[TF_SIGNERNAME].data, "cn=words");
	assert_string_equal((const char *)s.header.value[TF_CANAME].data, "cn=other");
	assert_int_equal(
		sgn_verify_in(&s, (const struct tl *const[]){NULL, list.l}, 2, "a.sgn", &by, &e),
		0);
	assert_non_null(by);
	assert_int_equal(by->role, TL_TFTP);
	buf_free(&made);
	test_key_free(&key);
	unload(&list);
}

/* What a phone that stores a list thinks of a signed vector. */
static void test_verify_in_lists(void **state)
{
	static const struct {
		const char *list, *file, *name, *id; /* id: NULL if it is accepted */
	} rows[] = {
		{"ctl-sha1", "sgn/dialplan.xml.sgn", "dialplan.xml.sgn", NULL},
		{"ctl-sha512", "sgn/dialplan.xml.sgn", "dialplan.xml.sgn", NULL},
		{"itl-ec", "sgn/dialplan.xml.sgn", NULL, NULL},
		{"ctl-sha1", "sgn/dialplan.xml.sgn", "dialplan.xml", "sgn-name"},
		{"ctl-sha1", "sgn/bad-wrong-name.sgn", "SEP001122334455.cnf.xml.sgn", "sgn-name"},
		{"ctl-sha1", "sgn/bad-body.sgn", NULL, "sgn-signature"},
		{"ctl-sha1", "sgn/bad-signer-key.sgn", NULL, "sgn-signature"},
		{"ctl-sha1", "sgn/bad-hdr-only.sgn", NULL, "sgn-signature"},
		{"ctl-nonsecure", "sgn/dialplan.xml.sgn", NULL, "sgn-signer"},
		{"itl-rollback", "sgn/dialplan.xml.sgn", NULL, "sgn-signer"},
		{"ctl-altorder", "sgn/dialplan.xml.sgn", NULL, "sgn-signer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[128];
		struct loaded list;
		struct buf file;
		struct sgn s;
		struct err e = {0};
		int rc;

		snprintf(path, sizeof(path), "vectors/tlv/%s.tlv", rows[i].list);
		list = load(path);
		snprintf(path, sizeof(path), "vectors/%s", rows[i].file);
		file = test_file(path);
		assert_int_equal(sgn_parse(&s, buf_view(&file), TF_SGN, &e), 0);
		rc = sgn_verify_in(&s, (const struct tl *const[]){list.l}, 1, rows[i].name, NULL,
				   &e);
		if (!rc != !rows[i].id || (rc && strcmp(e.id, rows[i].id) != 0))
			fail_msg("row %zu: %d %s: %s", i, rc, e.id, e.what);
		buf_free(&file);
		unload(&list);
	}
}

static void test_verify_without_lists(void **state)
{
	struct buf file = test_file("vectors/sgn/dialplan.xml.sgn");
	struct test_key other = test_key_load("itlrec");
	struct sgn s;
	struct err e;

	(void)state;
	assert_int_equal(sgn_parse(&s, buf_view(&file), TF_SGN, &e), 0);
	assert_int_equal(sgn_verify_in(&s, NULL, 0, NULL, NULL, &e), ERR_REFUSED);
	assert_string_equal(e.id, "sgn-signer");
	assert_int_equal(sgn_verify_with(&s, other.cert, NULL, &e), ERR_REFUSED);
	assert_string_equal(e.id, "sgn-signer");
	test_key_free(&other);
	buf_free(&file);
}

/* A listed signer who may sign lists, but no files. */
static void test_signer_in_another_role(void **state)
{
	struct loaded list = load("vectors/tlv/ctl-sha512.tlv");
	struct test_key itlrec = test_key_load("itlrec");
	const struct sgn_plan plan = {
		.filename = "a.sgn", .signer = itlrec.cert, .digest = TL_SHA1, .timestamp = 1};
	const struct tl *const lists[] = {list.l};
	struct buf made = {0};
	struct sgn s;
	struct err e;

	(void)state;
	assert_int_equal(sgn_build(&made, &plan, span_of("x", 1), pkey_sign, itlrec.key, &e), 0);
	assert_int_equal(sgn_parse(&s, buf_view(&made), TF_SGN, &e), 0);
	assert_int_equal(sgn_verify_in(&s, lists, 1, NULL, NULL, &e), ERR_REFUSED);
	assert_string_equal(e.id, "sgn-signer");
	assert_non_null(strstr(e.hint, "SAST"));
	buf_free(&made);
	test_key_free(&itlrec);
	unload(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes_as_vectors),
		cmocka_unit_test(test_empty_payload),
		cmocka_unit_test(test_refused_to_build),
		cmocka_unit_test(test_words_of_the_list),
		cmocka_unit_test(test_verify_in_lists),
		cmocka_unit_test(test_verify_without_lists),
		cmocka_unit_test(test_signer_in_another_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
