/* doc/formats.md, "Strictness", rule by rule: lists that differ from a good one in one thing, and
 * are correctly signed all the same, so that the signature cannot save a careless parser. */
#include "trustfile/testkit.h"

#include "common/hex.h"
#include "trustfile/cert.h"

#include <string.h>

#define LIST TEST_HEADER TEST_SAST
#define REST "S " TEST_END "P | " TEST_SAST

static struct test_key signer, other;

struct row {
	const char *why, *list;
};

/* id is that of the error to expect; NULL if the list is in order. */
static void run(const struct row *row, const char *id, bool sha512)
{
	struct buf file = test_list(row->list, &signer, &other, sha512);
	struct tl *l = NULL;
	struct err e = {0};
	int rc = tl_parse(&l, buf_view(&file), &e);

	if (!rc)
		rc = tl_verify(l, TL_CTL_NAME, &e);
	if (!id && rc)
		fail_msg("%s: %s", row->why, e.what);
	if (id && (rc != ERR_REFUSED || strcmp(e.id, id) != 0))
		fail_msg("%s: %s", row->why, rc ? e.what : "accepted");
	tl_free(l);
	buf_free(&file);
}

#define RUN(rows, id)                                                                              \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++)                              \
	run(&(rows)[i], id, false)

static void test_tolerance(void **state)
{
	static const struct row good[] = {
		{"the pattern", LIST},
		{"a newer minor version", "01:0109 02:0000 " TEST_SIGNER TEST_INFO REST},
		{"LISTVERSION", TEST_START "1c:0101 " TEST_SIGNER TEST_INFO REST},
		{"a newer LISTVERSION, elsewhere",
		 TEST_START TEST_SIGNER TEST_INFO "S 1c:0109 " TEST_END "P | " TEST_SAST},
		{"another order in SIGNERID",
		 TEST_START "03{04'CN=T' 06'CN=I' 05:11} " TEST_INFO REST},
		{"SIGNATUREINFO in front", TEST_START TEST_INFO TEST_SIGNER REST},
		{"FILENAME in front of SIGNATURE",
		 TEST_START TEST_SIGNER TEST_INFO "0e'CTLFile.tlv' S 0f:5f5e1000 P | " TEST_SAST},
		{"no padding", TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "| " TEST_SAST},
		{"much padding",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "!0d0d0d0d0d0d0d | " TEST_SAST},
		{"unknown tags in the header, twice",
		 TEST_START "7e:0102 7e:03 00: " TEST_SIGNER TEST_INFO REST},
		{"unknown tag behind TIMESTAMP",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "7e:00 P | " TEST_SAST},
		{"unknown tags in the containers",
		 TEST_START "03{04'CN=T' 7e:0d 05:11 06'CN=I'} "
			    "07{08:01 7e: 09{0a:00 7e:01 0b:01}} " REST},
		{"unknown tags in a record, twice", TEST_HEADER
		 "R{55:0d 02'' 03'CN=T' 04:0000 05'CN=I' 06:11 55: 07k 09c 0a:00000000} "},
		{"the other order in a record",
		 TEST_HEADER "R{03'CN=T' 05'CN=I' 06:11 04:0000 07k 08s 09c} "},
		{"DNSNAME of two NULs", TEST_HEADER "R{02:0000 04:0000 05'CN=I' 06:11 09c} "},
		{"IPADDRESS of 16 bytes",
		 LIST "R{02'v6' 04:0002 0a:20010db8000000000000000000000001} "},
		{"a record with its role only", LIST "R{04:0002} "},
		{"an unknown role", LIST "R{04:ffff} "},
		{"a hash for a certificate", LIST "R{04:0015 0bH} "},
		{"... with its algorithm", LIST "R{04:0015 0bH 0c:01} "},
		{"... beside the certificate", LIST "R{04:0015 09C 0bH 0c:01} "},
		{"names unlike those in the certificate",
		 LIST "R{03'CN=a' 04:0002 05'CN=b' 06:77 08:00 09C} "},
		{"zeros in front of a serial number",
		 TEST_START "03{04'CN=T' 05:000011 06'CN=I'} " TEST_INFO "S " TEST_END "P | "
			    "R{04:0000 05'CN=I' 06:0011 09c} "},
		{"the signer's record last", TEST_HEADER "R{04:0002 09C} " TEST_SAST},
		{"two records name the signer, the second is right",
		 TEST_HEADER "R{04:0000 05'CN=I' 06:11 07K 09C} " TEST_SAST},
		{"a record names the signer, without certificate",
		 TEST_HEADER "R{04:0000 05'CN=I' 06:11 07k} " TEST_SAST},
	};

	(void)state;
	RUN(good, NULL);
}

