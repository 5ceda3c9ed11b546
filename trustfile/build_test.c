#include "trustfile/build.h"

#include "trustfile/cert.h"
#include "trustfile/testkit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tl_entry ccm_at_pub = {
	.role = TL_CCM_TFTP, .dns = "10.1.1.10", .has_ip = true, .ip = {10, 1, 1, 10}};

static struct tl_entry token(const X509 *cert)
{
	return (struct tl_entry){.role = TL_SAST, .dns = "", .has_ip = true, .cert = cert};
}

static struct tl_plan plan_of(const struct tl_entry *entries, size_t n, const X509 *signer)
{
	return (struct tl_plan){TL_CTL_NAME, TL_SHA1, 1600000000, signer, entries, n};
}

/* Takes a vector apart and builds it again from its records: RSA PKCS#1 v1.5 always gives the
 * same signature. replace() may describe some of them instead of copying. */
static void rebuild(const char *name, const char *signer_name,
		    void (*replace)(struct tl_entry *entries))
{
	struct test_key signer = test_key_load(signer_name);
	struct buf file, built = {0};
	struct tl_entry entries[16] = {0};
	struct tl_plan plan;
	struct tl *l = NULL;
	struct err e = {0};
	char path[128];

	snprintf(path, sizeof(path), "vectors/tlv/%s.tlv", name);
	file = test_file(path);
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	for (size_t i = 0; i < l->n; i++)
		entries[i].raw = l->records[i].raw;
	if (replace)
		replace(entries);
	plan = plan_of(entries, l->n, signer.cert);
	plan.digest = l->digest;
	plan.timestamp = l->timestamp;
	if (tl_build(&built, &plan, pkey_sign, signer.key, &e))
		fail_msg("%s: %s", name, e.what);
	assert_int_equal(built.len, file.len);
	assert_memory_equal(built.data, file.data, file.len);
	tl_free(l);
	buf_free(&built);
	buf_free(&file);
	test_key_free(&signer);
}

static struct test_key ccm, capf;

static void replace_servers(struct tl_entry *entries)
{
	entries[2] = ccm_at_pub;
	entries[2].cert = ccm.cert;
	entries[3] = ccm_at_pub;
	entries[3].role = TL_CAPF;
	entries[3].cert = capf.cert;
}

static void replace_bare(struct tl_entry *entries)
{
	entries[2] = ccm_at_pub;
	entries[2].bare = true;
	entries[4] = entries[2];
	entries[4].dns = "10.1.1.11";
	entries[4].ip[3] = 11;
}

static void test_vectors_again(void **state)
{
	(void)state;
	ccm = test_key_load("ccm");
	capf = test_key_load("capf");
	rebuild("ctl-sha1", "sast1", NULL);
	rebuild("ctl-nonsecure", "sast1", NULL);
	rebuild("ctl-update-sast2", "sast2", NULL);
	rebuild("ctl-new-signer", "sast3", NULL);
	rebuild("ctl-sha512", "ccm", NULL);
	rebuild("ctl-sha1", "sast1", replace_servers);
	rebuild("ctl-nonsecure", "sast1", replace_bare);
	test_key_free(&ccm);
	test_key_free(&capf);
}

/* The tags of a record, one byte each. */
static void assert_tags(const struct tl_record *record, const char *tags)
{
	struct rd r = rd_of(record->raw);
	char got[32] = {0};

	for (size_t i = 0; r.left && i < sizeof(got) - 1; i++) {
		got[i] = (char)rd_u8(&r);
		rd_take(&r, rd_u16(&r));
	}
	assert_string_equal(got, tags);
}

static void assert_name(struct span name, const char *text)
{
	assert_int_equal(name.len, strlen(text) + 1);
	assert_string_equal((const char *)name.data, text);
}

/* The preview is the very list, but for its signature. */
static void check_preview(const struct tl_plan *plan, struct span digest)
{
	struct buf file = {0}, planned = {0};
	struct tl *l = NULL;
	struct err e = {0};

	assert_int_equal(tl_build_preview(&file, plan, &e), 0);
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	assert_int_equal(tl_signed_digest(&planned, l, &e), 0);
	assert_true(span_eq(digest, buf_view(&planned)));
	assert_int_equal(tl_verify(l, TL_CTL_NAME, &e), ERR_REFUSED);
	assert_string_equal(e.id, "ctl-signature");
	tl_free(l);
	buf_free(&file);
	buf_free(&planned);
}

