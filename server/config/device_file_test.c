/* What phones get for which name, from a store: kind of file, schema, secrets, signature, cipher.
 */
#include "server/config/device_file.h"

#include "common/file.h"
#include "server/config/config_testkit.h"
#include "server/config/device_xml.h"
#include "trustfile/build.h"
#include "trustfile/cert.h"
#include "trustfile/encrypted.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- looking into XML ---- */

static void assert_valid(xmlDocPtr doc)
{
	const char *root = getenv("CTL_SOURCE_DIR");
	char path[512];
	xmlRelaxNGParserCtxtPtr parser;
	xmlRelaxNGPtr schema;
	xmlRelaxNGValidCtxtPtr valid;

	snprintf(path, sizeof(path), "%s/server/config/device.rng", root ? root : ".");
	parser = xmlRelaxNGNewParserCtxt(path);
	schema = xmlRelaxNGParse(parser);
	assert_non_null(schema);
	valid = xmlRelaxNGNewValidCtxt(schema);
	assert_int_equal(xmlRelaxNGValidateDoc(valid, doc), 0);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
}

/* The file is valid against the schema, and each path has that value. A NULL path ends the table; a
 * NULL value: there is no such element. */
struct expected {
	const char *path, *value;
};

static void assert_xml(struct span file, const struct expected *expected)
{
	xmlDocPtr doc = xmlReadMemory((const char *)file.data, (int)file.len, "x", NULL,
				      XML_PARSE_NONET | XML_PARSE_NOERROR);
	xmlXPathContextPtr ctx;

	assert_non_null(doc);
	assert_valid(doc);
	ctx = xmlXPathNewContext(doc);
	for (; expected->path; expected++) {
		xmlXPathObjectPtr found = xmlXPathEvalExpression(BAD_CAST expected->path, ctx);
		const bool any = found->nodesetval && found->nodesetval->nodeNr;
		xmlChar *text = xmlXPathCastToString(found);

		if (any != !!expected->value ||
		    (any && strcmp((const char *)text, expected->value) != 0))
			fail_msg("%s is \"%s\", not \"%s\"", expected->path, (const char *)text,
				 expected->value ? expected->value : "(absent)");
		xmlFree(text);
		xmlXPathFreeObject(found);
	}
	xmlXPathFreeContext(ctx);
	xmlFreeDoc(doc);
}

/* Verified as a phone with the active list would; the payload, which stays part of file. */
static struct span unwrap(struct fixture *f, const struct device_file *file, const char *name,
			  enum tl_digest digest)
{
	struct store_active a = {0};
	struct tl *l = NULL;
	struct sgn s;

	assert_true(file->is_signed);
	OK(store_active_get(f->s, &a, &f->e));
	OK(tl_parse(&l, buf_view(&a.file), &f->e));
	OK(sgn_parse(&s, buf_view(&file->bytes), TF_SGN, &f->e));
	OK(sgn_verify_in(&s, (const struct tl *const[]){l}, 1, name, NULL, &f->e));
	assert_int_equal(s.header.digest, digest);
	tl_free(l);
	buf_free(&a.file);
	return s.payload;
}

static bool contains(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text));
}

/* ---- the tests ---- */

static const struct wish sip_plain = {"8841", DEVICE_SIP, DEVICE_ENCRYPTED, false, false,
				      true,   false};
static const struct wish sip_encrypted = {"8841", DEVICE_SIP, DEVICE_ENCRYPTED, true, false,
					  true,   false};