static void test_header_rules(void **state)
{
	static const struct row parse[] = {
		{"HEADERLENGTH first", "02:0000 01:0102 " TEST_SIGNER TEST_INFO REST},
		{"a long VERSION", "01:010200 02:0000 " TEST_SIGNER TEST_INFO REST},
		{"version 2", "01:0202 02:0000 " TEST_SIGNER TEST_INFO REST},
		{"version 0", "01:0002 02:0000 " TEST_SIGNER TEST_INFO REST},
		{"HEADERLENGTH 10", "01:0102 02:000a " TEST_SIGNER TEST_INFO REST},
		{"HEADERLENGTH 1", "01:0102 02:0001 " TEST_SIGNER TEST_INFO REST},
		{"HEADERLENGTH behind the end", "01:0102 02:ffff " TEST_SIGNER TEST_INFO REST},
		{"a TLV across HEADERLENGTH",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "!7e0001 | " TEST_SAST},
		{"a TLV cut by HEADERLENGTH",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "!7e00 | " TEST_SAST},
		{"a container longer than the header", TEST_START "!03f000 " TEST_INFO REST},
		{"a TLV across its container's end",
		 TEST_START "03{04'CN=T' 05:11 06'CN=I' !7e0004} " TEST_INFO REST},
		{"a TLV across the inner container's end",
		 TEST_START TEST_SIGNER "07{08:01 09{0a:00 !0b000201}} " REST},
		{"tag 4 outside SIGNERID",
		 TEST_START "03{05:11 06'CN=I'} 04'CN=T' " TEST_INFO REST},
		{"tag 11 in the wrong container",
		 TEST_START TEST_SIGNER "07{08:01 0b:01 09{0a:00}} " REST},
		{"SIGNATURE in a container",
		 TEST_START "03{04'CN=T' 05:11 06'CN=I' S} " TEST_INFO TEST_END "P | " TEST_SAST},
		{"VERSION in a container",
		 TEST_START "03{04'CN=T' 05:11 06'CN=I' 01:0102} " TEST_INFO REST},
		{"a tag of encrypted files",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "1a:01 P | " TEST_SAST},
		{"another, in a container",
		 TEST_START "03{04'CN=T' 05:11 06'CN=I' 17:0800} " TEST_INFO REST},
		{"LISTVERSION behind TIMESTAMP",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "1c:0100 P | " TEST_SAST},
		{"FILENAME behind TIMESTAMP",
		 TEST_START TEST_SIGNER TEST_INFO "S 0f:5f5e1000 0e'CTLFile.tlv' P | " TEST_SAST},
		{"padding in a container",
		 TEST_START "03{04'CN=T' 05:11 06'CN=I' !0d} " TEST_INFO REST},
		{"padding as if it were a TLV", TEST_START "0d:00 " TEST_SIGNER TEST_INFO REST},
		{"padding with something in it",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "!0d0d000d | " TEST_SAST},
		{"padding in the middle",
		 TEST_START TEST_SIGNER TEST_INFO "S !0d " TEST_END "P | " TEST_SAST},
		{"a second VERSION", TEST_START "01:0102 " TEST_SIGNER TEST_INFO REST},
		{"a second LISTVERSION", TEST_START "1c:0100 1c:0101 " TEST_SIGNER TEST_INFO REST},
		{"a second SIGNERID", TEST_START TEST_SIGNER TEST_SIGNER TEST_INFO REST},
		{"a second SERIALNUMBER",
		 TEST_START "03{04'CN=T' 05:11 05:11 06'CN=I'} " TEST_INFO REST},
		{"a second SIGNATURE", TEST_START TEST_SIGNER TEST_INFO "S " REST},
		{"a second TIMESTAMP",
		 TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "0f:5f5e1000 P | " TEST_SAST},
		{"a short TIMESTAMP",
		 TEST_START TEST_SIGNER TEST_INFO "S 0e'CTLFile.tlv' 0f:5f5e10 P | " TEST_SAST},
		{"a long DIGESTALGORITHM",
		 TEST_START TEST_SIGNER "07{08:0101 09{0a:00 0b:01}} " REST},
		{"an empty SIGNATUREMODULUS",
		 TEST_START TEST_SIGNER "07{08:01 09{0a:00 0b:}} " REST},
		{"a long LISTVERSION", TEST_START "1c:010000 " TEST_SIGNER TEST_INFO REST},
	};

	(void)state;
	RUN(parse, "ctl-parse");
}