static void check_built(const struct tl *l, const struct test_key *signer)
{
	const struct tl_record *r = l->records;

	assert_int_equal(l->header_len % 4, 0);
	assert_true(l->padding < 4);
	assert_false(l->has_list_version);
	assert_int_equal(l->timestamp, 1600000000);
	assert_int_equal(l->n, 4);
	assert_tags(&r[0], "\1\2\3\4\5\6\7\x09\x0a");
	assert_name(r[0].dns, "");
	assert_memory_equal(r[0].ip.data, "\0\0\0\0", 4);
	assert_name(r[0].subject, "CN=one;OU=LAB;O=Example");
	assert_true(span_eq(l->signer_name, r[0].subject));
	assert_true(span_eq(l->signer_issuer, r[0].issuer));
	assert_true(span_eq(l->signer_serial, span_of("\x12\x34", 2)));
	assert_true(span_eq(r[0].pubkey, cert_pubkey(signer->cert)));
	assert_tags(&r[2], "\1\2\3\4\5\6\7\x09");
	assert_name(r[2].dns, "v6.example");
	assert_tags(&r[3], "\1\2\4\x0a");
	assert_int_equal(r[3].raw.len, 30);
}

static void test_signing_keys(void **state)
{
	static const struct {
		unsigned bits;
		enum tl_digest digest;
		uint8_t code;
	} rows[] = {
		{512, TL_SHA1, 0},    {1024, TL_SHA1, 1}, {1024, TL_SHA512, 1},
		{2048, TL_SHA512, 2}, {4096, TL_SHA1, 3}, {4096, TL_SHA512, 3},
	};
	struct test_key two = test_key_load("sast2");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test_key one = test_key_rsa(rows[i].bits, "one");
		struct tl_entry entries[] = {
			token(one.cert),
			token(two.cert),
			{.role = TL_CAPF, .dns = "v6.example", .cert = two.cert},
			ccm_at_pub};
		struct tl_plan plan = plan_of(entries, 4, one.cert);
		struct buf file = {0}, digest = {0};
		struct tl *l = NULL;
		struct err e = {0};

		entries[3].bare = true;
		plan.digest = rows[i].digest;
		assert_int_equal(tl_build(&file, &plan, pkey_sign, one.key, &e), 0);
		assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
		assert_int_equal(tl_verify(l, TL_CTL_NAME, &e), 0);
		assert_int_equal(l->modulus_code, rows[i].code);
		assert_int_equal(l->digest, rows[i].digest);
		check_built(l, &one);
		assert_int_equal(tl_signed_digest(&digest, l, &e), 0);
		tl_free(l);
		check_preview(&plan, buf_view(&digest));
		buf_free(&file);
		buf_free(&digest);
		test_key_free(&one);
	}
	test_key_free(&two);
}

static void test_ec_certificates(void **state)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};
	struct test_key signer = test_key_load("sast1"), ec[3];
	struct tl_entry entries[4] = {token(signer.cert)};
	struct tl_plan plan = plan_of(entries, 4, signer.cert);
	struct buf file = {0};
	struct tl *l = NULL;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ec[i] = test_key_ec(curves[i], curves[i]);
		entries[i + 1] = ccm_at_pub;
		entries[i + 1].role = TL_TFTP;
		entries[i + 1].cert = ec[i].cert;
	}
	plan.filename = TL_ITL_NAME;
	assert_int_equal(tl_build(&file, &plan, pkey_sign, signer.key, &e), 0);
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	assert_int_equal(tl_verify(l, TL_ITL_NAME, &e), 0);
	assert_int_equal(l->records[1].pubkey.len, 65);
	assert_int_equal(l->records[2].pubkey.len, 97);
	assert_int_equal(l->records[3].pubkey.len, 133);
	tl_free(l);
	buf_free(&file);
	for (size_t i = 0; i < 3; i++)
		test_key_free(&ec[i]);
	test_key_free(&signer);
}

static void refuse(const struct tl_plan *plan, tl_sign_fn *sign, void *arg, int kind,
		   const char *id)
{
	struct buf out = {0};
	struct err e = {0};

	buf_str(&out, "kept");
	assert_int_equal(tl_build(&out, plan, sign, arg, &e), kind);
	assert_string_equal(e.id, id);
	assert_string_equal(buf_cstr(&out), "kept");
	buf_free(&out);
}

static void test_refused_keys(void **state)
{
	struct test_key keys[] = {test_key_rsa(3072, "odd"), test_key_ec("P-256", "ec"),
				  test_key_rsa(512, "small"), test_key_rsa(1536, "odd too")};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct tl_entry entry = token(keys[i].cert);
		struct tl_plan plan = plan_of(&entry, 1, keys[i].cert);
		struct buf preview = {0};
		struct err e = {0};

		plan.digest = TL_SHA512;
		refuse(&plan, pkey_sign, keys[i].key, ERR_REFUSED, "signer-key");
		assert_int_equal(tl_build_preview(&preview, &plan, &e), ERR_REFUSED);
		assert_int_equal(preview.len, 0);
		test_key_free(&keys[i]);
	}
}