static void test_sip_in_mixed_mode(void **state)
{
	static const struct expected expected[] = {
		{"/device/fullConfig", "true"},
		{"/device/deviceProtocol", "SIP"},
		{"/device/deviceSecurityMode", "3"},
		{"/device/transportLayerProtocol", "3"},
		{"/device/encrConfig", "false"},
		{"/device/certHash", "0e836369fdcf000f12cee03baa2a8b4a"},
		{"/device/capfAuthMode", "0"},
		{"/device/capfList/capf/processNodeName", "pub.example"},
		{"/device/capfList/capf/phonePort", "3804"},
		{"/device/capfList/capf[2]", NULL},
		{"//callManagerGroup/members/member[@priority='0']//processNodeName",
		 "pub.example"},
		{"//callManagerGroup/members/member[@priority='1']//processNodeName",
		 "sub.example"},
		{"//callManagerGroup/members/member[1]//securedSipPort", "5061"},
		{"/device/TVS/members/member", NULL},
		{"/device/srstInfo/srstOption", "Disable"},
		{"/device/vendorConfig/garp", "1"},
		{"/device/vendorConfig/pcPort", "1"},
		{"/device/vendorConfig/settingsAccess", "2"},
		{"/device/vendorConfig/disableSpeaker", "true"},
		{"/device/vendorConfig/webAccess", NULL},
		{"/device/authenticationURL", "http://a/?b&c"},
		{"/device/sipProfile/voipControlPort", "5060"},
		{"//line[@button='1']/name", "1001"},
		{"//line[@button='1']/featureLabel", "1001"},
		{"//line[@button='1']/displayName", "Jane & \"John\" <Doe>"},
		{"//line[@button='1']/authName", "jane"},
		{"//line[@button='1']/authPassword", PASSWORD},
		{NULL, NULL},
	};
	struct fixture *f = *state;
	struct device_file plain, with_signature;

	set_mode(f, true);
	add_phone(f, &sip_plain);
	plain = build(f, SEP ".cnf.xml");
	assert_int_equal(plain.kind, DEVICE_FILE_FULL);
	assert_true(plain.has_secrets);
	assert_false(plain.is_signed);
	assert_string_equal(plain.device, SEP);
	assert_xml(buf_view(&plain.bytes), expected);
	/* In other spelling; FILENAME is as phones write it. */
	with_signature = build(f, "/sep001122334455.CNF.xml.sgn");
	assert_xml(unwrap(f, &with_signature, SEP ".cnf.xml.sgn", TL_SHA512), expected);
	assert_kind(f, SEP ".cnf.xml.enc.sgn", DEVICE_FILE_NONE);
	device_file_free(&plain);
	device_file_free(&with_signature);
}

static void test_nonsecure_cluster(void **state)
{
	static const struct expected expected[] = {
		{"/device/fullConfig", "true"},          {"/device/deviceSecurityMode", "1"},
		{"/device/transportLayerProtocol", "1"}, {"/device/encrConfig", "false"},
		{"//line/authPassword", PASSWORD},       {NULL, NULL},
	};
	struct fixture *f = *state;
	struct device_file plain;

	set_mode(f, false);
	add_phone(f, &sip_encrypted);
	plain = build(f, SEP ".cnf.xml");
	assert_int_equal(plain.kind, DEVICE_FILE_FULL);
	assert_xml(buf_view(&plain.bytes), expected);
	assert_kind(f, SEP ".cnf.xml.sgn", DEVICE_FILE_NONE);
	assert_kind(f, SEP ".cnf.xml.enc.sgn", DEVICE_FILE_NONE);
	assert_kind(f, "XMLDefault.cnf.xml.sgn", DEVICE_FILE_NONE);
	device_file_free(&plain);
}

static void test_encrypted(void **state)
{
	static const struct expected minimal[] = {
		{"/device/fullConfig", "false"},
		{"/device/encrConfig", "true"},
		{"/device/certHash", "0e836369fdcf000f12cee03baa2a8b4a"},
		{"/device/capfList/capf/processNodeName", "pub.example"},
		{"/device/*[8]", NULL},
		{NULL, NULL},
	};
	static const struct expected full[] = {{"/device/fullConfig", "true"},
					       {"/device/encrConfig", "true"},
					       {"//line/authPassword", PASSWORD},
					       {NULL, NULL}};
	struct fixture *f = *state;
	struct device_file plain, minimal_signed, sealed;
	struct buf clear = {0};
	struct sgn s;

	set_mode(f, true);
	add_phone(f, &sip_encrypted);
	plain = build(f, SEP ".cnf.xml");
	assert_int_equal(plain.kind, DEVICE_FILE_MINIMAL);
	assert_false(plain.has_secrets);
	assert_xml(buf_view(&plain.bytes), minimal);
	minimal_signed = build(f, SEP ".cnf.xml.sgn");
	assert_xml(unwrap(f, &minimal_signed, SEP ".cnf.xml.sgn", TL_SHA512), minimal);
	sealed = build(f, SEP ".cnf.xml.enc.sgn");
	assert_int_equal(sealed.kind, DEVICE_FILE_SEALED);
	assert_false(contains(&sealed.bytes, "s3cret"));
	OK(sgn_parse(&s, buf_view(&sealed.bytes), TF_ENC, &f->e));
	OK(sgn_verify_with(&s, f->ccm.cert, SEP ".cnf.xml.enc.sgn", &f->e));
	OK(enc_open(&clear, &s, f->phone.key, &f->e));
	assert_xml(buf_view(&clear), full);
	buf_wipe(&clear);
	device_file_free(&plain);
	device_file_free(&minimal_signed);
	device_file_free(&sealed);
}

