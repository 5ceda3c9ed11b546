#include "trustfile/cert.h"

#include "common/hex.h"
#include "trustfile/testkit.h"

#include <openssl/pem.h>
#include <string.h>

enum { PARTS_MAX = 9 };

/* A part of a name: attribute type, string type, value. */
struct part {
	int nid, type;
	const char *value;
	int len; /* 0: as strlen() says */
};

static X509_NAME *name_of(const struct part parts[PARTS_MAX])
{
	X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; i < PARTS_MAX && parts[i].value; i++) {
		const struct part *p = &parts[i];
		const int len = p->len ? p->len : (int)strlen(p->value);

		assert_true(X509_NAME_add_entry_by_NID(
			name, p->nid, p->type, (const unsigned char *)p->value, len, -1, 0));
	}
	return name;
}

static void test_server_form(void **state)
{
	static const struct {
		struct part parts[PARTS_MAX];
		const char *text;
	} rows[] = {
		{{{NID_countryName, V_ASN1_PRINTABLESTRING, "PL", 0},
		  {NID_organizationName, V_ASN1_UTF8STRING, "Example", 0},
		  {NID_organizationalUnitName, V_ASN1_UTF8STRING, "TAC", 0},
		  {NID_commonName, V_ASN1_UTF8STRING, "pub", 0},
		  {NID_stateOrProvinceName, V_ASN1_UTF8STRING, "Malopolska", 0},
		  {NID_localityName, V_ASN1_UTF8STRING, "Krakow", 0}},
		 "CN=pub;OU=TAC;O=Example;L=Krakow;ST=Malopolska;C=PL"},
		{{{NID_organizationalUnitName, V_ASN1_UTF8STRING, "one", 0},
		  {NID_commonName, V_ASN1_UTF8STRING, "x", 0},
		  {NID_organizationalUnitName, V_ASN1_UTF8STRING, "two", 0}},
		 "CN=x;OU=one;OU=two"},
		{{{NID_domainComponent, V_ASN1_IA5STRING, "example", 0},
		  {NID_serialNumber, V_ASN1_PRINTABLESTRING, "7", 0},
		  {NID_commonName, V_ASN1_UTF8STRING, "CA", 0},
		  {NID_pkcs9_emailAddress, V_ASN1_IA5STRING, "a@b", 0}},
		 "CN=CA"},
		{{{NID_domainComponent, V_ASN1_IA5STRING, "example", 0}}, ""},
		{{{NID_commonName, V_ASN1_UTF8STRING, "a;b,c=\"d\"", 0}}, "CN=a;b,c=\"d\""},
		{{{NID_commonName, V_ASN1_BMPSTRING, "\0K\0\xf6\0l\0n", 8}}, "CN=K\xc3\xb6ln"},
		{{{NID_commonName, V_ASN1_T61STRING, "K\xf6ln", 0}}, "CN=K\xc3\xb6ln"},
		{{{NID_commonName, V_ASN1_UTF8STRING, "K\xc3\xb6ln", 0}}, "CN=K\xc3\xb6ln"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509_NAME *name = name_of(rows[i].parts);
		struct buf text = {0};
		struct err e;

		assert_int_equal(cert_name(&text, name, &e), 0);
		assert_string_equal(buf_cstr(&text), rows[i].text);
		buf_free(&text);
		X509_NAME_free(name);
	}
}

static void test_refused_names(void **state)
{
	static const struct part rows[][PARTS_MAX] = {
		{{NID_commonName, V_ASN1_UTF8STRING, "a\0b", 3}},
		{{NID_commonName, V_ASN1_PRINTABLESTRING, "a\0", 2}},
		{{NID_organizationName, V_ASN1_UTF8STRING, "fine", 0},
		 {NID_commonName, V_ASN1_BMPSTRING, "\0a\0\0", 4}},
		{{NID_commonName, V_ASN1_UTF8STRING, "\xff\xfe", 0}},
		{{NID_commonName, V_ASN1_BIT_STRING, "abc", 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509_NAME *name = name_of(rows[i]);
		struct buf text = {0};
		struct err e = {0};

		buf_str(&text, "kept");
		assert_int_equal(cert_name(&text, name, &e), ERR_REFUSED);
		assert_string_equal(e.id, "certificate-name");
		assert_string_equal(buf_cstr(&text), "kept");
		buf_free(&text);
		X509_NAME_free(name);
	}
}

static void assert_serial(const X509 *x, const char *hex)
{
	struct buf serial = {0}, text = {0};

	cert_serial(&serial, x);
	hex_lower(&text, buf_view(&serial), 0);
	assert_string_equal(buf_cstr(&text), hex);
	buf_free(&serial);
	buf_free(&text);
}

static void test_serials(void **state)
{
	static const struct {
		const char *name, *hex;
	} vectors[] = {
		{"sast1", "5af12700000011a2da01"},
		{"sast2", "83a10800000055450b02"},
		{"mfgca", "11"},
		{"ccm", "70caf64e090751b9df22f49f754fc501"},
		{"tvs", "2e3e1a7bdaa64d04"},
		{"ccmec", "0bebfdcdcd8ca277cb2fd1d183a60e05"},
	};
	X509 *x = X509_new();

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct test_key k = test_key_load(vectors[i].name);

		assert_serial(k.cert, vectors[i].hex);
		test_key_free(&k);
	}
	assert_serial(x, "00");
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0);
	assert_serial(x, "00");
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x800000);
	assert_serial(x, "800000");
	X509_free(x);
}