static void test_missing_header_tags(void **state)
{
	static const struct row parse[] = {
		{"no SIGNERID", TEST_START TEST_INFO REST},
		{"no SIGNERNAME", TEST_START "03{05:11 06'CN=I'} " TEST_INFO REST},
		{"no SERIALNUMBER", TEST_START "03{04'CN=T' 06'CN=I'} " TEST_INFO REST},
		{"no CANAME", TEST_START "03{04'CN=T' 05:11} " TEST_INFO REST},
		{"no SIGNATUREINFO", TEST_START TEST_SIGNER REST},
		{"no DIGESTALGORITHM", TEST_START TEST_SIGNER "07{09{0a:00 0b:01}} " REST},
		{"no SIGNATUREALGOINFO", TEST_START TEST_SIGNER "07{08:01} " REST},
		{"no SIGNATUREALGORITHM", TEST_START TEST_SIGNER "07{08:01 09{0b:01}} " REST},
		{"no SIGNATUREMODULUS", TEST_START TEST_SIGNER "07{08:01 09{0a:00}} " REST},
		{"no SIGNATURE", TEST_START TEST_SIGNER TEST_INFO TEST_END "P | " TEST_SAST},
		{"no FILENAME", TEST_START TEST_SIGNER TEST_INFO "S 0f:5f5e1000 P | " TEST_SAST},
		{"no TIMESTAMP",
		 TEST_START TEST_SIGNER TEST_INFO "S 0e'CTLFile.tlv' P | " TEST_SAST},
	};

	(void)state;
	RUN(parse, "ctl-parse");
}

static void test_codes_and_names(void **state)
{
	static const struct row digest[] = {
		{"digest 0", TEST_START TEST_SIGNER "07{08:00 09{0a:00 0b:01}} " REST},
		{"digest 2", TEST_START TEST_SIGNER "07{08:02 09{0a:00 0b:01}} " REST},
		{"digest 4", TEST_START TEST_SIGNER "07{08:04 09{0a:00 0b:01}} " REST},
	};
	static const struct row parse[] = {
		{"signature algorithm 1", TEST_START TEST_SIGNER "07{08:01 09{0a:01 0b:01}} " REST},
		{"modulus 4", TEST_START TEST_SIGNER "07{08:01 09{0a:00 0b:04}} " REST},
		{"modulus 2 with 128 bytes",
		 TEST_START TEST_SIGNER "07{08:01 09{0a:00 0b:02}} " REST},
		{"SIGNERNAME without NUL", TEST_START "03{04:434e 05:11 06'CN=I'} " TEST_INFO REST},
		{"an empty CANAME", TEST_START "03{04'CN=T' 05:11 06:} " TEST_INFO REST},
		{"SIGNERNAME of two NULs", TEST_START "03{04:0000 05:11 06'CN=I'} " TEST_INFO REST},
		{"a NUL inside FILENAME", TEST_START TEST_SIGNER TEST_INFO
		 "S 0e:43544c46696c652e746c760000 0f:5f5e1000 P | " TEST_SAST},
	};
	static const struct row signature[] = {
		{"digest 3, signed with SHA-1",
		 TEST_START TEST_SIGNER "07{08:03 09{0a:00 0b:01}} " REST},
	};
	static const struct row name[] = {
		{"another FILENAME",
		 TEST_START TEST_SIGNER TEST_INFO "S 0e'ITLFile.tlv' 0f:5f5e1000 P | " TEST_SAST},
		{"a FILENAME in other case",
		 TEST_START TEST_SIGNER TEST_INFO "S 0e'ctlfile.tlv' 0f:5f5e1000 P | " TEST_SAST},
		{"an empty FILENAME",
		 TEST_START TEST_SIGNER TEST_INFO "S 0e'' 0f:5f5e1000 P | " TEST_SAST},
	};

	(void)state;
	RUN(digest, "ctl-digest");
	RUN(parse, "ctl-parse");
	RUN(signature, "ctl-signature");
	RUN(name, "ctl-name");
}