static void test_pending_operation_is_told(void **state)
{
	static const struct expected expected[] = {{"/device/capfAuthMode", "1"}, {NULL, NULL}};
	struct fixture *f = *state;
	struct store_phone p = {0};
	struct device_file file;
	bool found;

	set_mode(f, true);
	add_phone(f, &sip_encrypted);
	OK(store_phone_get(f->s, SEP, &p, &found, &f->e));
	p.capf.operation = STORE_CAPF_INSTALL;
	p.capf.status = STORE_CAPF_PENDING;
	OK(store_phone_put(f->s, SEP, &p, STORE_ANY_VERSION, &f->e));
	file = build(f, SEP ".cnf.xml");
	assert_xml(buf_view(&file.bytes), expected);
	store_phone_free(&p);
	device_file_free(&file);
}

/* Every way in which the credentials stay out of the file. */
static void test_without_credentials(void **state)
{
	static const struct wish wishes[] = {
		{"8841", DEVICE_SIP, DEVICE_ENCRYPTED, false, true, true, false},
		{"7960", DEVICE_SIP, DEVICE_NONSECURE, false, false, false, false},
	};
	struct fixture *f = *state;

	set_mode(f, true);
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct device_file file;

		add_phone(f, &wishes[i]);
		file = build(f, SEP ".cnf.xml");
		assert_int_equal(file.kind, DEVICE_FILE_FULL);
		assert_false(file.has_secrets);
		assert_false(contains(&file.bytes, "s3cret"));
		assert_false(contains(&file.bytes, "authName"));
		device_file_free(&file);
		OK(store_phone_remove(f->s, SEP, STORE_ANY_VERSION, &f->e));
		OK(store_profile_remove(f->s, "test", STORE_ANY_VERSION, &f->e));
		OK(store_template_remove(f->s, "hard", STORE_ANY_VERSION, &f->e));
	}
}

static void test_sccp(void **state)
{
	static const struct wish wish = {"7970", DEVICE_SCCP, DEVICE_AUTHENTICATED, false, false,
					 false,  false};
	static const struct expected expected[] = {
		{"/device/deviceProtocol", "SCCP"},
		{"/device/deviceSecurityMode", "2"},
		{"/device/certHash", ""},
		{"/device/sipProfile", NULL},
		{NULL, NULL},
	};
	struct fixture *f = *state;
	struct device_file file;

	set_mode(f, true);
	add_phone(f, &wish);
	file = build(f, SEP ".cnf.xml.sgn");
	/* This model knows SHA-1 only. */
	assert_xml(unwrap(f, &file, SEP ".cnf.xml.sgn", TL_SHA1), expected);
	device_file_free(&file);
}

/* No certificate is known: no encrypted file, and the minimal one sends the phone to CAPF. */
static void test_encryption_without_certificate(void **state)
{
	static const struct wish wish = {"7970", DEVICE_SCCP, DEVICE_NONSECURE, true, false,
					 false,  false};
	static const struct expected expected[] = {
		{"/device/fullConfig", "false"}, {"/device/certHash", ""}, {NULL, NULL}};
	struct fixture *f = *state;
	struct device_file file;

	set_mode(f, true);
	add_phone(f, &wish);
	file = build(f, SEP ".cnf.xml");
	assert_xml(buf_view(&file.bytes), expected);
	assert_kind(f, SEP ".cnf.xml.enc.sgn", DEVICE_FILE_NONE);
	device_file_free(&file);
}

/* SIP on the 7940 and 7960: text, and a key that was typed in. */
static void test_typed_key(void **state)
{
	static const struct wish wish = {"7960", DEVICE_SIP, DEVICE_NONSECURE, true, false,
					 false,  true};
	static const char name[] = "SIP001122334455.cnf.enc.sgn";
	struct fixture *f = *state;
	struct device_file file, plain;
	struct buf clear = {0};
	struct sgn s;

	set_mode(f, true);
	add_phone(f, &wish);
	file = build(f, name);
	assert_int_equal(file.kind, DEVICE_FILE_SEALED);
	OK(sgn_parse(&s, buf_view(&file.bytes), TF_ENC_MANUAL, &f->e));
	OK(sgn_verify_with(&s, f->ccm.cert, name, &f->e));
	OK(enc_open_manual(&clear, &s, (const uint8_t *)"0123456789abcdef", &f->e));
	assert_true(contains(&clear, "line1_name: \"1001\"\n"));
	assert_true(contains(&clear, "proxy1_address: \"pub.example\"\n"));
	plain = build(f, "SIP001122334455.cnf.sgn");
	assert_int_equal(plain.kind, DEVICE_FILE_MINIMAL);
	assert_false(contains(&plain.bytes, "1001\""));
	buf_wipe(&clear);
	device_file_free(&file);
	device_file_free(&plain);
}

