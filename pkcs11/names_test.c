/* Texts: subjects, what tokens call themselves, DigestInfo. */
#include "pkcs11/testhsm.h"

#include "common/hex.h"
#include "pkcs11/digestinfo.h"

#include <openssl/bio.h>
#include <string.h>

/* The subject as OpenSSL writes it: RFC 2253, with UTF-8 left alone. */
static void assert_name(X509_NAME *name, const char *expected)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long n;

	X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(out, &text);
	if ((size_t)n != strlen(expected) || memcmp(text, expected, (size_t)n) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", (int)n, text, expected);
	BIO_free(out);
}

static void reads_subjects(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"CN=SAST-1,OU=Voice,O=Example", "CN=SAST-1,OU=Voice,O=Example"},
		{"CN=a, OU = b ,O=c", NULL},
		{"CN= a b ,  O=c", "CN=a b,O=c"},
		{"CN=Smith\\, John,O=A\\+B", "CN=Smith\\, John,O=A\\+B"},
		{"CN=a\\5cb", "CN=a\\\\b"},
		{"CN=back\\\\slash", "CN=back\\\\slash"},
		{"CN=\\#1", "CN=\\#1"},
		{"CN=\\ x\\ ", "CN=\\ x\\ "},
		{"CN=Z\xc3\xbcrich", "CN=Z\xc3\xbcrich"},
		{"CN=Z\\C3\\BCrich", "CN=Z\xc3\xbcrich"},
		{"CN=a=b", "CN=a=b"},
		{"CN=a,C=CH,L=Bern", "CN=a,C=CH,L=Bern"},
		{"CN=a+UID=7,O=c", "CN=a+UID=7,O=c"},
		{"CN=a,2.5.4.11=b", "CN=a,OU=b"},
		{"CN=a,DC=example,DC=org", "CN=a,DC=example,DC=org"},
		{"", NULL},
		{"CN", NULL},
		{"CN=", NULL},
		{"CN=  ", NULL},
		{"O=only", NULL},
		{"CN=a,", NULL},
		{"CN=a,,O=b", NULL},
		{"=a", NULL},
		{"XYZ=a,CN=b", NULL},
		{"CN=a;O=b", NULL},
		{"CN=\"a\"", NULL},
		{"CN=a\\", NULL},
		{"CN=a\\x", NULL},
		{"CN=a\\4", NULL},
		{"CN=#0c0161", NULL},
		{"CN=a,C=Switzerland", NULL},
		{"CN=a\xff", NULL},
		{"CN=1234567890123456789012345678901234567890123456789012345678901234x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509_NAME *name;
		struct err e;

		if (!cases[i].out) {
			if (subject_parse(&name, cases[i].in, &e) != ERR_USAGE)
				fail_msg("\"%s\" was taken", cases[i].in);
			assert_string_equal(e.id, "subject");
			continue;
		}
		assert_ok(subject_parse(&name, cases[i].in, &e), &e);
		assert_name(name, cases[i].out);
		X509_NAME_free(name);
	}
}

/* In the certificate the organisation stands in front. */
static void turns_subjects_round(void **state)
{
	X509_NAME *name;
	struct err e;

	(void)state;
	assert_ok(subject_parse(&name, "CN=a,OU=b,O=c", &e), &e);
	assert_int_equal(X509_NAME_entry_count(name), 3);
	assert_int_equal(X509_NAME_get_index_by_NID(name, NID_organizationName, -1), 0);
	assert_int_equal(X509_NAME_get_index_by_NID(name, NID_commonName, -1), 2);
	X509_NAME_free(name);
}

static void shows_texts(void **state)
{
	static const struct {
		const char *in;
		size_t len, size;
		const char *out;
	} cases[] = {
		{"SAST 1    ", 10, 33, "SAST 1"},
		{"SAST\0\0\0", 7, 33, "SAST"},
		{"   ", 3, 33, ""},
		{"", 0, 33, ""},
		{"a\x1b[0mb\n", 7, 33, "a\\x1b[0mb\\x0a"},
		{"a\0b ", 4, 33, "a\\x00b"},
		{"abcdef", 6, 4, "abc"},
		{"ab\xc3\xbc", 4, 4, "ab"},
		{"ab\xc3\xbc", 4, 5, "ab\xc3\xbc"},
		{"\xe2\x98\x8e", 3, 3, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[64];

		memset(out, '#', sizeof(out));
		text_show(out, cases[i].size, (const uint8_t *)cases[i].in, cases[i].len);
		assert_string_equal(out, cases[i].out);
		assert_int_equal(out[cases[i].size], '#');
	}
}

/* RFC 8017 section 9.2, note 1, and the digests of nothing at all. */
static void makes_digest_info(void **state)
{
	static const char sha1[] = "3021300906052b0e03021a05000414"
				   "da39a3ee5e6b4b0d3255bfef95601890afd80709";
	static const char sha256[] =
		"3031300d060960864801650304020105000420"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	const struct {
		const EVP_MD *md;
		const char *expected;
	} cases[] = {{EVP_sha1(), sha1}, {EVP_sha256(), sha256}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf info = {0};
		struct buf hex = {0};
		struct err e;

		assert_ok(digestinfo(&info, cases[i].md, span_of("", 0), &e), &e);
		hex_lower(&hex, buf_view(&info), 0);
		assert_string_equal(buf_cstr(&hex), cases[i].expected);
		buf_free(&hex);
		buf_free(&info);
	}
}

static void names_answers(void **state)
{
	char scratch[32];
	struct err e;

	(void)state;
	assert_string_equal(rv_name(CKR_PIN_LOCKED, scratch), "CKR_PIN_LOCKED");
	assert_string_equal(rv_name(0x80000001, scratch), "0x80000001");
	assert_true(rv_is_loss(CKR_DEVICE_REMOVED));
	assert_true(rv_is_loss(CKR_SESSION_HANDLE_INVALID));
	assert_false(rv_is_loss(CKR_PIN_INCORRECT));
	assert_false(rv_is_loss(0x80000001));
	assert_err(rv_err(&e, CKR_TOKEN_NOT_PRESENT, "sign", "cannot sign"), &e, ERR_TOKEN,
		   "token-removed");
	assert_err(rv_err(&e, 0x80000001, "sign", "cannot sign"), &e, ERR_TOKEN, "sign");
	assert_non_null(strstr(e.what, "0x80000001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_subjects), cmocka_unit_test(turns_subjects_round),
		cmocka_unit_test(shows_texts),    cmocka_unit_test(makes_digest_info),
		cmocka_unit_test(names_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