static void test_signer_not_listed(void **state)
{
	struct test_key one = test_key_load("sast1"), two = test_key_load("sast2");
	struct buf file = test_file("vectors/tlv/ctl-nopad.tlv");
	struct buf no_names = {0};
	struct tl_entry entries[] = {token(two.cert), {.dns = ""}};
	const struct tl_plan plan = plan_of(entries, 2, one.cert);
	struct tl *l = NULL;
	struct err e;

	(void)state;
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	entries[1] = ccm_at_pub;
	entries[1].cert = one.cert;
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "signer-not-listed");

	entries[1] = (struct tl_entry){.role = TL_SAST, .dns = "", .bare = true, .cert = one.cert};
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "signer-not-listed");

	/* A SAST record of the old list, but of another. */
	entries[1] = (struct tl_entry){.raw = l->records[1].raw};
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "signer-not-listed");

	/* The right certificate, but no names to copy. */
	buf_put(&no_names, "\1\0\2\0\0\4\0\2\0\0\x09", 11);
	buf_u16(&no_names, (uint16_t)l->records[0].der.len);
	buf_span(&no_names, l->records[0].der);
	no_names.data[3] = (uint8_t)(no_names.len >> 8);
	no_names.data[4] = (uint8_t)no_names.len;
	entries[1] = (struct tl_entry){.raw = buf_view(&no_names)};
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "signer-not-listed");

	tl_free(l);
	buf_free(&no_names);
	buf_free(&file);
	test_key_free(&one);
	test_key_free(&two);
}

static void test_bad_entries(void **state)
{
	static const uint8_t broken[] = {1, 0, 2, 0, 9, 4, 0, 2, 0};
	struct test_key one = test_key_load("sast1");
	struct tl_entry entries[] = {token(one.cert), ccm_at_pub};
	const struct tl_plan plan = plan_of(entries, 2, one.cert);
	char *dns = malloc(70001);

	(void)state;
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "no-certificate");

	memset(dns, 'x', 70000);
	dns[70000] = '\0';
	entries[1].cert = one.cert;
	entries[1].dns = dns;
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "too-long");

	/* Each value fits, the record does not. */
	dns[65000] = '\0';
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "too-long");

	entries[1] = (struct tl_entry){.raw = span_of(broken, sizeof(broken))};
	refuse(&plan, pkey_sign, one.key, ERR_REFUSED, "ctl-parse");
	free(dns);
	test_key_free(&one);
}

/* Names of 40 KB: each fits into its TLV, but SIGNERID would not. */
static void test_header_too_long(void **state)
{
	enum { PARTS = 600 };
	const char *parts[PARTS];
	struct test_key key = test_key_load("sast1");
	X509 *cert;
	struct tl_entry entry;
	struct tl_plan plan;

	(void)state;
	for (size_t i = 0; i < PARTS; i++)
		parts[i] = "OU=0123456789012345678901234567890123456789012345678901234567890123";
	cert = test_cert(key.key, parts, PARTS);
	entry = token(cert);
	plan = plan_of(&entry, 1, cert);
	refuse(&plan, pkey_sign, key.key, ERR_REFUSED, "too-long");
	X509_free(cert);
	test_key_free(&key);
}

static void test_name_refused(void **state)
{
	struct test_key key = test_key_load("sast1");
	X509 *cert = X509_dup(key.cert);
	X509_NAME *name = X509_NAME_new();
	struct tl_entry entry;
	struct tl_plan plan;

	(void)state;
	X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING, (const unsigned char *)"a\0b", 3,
				   -1, 0);
	X509_set_issuer_name(cert, name);
	assert_true(X509_sign(cert, key.key, EVP_sha256()) > 0);
	entry = token(cert);
	plan = plan_of(&entry, 1, cert);
	refuse(&plan, pkey_sign, key.key, ERR_REFUSED, "certificate-name");
	X509_NAME_free(name);
	X509_free(cert);
	test_key_free(&key);
}

static int sign_refuses(void *arg, const uint8_t *info, size_t len, uint8_t *sig, size_t siglen,
			struct err *e)
{
	(void)arg, (void)info, (void)len, (void)sig, (void)siglen;
	return err_set(e, ERR_TOKEN, "token-gone", "pulled out");
}

static int sign_junk(void *arg, const uint8_t *info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e)
{
	(void)arg, (void)info, (void)len, (void)e;
	memset(sig, 1, siglen);
	return 0;
}

static void test_failing_signatures(void **state)
{
	struct test_key one = test_key_load("sast1"), two = test_key_load("sast2");
	const struct tl_entry entries[] = {token(one.cert), token(two.cert)};
	const struct tl_plan plan = plan_of(entries, 2, one.cert);

	(void)state;
	refuse(&plan, sign_refuses, NULL, ERR_TOKEN, "token-gone");
	refuse(&plan, sign_junk, NULL, ERR_REFUSED, "ctl-signature");
	refuse(&plan, pkey_sign, two.key, ERR_REFUSED, "ctl-signature");
	test_key_free(&one);
	test_key_free(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_again),      cmocka_unit_test(test_signing_keys),
		cmocka_unit_test(test_ec_certificates),    cmocka_unit_test(test_refused_keys),
		cmocka_unit_test(test_signer_not_listed),  cmocka_unit_test(test_bad_entries),
		cmocka_unit_test(test_header_too_long),    cmocka_unit_test(test_name_refused),
		cmocka_unit_test(test_failing_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