static void test_record_rules(void **state)
{
	static const struct row parse[] = {
		{"no record", TEST_HEADER},
		{"bytes behind the last record", LIST "!000000000000 "},
		{"one byte behind the last record", LIST "!01 "},
		{"a gap between the records", LIST "!00 " TEST_SAST},
		{"RECORDLENGTH not first", LIST "!0400020002 !0100020000 "},
		{"RECORDLENGTH 0", LIST "!01000200000400020002 "},
		{"RECORDLENGTH 4", LIST "!01000200040400020002 "},
		{"RECORDLENGTH 5", LIST "!0100020005 "},
		{"RECORDLENGTH one too large", LIST "!010002000b0400020002 "},
		{"RECORDLENGTH one too small", LIST "!01000200090400020002 "},
		{"RECORDLENGTH of three bytes", LIST "!01000300000b0400020002 "},
		{"a second RECORDLENGTH", LIST "R{04:0002 01:000f} "},
		{"a TLV across the record's end", LIST "R{04:0002 !7e0001} "},
		{"a TLV cut by the record's end", LIST "R{04:0002 !7e00} "},
		{"no FUNCTION", LIST "R{02'x'} "},
		{"a short FUNCTION", LIST "R{04:02} "},
		{"a second FUNCTION", LIST "R{04:0002 04:0000} "},
		{"a second DNSNAME", LIST "R{02'a' 02'b' 04:0002} "},
		{"a second CERTIFICATE", LIST "R{04:0002 09C 09c} "},
		{"a second IPADDRESS", LIST "R{04:0002 0a:01020304 0a:01020304} "},
		{"padding", LIST "R{04:0002 !0d} "},
		{"padding as if it were a TLV", LIST "R{0d:00 04:0002} "},
		{"DNSNAME without NUL", LIST "R{02:61 04:0002} "},
		{"an empty DNSNAME", LIST "R{02: 04:0002} "},
		{"DNSNAME of three NULs", LIST "R{02:000000 04:0002} "},
		{"a NUL inside DNSNAME", LIST "R{02:61006200 04:0002} "},
		{"DNSNAME with two NULs behind text", LIST "R{02:610000 04:0002} "},
		{"SUBJECTNAME of two NULs", LIST "R{03:0000 04:0002} "},
		{"an empty ISSUERNAME", LIST "R{04:0002 05:} "},
		{"a long CERTHASH", LIST "R{04:0002 0b:"
					 "000102030405060708090a0b0c0d0e0f1011121314} "},
		{"an empty HASHALGORITHM", LIST "R{04:0002 0bH 0c:} "},
	};
	static const struct row record[] = {
		{"HASHALGORITHM 2", LIST "R{04:0002 0bH 0c:02} "},
		{"HASHALGORITHM 0", LIST "R{04:0002 0bH 0c:00} "},
		{"an empty CERTIFICATE", LIST "R{04:0002 09:} "},
		{"a CERTIFICATE that is none", LIST "R{04:0002 09:3000} "},
		{"something behind the certificate", LIST "R{04:0002 09{!deadbeef}} "},
		{"PUBLICKEY of another", LIST "R{04:0002 07k 09C} "},
		{"an empty PUBLICKEY", LIST "R{04:0002 07: 09C} "},
		{"CERTHASH of another", LIST "R{04:0002 09C 0bh} "},
	};

	(void)state;
	RUN(parse, "ctl-parse");
	RUN(record, "ctl-record");
}

static void test_signer_matching(void **state)
{
	static const struct row unlisted[] = {
		{"the serial number alone", TEST_HEADER "R{04:0000 05'CN=J' 06:11 09c} "},
		{"the issuer alone", TEST_HEADER "R{04:0000 05'CN=I' 06:12 09c} "},
		{"zeros behind the serial number", TEST_HEADER "R{04:0000 05'CN=I' 06:1100 09c} "},
		{"another role", TEST_HEADER "R{04:0002 05'CN=I' 06:11 09c} "},
		{"no certificate, but a key", TEST_HEADER "R{04:0000 05'CN=I' 06:11 07k} "},
		{"the certificate's hash", TEST_HEADER "R{04:0000 05'CN=I' 06:11 07k 0bh} "},
		{"no issuer", TEST_HEADER "R{04:0000 06:11 09c} "},
		{"no serial number", TEST_HEADER "R{04:0000 05'CN=I' 09c} "},
		{"no serial number, where it should be zero",
		 TEST_START "03{04'CN=T' 05:00 06'CN=I'} " TEST_INFO "S " TEST_END
			    "P | R{04:0000 05'CN=I' 09c} "},
	};
	static const struct row signature[] = {
		{"another certificate", TEST_HEADER "R{04:0000 05'CN=I' 06:11 09C} "},
	};

	(void)state;
	RUN(unlisted, "ctl-signer");
	RUN(signature, "ctl-signature");
}