static void test_default_file(void **state)
{
	static const struct expected expected[] = {
		{"/Default/callManagerGroup/members/member[1]//processNodeName", "pub.example"},
		{"/Default/loadInformation30006/@model", "7970"},
		{NULL, NULL},
	};
	struct fixture *f = *state;
	struct device_file file, with_signature;

	set_mode(f, true);
	file = build(f, "xmldefault.CNF.XML");
	assert_int_equal(file.kind, DEVICE_FILE_DEFAULT);
	assert_xml(buf_view(&file.bytes), expected);
	with_signature = build(f, "XMLDefault.cnf.xml.sgn");
	assert_xml(unwrap(f, &with_signature, "XMLDefault.cnf.xml.sgn", TL_SHA1), expected);
	device_file_free(&file);
	device_file_free(&with_signature);
}

static void test_strange_names(void **state)
{
	static const struct {
		const char *name;
		size_t len; /* 0: strlen */
		bool config;
	} rows[] = {
		{"", 0, false},
		{"/", 0, false},
		{".cnf.xml", 0, false},
		{".sgn", 0, false},
		{"//" SEP ".cnf.xml", 0, false},
		{"../" SEP ".cnf.xml", 0, false},
		{"a/" SEP ".cnf.xml", 0, false},
		{SEP ".cnf.xml\0.sgn", sizeof(SEP ".cnf.xml\0.sgn") - 1, false},
		{SEP ".cnf.xml ", 0, false},
		{"SEP\xc3\xa4.cnf.xml", 0, false},
		{"SEP001122334455 OR 1=1.cnf.xml", 0, false},
		{"SEP00112233445566.cnf.xml", 0, false},
		{"CTLFile.tlv", 0, false},
		{"SEP001122334456.cnf.xml", 0, true},
		{"LD001122334455", 0, true},
		{"LD001122334455.x", 0, true},
		{"LD001122334455.y", 0, false},
		{SEP ".cnf", 0, true},
		{SEP ".cnf.xml.sgn.sgn", 0, false},
		{SEP ".cnf.xml.enc.sgn.sgn", 0, true},
	};
	struct fixture *f = *state;
	char long_name[600];

	set_mode(f, true);
	add_phone(f, &sip_plain);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct span name =
			span_of(rows[i].name, rows[i].len ? rows[i].len : strlen(rows[i].name));
		struct device_file file;

		if (device_file_is_config(name) != rows[i].config)
			fail_msg("row %zu", i);
		OK(device_file_build(&file, f->files, name, &f->e));
		if (file.kind != DEVICE_FILE_NONE)
			fail_msg("row %zu is there", i);
		device_file_free(&file);
	}
	memset(long_name, 'a', sizeof(long_name));
	assert_false(device_file_is_config(span_of(long_name, sizeof(long_name))));
	assert_false(device_file_is_config(span_of(NULL, 0)));
}

static void test_other_files_are_signed(void **state)
{
	struct fixture *f = *state;
	struct device_file file = {.is_signed = true};
	bool absent = true;
	struct span payload;

	set_mode(f, true);
	OK(device_files_sign(&file.bytes, &absent, f->files, "Test_Land/g3-tones.xml.sgn",
			     span_of("<tones/>", 8), &f->e));
	assert_false(absent);
	payload = unwrap(f, &file, "Test_Land/g3-tones.xml.sgn", TL_SHA1);
	assert_memory_equal(payload.data, "<tones/>", payload.len);
	set_mode(f, false);
	OK(device_files_sign(&file.bytes, &absent, f->files, "a.sgn", span_of("x", 1), &f->e));
	assert_true(absent);
	device_file_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sip_in_mixed_mode),
		TEST(test_nonsecure_cluster),
		TEST(test_encrypted),
		TEST(test_pending_operation_is_told),
		TEST(test_without_credentials),
		TEST(test_sccp),
		TEST(test_encryption_without_certificate),
		TEST(test_typed_key),
		TEST(test_default_file),
		TEST(test_strange_names),
		TEST(test_other_files_are_signed),
	};
	const int rc = cmocka_run_group_tests(tests, NULL, NULL);

	xmlCleanupParser();
	return rc;
}