static void test_keys(void **state)
{
	static const struct {
		const char *curve, *text;
		size_t point;
	} curves[] = {
		{"P-256", "EC P-256", 65}, {"P-384", "EC P-384", 97}, {"P-521", "EC P-521", 133}};
	struct test_key k = test_key_load("ccm");
	struct buf text = {0};

	(void)state;
	cert_key_text(&text, k.cert);
	assert_string_equal(buf_cstr(&text), "RSA 2048");
	assert_int_equal(cert_rsa_bits(k.cert), 2048);
	assert_int_equal(cert_pubkey(k.cert).len, 270);
	assert_int_equal(cert_pubkey(k.cert).data[0], 0x30);
	assert_int_equal(cert_signature(k.cert).len, 256);
	test_key_free(&k);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		k = test_key_ec(curves[i].curve, "ec");
		text.len = 0;
		cert_key_text(&text, k.cert);
		assert_string_equal(buf_cstr(&text), curves[i].text);
		assert_int_equal(cert_rsa_bits(k.cert), 0);
		assert_int_equal(cert_pubkey(k.cert).len, curves[i].point);
		assert_int_equal(cert_pubkey(k.cert).data[0], 4);
		assert_int_equal(cert_signature(k.cert).data[0], 0x30);
		test_key_free(&k);
	}
	buf_free(&text);
}

static void test_fingerprints(void **state)
{
	struct test_key k = test_key_load("tvs");
	struct buf b = {0}, text = {0};

	(void)state;
	cert_sha1(&b, k.cert);
	hex_lower(&text, buf_view(&b), 0);
	assert_string_equal(buf_cstr(&text), "39fdce225943ec41a63498b870019eba2b53cab7");
	cert_sha256(&b, k.cert);
	assert_int_equal(b.len, 20 + 32);
	buf_free(&b);
	buf_free(&text);
	test_key_free(&k);
}

static void test_files(void **state)
{
	/* No password is asked for. */
	static const char encrypted[] = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
					"DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n\n"
					"AAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n";
	static const char *const bad[] = {
		"",
		"0",
		"text",
		"-----BEGIN CERTIFICATE-----\n",
		"0\x82\xff\xff",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		encrypted,
	};
	struct test_key k = test_key_load("ccm");
	struct buf der = {0};
	X509 *x = NULL;
	struct err e = {0};

	(void)state;
	cert_der(&der, k.cert);
	assert_int_equal(cert_from_file_bytes(&x, buf_view(&der), &e), 0);
	assert_int_equal(X509_cmp(x, k.cert), 0);
	X509_free(x);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(cert_from_file_bytes(&x, span_of(bad[i], strlen(bad[i])), &e),
				 ERR_FAILED);
		assert_string_equal(e.id, "certificate");
	}
	buf_free(&der);
	test_key_free(&k);
}

static void test_der(void **state)
{
	struct test_key k = test_key_load("ccmec");
	struct buf der = {0};
	X509 *x = NULL;
	struct err e = {0};

	(void)state;
	cert_der(&der, k.cert);
	assert_int_equal(cert_from_der(&x, buf_view(&der), &e), 0);
	X509_free(x);
	for (size_t len = 0; len < der.len; len++)
		assert_int_equal(cert_from_der(&x, span_of(der.data, len), &e), ERR_REFUSED);
	buf_u8(&der, 0);
	assert_int_equal(cert_from_der(&x, buf_view(&der), &e), ERR_REFUSED);
	assert_string_equal(e.id, "ctl-record");
	buf_free(&der);
	test_key_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_form),  cmocka_unit_test(test_refused_names),
		cmocka_unit_test(test_serials),      cmocka_unit_test(test_keys),
		cmocka_unit_test(test_fingerprints), cmocka_unit_test(test_files),
		cmocka_unit_test(test_der),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