static void refuse_bytes(const void *data, size_t len)
{
	struct tl *l = NULL;
	struct err e = {0};

	assert_int_equal(tl_parse(&l, span_of(data, len), &e), ERR_REFUSED);
	assert_string_equal(e.id, "ctl-parse");
}

static void test_sizes(void **state)
{
	struct buf big = test_list(LIST, &signer, &other, false);
	const struct buf nothing = {0};

	(void)state;
	refuse_bytes(NULL, nothing.len);
	refuse_bytes(big.data, 9);
	while (big.len <= TL_FILE_MAX)
		buf_put(&big, "\1\0\2\0\x0a\4\0\2\0\2", 10);
	refuse_bytes(big.data, big.len);
	big.len -= big.len % 10 + 20;
	refuse_bytes(big.data, big.len);
	buf_free(&big);
}

static void test_most_records(void **state)
{
	struct buf file = test_list(LIST, &signer, &other, false);
	struct tl *l = NULL;
	struct err e;

	(void)state;
	for (size_t i = 1; i < TL_RECORDS_MAX; i++)
		buf_put(&file, "\1\0\2\0\x0a\4\0\2\0\2", 10);
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	assert_int_equal(l->n, TL_RECORDS_MAX);
	tl_free(l);
	buf_put(&file, "\1\0\2\0\x0a\4\0\2\0\2", 10);
	refuse_bytes(file.data, file.len);
	buf_free(&file);
}

static void test_sha512(void **state)
{
	static const struct row good = {"SHA-512",
					TEST_START TEST_SIGNER "07{08:03 09{0a:00 0b:01}} " REST};

	(void)state;
	run(&good, NULL, true);
	run(&good, "ctl-signature", false);
}

/* An old key of 512 bits, SIGNATUREMODULUS 0, can only go with SHA-1. */
static void test_smallest_modulus(void **state)
{
	static const struct row sha1 = {"512 bits, SHA-1",
					TEST_START TEST_SIGNER "07{08:01 09{0a:00 0b:00}} " REST};
	static const struct row sha512 = {"512 bits, SHA-512",
					  TEST_START TEST_SIGNER "07{08:03 09{0a:00 0b:00}} " REST};
	const struct test_key usual = signer;

	(void)state;
	signer = test_key_rsa(512, "small");
	run(&sha1, NULL, false);
	run(&sha512, "ctl-parse", false);
	test_key_free(&signer);
	signer = usual;
}

/* A list whose second record has this for a certificate. */
static void refuse_certificate(struct span der)
{
	struct buf list = {0}, file;
	struct tl *l = NULL;
	struct err e = {0};

	buf_str(&list, LIST "R{04:0002 09:");
	hex_lower(&list, der, 0);
	buf_str(&list, "}");
	file = test_list(buf_cstr(&list), &signer, &other, false);
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), ERR_REFUSED);
	assert_string_equal(e.id, "ctl-record");
	buf_free(&file);
	buf_free(&list);
}

static void test_certificate_is_exact(void **state)
{
	struct buf der = {0}, longer = {0};

	(void)state;
	cert_der(&der, other.cert);
	buf_u8(&der, 0);
	refuse_certificate(buf_view(&der));
	refuse_certificate(span_of(der.data, der.len - 2));

	/* 30 82 nn nn as 30 83 00 nn nn: BER, not DER. */
	buf_put(&longer, "\x30\x83\0", 3);
	buf_put(&longer, der.data + 2, der.len - 3);
	refuse_certificate(buf_view(&longer));
	buf_free(&longer);
	buf_free(&der);
}

static void test_facts(void **state)
{
	static const char list[] =
		"01:0103 02:0000 1c:0101 03{04'CN=T' 05:11 06'CN=I'} " TEST_INFO "S " TEST_END
		"!0d0d0d0d0d | "
		"R{02'pub' 03'CN=T' 04:0000 05'CN=I' 06:11 07k 08s 09c 0a:0a01010a} R{04:0015 0bH}";
	struct buf file = test_list(list, &signer, &other, false);
	struct tl *l = NULL;
	const struct tl_record *r;
	struct err e;

	(void)state;
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	assert_int_equal(l->version[0], 1);
	assert_int_equal(l->version[1], 3);
	assert_true(l->has_list_version);
	assert_int_equal(l->list_version[1], 1);
	assert_int_equal(l->timestamp, 1600000000);
	assert_int_equal(l->padding, 5);
	assert_int_equal(l->modulus_code, 1);
	assert_memory_equal(l->signer_name.data, "CN=T", l->signer_name.len);
	assert_memory_equal(l->signer_issuer.data, "CN=I", l->signer_issuer.len);
	assert_int_equal(l->n, 2);
	r = &l->records[0];
	assert_ptr_equal(r->raw.data, file.data + l->header_len);
	assert_int_equal(tl_text(r->dns).len, 3);
	assert_int_equal(r->dns.len, 4);
	assert_int_equal(r->signature.len, 128);
	assert_memory_equal(r->ip.data, "\x0a\1\1\x0a", 4);
	assert_non_null(r->cert);
	assert_null(r->hash.data);
	r = &l->records[1];
	assert_ptr_equal(r->raw.data + r->raw.len, file.data + file.len);
	assert_int_equal(r->role, TL_TVS);
	assert_null(r->cert);
	assert_null(r->dns.data);
	assert_int_equal(r->hash.len, 20);
	tl_free(l);
	buf_free(&file);
}

static void test_serial_numbers(void **state)
{
	static const struct {
		struct span a, b;
		bool equal;
	} rows[] = {
		{{(const uint8_t *)"\1\2", 2}, {(const uint8_t *)"\1\2", 2}, true},
		{{(const uint8_t *)"\0\0\1\2", 4}, {(const uint8_t *)"\1\2", 2}, true},
		{{(const uint8_t *)"\1\2", 2}, {(const uint8_t *)"\0\1\2", 3}, true},
		{{(const uint8_t *)"\0", 1}, {(const uint8_t *)"\0\0", 2}, true},
		{{(const uint8_t *)"\1\2", 2}, {(const uint8_t *)"\1\2\0", 3}, false},
		{{(const uint8_t *)"\1\2", 2}, {(const uint8_t *)"\1\3", 2}, false},
		{{(const uint8_t *)"\0", 1}, {(const uint8_t *)"\1", 1}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(tl_serial_eq(rows[i].a, rows[i].b), rows[i].equal);
}

static void test_roles(void **state)
{
	static const struct {
		uint16_t role;
		const char *name, *label;
	} rows[] = {
		{TL_SAST, "sast", "SAST"},
		{TL_CCM, "ccm", "CCM"},
		{TL_CCM_TFTP, "ccm+tftp", "CCM+TFTP"},
		{TL_TFTP, "tftp", "TFTP"},
		{TL_CAPF, "capf", "CAPF"},
		{TL_APP_SERVER, "app-server", "APP-SERVER"},
		{TL_TVS, "tvs", "TVS"},
	};
	char scratch[16];
	uint16_t role;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(tl_role_name(rows[i].role, scratch), rows[i].name);
		assert_string_equal(tl_role_label(rows[i].role, scratch), rows[i].label);
		assert_true(tl_role_parse(&role, rows[i].name));
		assert_int_equal(role, rows[i].role);
	}
	assert_string_equal(tl_role_name(65535, scratch), "65535");
	assert_string_equal(tl_role_label(5, scratch), "5");
	assert_false(tl_role_parse(&role, "CCM"));
	assert_false(tl_role_parse(&role, ""));
}

static int set_up(void **state)
{
	(void)state;
	signer = test_key_load("sast1");
	other = test_key_load("sast2");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_key_free(&signer);
	test_key_free(&other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tolerance),
		cmocka_unit_test(test_header_rules),
		cmocka_unit_test(test_missing_header_tags),
		cmocka_unit_test(test_codes_and_names),
		cmocka_unit_test(test_record_rules),
		cmocka_unit_test(test_signer_matching),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_most_records),
		cmocka_unit_test(test_sha512),
		cmocka_unit_test(test_smallest_modulus),
		cmocka_unit_test(test_certificate_is_exact),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_serial_numbers),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
