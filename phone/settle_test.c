#include "phone/settle.h"
#include "phone/testkit.h"
#include "trustfile/encrypted.h"

#include <stdio.h>
#include <string.h>

#define HASH "0e836369fdcf000f12cee03baa2a8b4a" /* of the vectors' phone */
#define CMS                                                                                        \
	"<devicePool><callManagerGroup><members><member priority='0'><callManager>"                \
	"<processNodeName>10.1.1.10</processNodeName></callManager></member></members>"            \
	"</callManagerGroup></devicePool>"
#define CAPF "<capfList><capf><processNodeName>10.1.1.10</processNodeName></capf></capfList>"
#define FULL(rest) "<device><fullConfig>true</fullConfig>" CMS CAPF rest "</device>"
#define SECRET                                                                                     \
	FULL("<encrConfig>true</encrConfig><certHash>" HASH "</certHash>"                          \
	     "<deviceSecurityMode>3</deviceSecurityMode>")
#define MINIMAL(auth, hash)                                                                        \
	"<device><fullConfig>false</fullConfig><capfAuthMode>" auth "</capfAuthMode>" CAPF         \
	"<certHash>" hash "</certHash><encrConfig>true</encrConfig></device>"
#define OTHER_HASH "00000000000000000000000000000000"

static const char device[] = "SEP001122334455";
static const char plain[] = "SEP001122334455.cnf.xml";
static const char sgn[] = "SEP001122334455.cnf.xml.sgn";
static const char enc[] = "SEP001122334455.cnf.xml.enc.sgn";

/* The phone has booted: its folder is read, its list is in force. */
struct phone {
	struct stored stored;
	struct phone_server server;
	struct settled result;
	struct err e;
};

static void start(struct phone *p, const struct phone_folder *f, const char *list)
{
	*p = (struct phone){0};
	folder_put_list(f, TL_CTL_NAME, list);
	assert_int_equal(stored_load(&p->stored, f->dir, &p->e), 0);
	assert_int_equal(stored_be(&p->stored, device, NULL, 0, &p->e), 0);
}

static void settle(struct phone *p, int want)
{
	p->result = (struct settled){0};
	*p->server.asked = '\0';
	p->e = (struct err){0};
	assert_int_equal(
		settle_update(&p->result, &p->stored, server_fetch, &p->server, NULL, &p->e), want);
}

static void end(struct phone *p)
{
	stored_free(&p->stored);
	server_free(&p->server);
}

static const char mixed[] = "vectors/tlv/ctl-sha512.tlv";
static const char nonsecure[] = "vectors/tlv/ctl-nonsecure.tlv";

static void assert_next(const struct phone *p, const char *word)
{
	assert_string_equal(next_word(p->result.next.step), word);
}

/* ---- what comes in the clear ---- */

static void the_vector_is_taken(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	server_put_vector(&p.server, sgn, "vectors/sgn/SEP001122334455.cnf.xml.sgn");
	settle(&p, 0);
	assert_int_equal(p.result.result, SETTLE_TAKEN);
	assert_int_equal(p.stored.full.config.mode, DEVICE_ENCRYPTED);
	assert_true(folder_has(f, "config.cnf"));
	/* TLS, and nothing to prove with who it is. */
	assert_next(&p, "blocked");
	settle(&p, 0);
	assert_int_equal(p.result.result, SETTLE_UNCHANGED);
	end(&p);

	folder_put_own(f, OWN_MIC, "phone");
	start(&p, f, mixed);
	assert_true(p.stored.full.there);
	server_put_vector(&p.server, sgn, "vectors/sgn/SEP001122334455.cnf.xml.sgn");
	settle(&p, 0);
	assert_next(&p, "register");
	assert_string_equal(p.result.next.server.host, "10.1.1.10");
	assert_int_equal(p.result.next.server.port, 5061);
	end(&p);
}

/* Each of these is refused, and what the phone had stays in use. */
static void bad_signatures_are_refused(void **state)
{
	static const struct {
		const char *vector, *id, *status;
	} bad[] = {
		{"sgn/bad-body.sgn", "sgn-signature", "File auth error"},
		{"sgn/bad-hdr-only.sgn", "sgn-signature", "File auth error"},
		{"sgn/bad-truncated.sgn", "sgn-signature", "File auth error"},
		{"sgn/bad-signer-key.sgn", "sgn-signature", "File auth error"},
		{"sgn/bad-wrong-name.sgn", "sgn-name", "File auth error"},
		{"sgn/SEP001122334455.cnf.xml", "sgn-parse", "File auth error"},
		{"enc/SEP001122334455.cnf.xml.enc.sgn", "sgn-parse", "File auth error"},
		{"tlv/ctl-sha512.tlv", "sgn-name", "File auth error"},
	};
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	server_put_signed(&p.server, sgn, FULL("<versionStamp>good</versionStamp>"));
	settle(&p, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[128];

		print_message("%s\n", bad[i].vector);
		snprintf(path, sizeof(path), "vectors/%s", bad[i].vector);
		server_put_vector(&p.server, sgn, path);
		settle(&p, 3);
		assert_string_equal(p.e.id, bad[i].id);
		assert_string_equal(p.result.status, bad[i].status);
		assert_int_equal(p.result.result, SETTLE_KEPT);
		assert_string_equal(p.stored.full.config.stamp, "good");
		/* It may still register with what it has. */
		assert_next(&p, "register");
	}
	server_put_signed(&p.server, sgn,
			  "<device><deviceSecurityMode>7</deviceSecurityMode></device>");
	settle(&p, 3);
	assert_string_equal(p.e.id, "config-value");
	assert_string_equal(p.result.status, "Configuration not applied");
	assert_string_equal(p.stored.full.config.stamp, "good");
	end(&p);
}

static void a_signer_must_be_listed_as_tftp(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	/* In the list, but as SAST; and not in it at all. */
	start(&p, f, mixed);
	server_put_signed_by(&p.server, sgn, FULL(""), "itlrec");
	settle(&p, 3);
	assert_string_equal(p.e.id, "sgn-signer");
	assert_non_null(strstr(p.e.hint, "SAST"));
	server_put_signed_by(&p.server, sgn, FULL(""), "sast3");
	settle(&p, 3);
	assert_string_equal(p.e.id, "sgn-signer");
	assert_false(p.stored.full.there);
	end(&p);
}

/* CTF-09: no certificate of a TFTP service, no signature; and never from signed to unsigned. */
static void what_is_asked_for_follows_the_list(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, nonsecure);
	server_put(&p.server, plain, FULL(""));
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SEP001122334455.cnf.xml ");
	assert_int_equal(p.result.result, SETTLE_TAKEN);
	assert_next(&p, "register");
	assert_int_equal(p.result.next.server.port, 5060);
	end(&p);

	start(&p, f, mixed);
	server_put(&p.server, plain, FULL("<versionStamp>unsigned</versionStamp>"));
	server_put(&p.server, "XMLDefault.cnf.xml", "<Default/>");
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SEP001122334455.cnf.xml.sgn XMLDefault.cnf.xml.sgn ");
	assert_int_equal(p.result.result, SETTLE_KEPT);
	assert_string_equal(p.result.status, "File Not Found : SEP001122334455.cnf.xml.sgn");
	end(&p);
}

static void a_device_without_a_file_gets_the_default(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	server_put_signed(&p.server, "XMLDefault.cnf.xml.sgn",
			  "<Default><callManagerGroup><members><member priority='0'><callManager>"
			  "<processNodeName>pub</processNodeName></callManager></member></members>"
			  "</callManagerGroup></Default>");
	settle(&p, 0);
	assert_int_equal(p.result.result, SETTLE_DEFAULT);
	assert_string_equal(p.result.asked.name, "XMLDefault.cnf.xml.sgn");
	server_put(&p.server, "XMLDefault.cnf.xml.sgn", "<Default/>");
	settle(&p, 3);
	end(&p);
}

static void a_model_takes_the_digest_it_knows(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	assert_int_equal(stored_be(&p.stored, device, device_model_find("7970"), DEVICE_SIP, &p.e),
			 0);
	assert_int_equal(trust_check_digest(&p.stored, TL_SHA1, &p.e), 0);
	assert_int_equal(trust_check_digest(&p.stored, TL_SHA512, &p.e), 3);
	assert_string_equal(p.e.id, "model-sha512");
	end(&p);
}

/* ---- what is encrypted ---- */

/* ENC-18, ENC-19, ENC-23: from the minimal file to the encrypted one in one boot. */
static void the_minimal_file_leads_to_the_encrypted_one(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	folder_put_own(f, OWN_LSC, "phone");
	start(&p, f, mixed);
	server_put_signed(&p.server, sgn, MINIMAL("0", HASH));
	server_put_encrypted(&p.server, enc, SECRET, "phone", NULL);
	settle(&p, 0);
	assert_string_equal(p.server.asked,
			    "SEP001122334455.cnf.xml.sgn SEP001122334455.cnf.xml.enc.sgn ");
	assert_int_equal(p.result.result, SETTLE_TAKEN);
	assert_true(p.stored.full.there);
	assert_false(p.stored.minimal.there);
	assert_true(folder_has(f, "config.cnf"));
	assert_false(folder_has(f, "minimal.cnf"));
	assert_next(&p, "register");
	end(&p);

	/* ENC-25: it remembers. */
	start(&p, f, mixed);
	server_put_signed(&p.server, sgn, MINIMAL("0", HASH));
	server_put_encrypted(&p.server, enc, SECRET, "phone", NULL);
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SEP001122334455.cnf.xml.enc.sgn ");
	assert_int_equal(p.result.result, SETTLE_UNCHANGED);

	/* TFT-13: encryption is off again. */
	server_remove(&p.server, enc);
	server_put_signed(&p.server, sgn, FULL("<encrConfig>false</encrConfig>"));
	settle(&p, 0);
	assert_string_equal(p.server.asked,
			    "SEP001122334455.cnf.xml.enc.sgn SEP001122334455.cnf.xml.sgn ");
	assert_int_equal(p.result.result, SETTLE_TAKEN);
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SEP001122334455.cnf.xml.sgn ");

	/* The server contradicts itself. */
	server_put_signed(&p.server, sgn, MINIMAL("0", HASH));
	settle(&p, 1);
	assert_string_equal(p.e.id, "enc-missing");
	end(&p);
}

static void the_encrypted_vector_is_taken(void **state)
{
	static const struct {
		const char *vector;
		int rc;
	} vectors[] = {
		{"vectors/enc/SEP001122334455.cnf.xml.enc.sgn", 0},
		{"vectors/enc/sha512.enc.sgn", 0},
		{"vectors/enc/exact16.enc.sgn", 0},
		{"vectors/enc/bad-wrapped-key.enc.sgn", 3},
		{"vectors/enc/bad-inner-digest.enc.sgn", 3},
		{"vectors/enc/bad-padding-17.enc.sgn", 3},
		{"vectors/enc/bad-padding-0.enc.sgn", 3},
		{"vectors/enc/bad-iv-15.enc.sgn", 3},
		{"vectors/enc/bad-ct-length.enc.sgn", 3},
	};
	const struct phone_folder *f = *state;
	struct phone p;

	folder_put_own(f, OWN_MIC, "phone");
	start(&p, f, mixed);
	server_put_vector(&p.server, sgn, "vectors/enc/SEP001122334455.cnf.xml.sgn");
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		print_message("%s\n", vectors[i].vector);
		server_put_vector(&p.server, enc, vectors[i].vector);
		settle(&p, vectors[i].rc);
		assert_true(p.stored.full.there);
	}
	end(&p);
}

/* ENC-14 and what a phone does then: it keeps what it has, and goes to CAPF. */
static void what_does_not_decrypt_is_not_applied(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	folder_put_own(f, OWN_LSC, "phone");
	start(&p, f, mixed);
	server_put_signed(&p.server, sgn, MINIMAL("2", HASH));
	server_put_encrypted(&p.server, enc, SECRET, "capf", NULL);
	settle(&p, 3);
	assert_string_equal(p.e.id, "enc-decrypt");
	assert_false(p.stored.full.there);
	assert_true(p.stored.minimal.there);
	assert_next(&p, "capf");
	assert_int_equal(p.result.next.server.port, 3804);
	end(&p);
}

/* ENC-19, ENC-37: no match, so CAPF, or somebody who types the string in. */
static void without_the_certificate_it_goes_to_capf(void **state)
{
	static const struct {
		const char *own, *minimal, *next, *why;
	} table[] = {
		{NULL, MINIMAL("2", ""), "capf", "knows no certificate"},
		{NULL, MINIMAL("3", HASH), "capf", "does not have"},
		{"phone", MINIMAL("4", OTHER_HASH), "capf", "another certificate"},
		{"phone", MINIMAL("0", ""), "capf", "knows no certificate"},
		{"phone", MINIMAL("1", OTHER_HASH), "type-string", "type"},
		{NULL,
		 "<device><fullConfig>false</fullConfig><encrConfig>true</encrConfig></device>",
		 "blocked", "names no CAPF"},
	};
	const struct phone_folder *f = *state;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct phone p;

		folder_remove(f, "lsc.pem");
		folder_remove(f, "minimal.cnf");
		if (table[i].own)
			folder_put_own(f, OWN_LSC, table[i].own);
		start(&p, f, mixed);
		server_put_signed(&p.server, sgn, table[i].minimal);
		server_put_encrypted(&p.server, enc, SECRET, "phone", NULL);
		settle(&p, 0);
		assert_string_equal(p.server.asked, "SEP001122334455.cnf.xml.sgn ");
		assert_int_equal(p.result.result, SETTLE_MINIMAL);
		assert_next(&p, table[i].next);
		assert_non_null(strstr(p.result.next.why, table[i].why));
		end(&p);
	}
}

/* What an unsigned network says cannot send a phone anywhere. */
static void a_minimal_file_keeps_the_last_good_one(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	server_put_signed(&p.server, sgn, FULL("<versionStamp>good</versionStamp>"));
	settle(&p, 0);
	server_put_signed(&p.server, sgn, MINIMAL("2", OTHER_HASH));
	settle(&p, 0);
	assert_true(p.stored.full.there);
	assert_string_equal(p.stored.full.config.stamp, "good");
	end(&p);
}

static void a_pending_operation_comes_first(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	server_put_signed(&p.server, sgn, FULL("<capfAuthMode>2</capfAuthMode>"));
	settle(&p, 0);
	assert_next(&p, "capf");
	server_put_signed(&p.server, sgn, FULL("<capfAuthMode>1</capfAuthMode>"));
	settle(&p, 0);
	assert_next(&p, "type-string");
	end(&p);
}

/* ---- keys that are typed in ---- */

static const char key_text[] = "000102030405060708090a0b0c0d0e0f\n";
static const uint8_t key_aes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const char sip_cnf[] = "SIP001122334455.cnf.enc.sgn";
static const char sip_text[] = "image_version: \"P0S3\"\nproxy1_address: \"10.1.1.10\"\n"
			       "proxy1_port: 15060\nline1_name: \"1001\"\n";

static void become(struct phone *p, const char *model)
{
	assert_int_equal(stored_be(&p->stored, device, device_model_find(model), DEVICE_SIP, &p->e),
			 0);
}

/* ENC-05, ENC-13, ENC-15, ENC-16. */
static void a_typed_key_asks_for_encrypted_files_only(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	folder_put(f, "config.key", span_of(key_text, strlen(key_text)));
	start(&p, f, mixed);
	become(&p, "7960");
	server_put_encrypted(&p.server, sip_cnf, sip_text, NULL, key_aes);
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SIP001122334455.cnf.enc.sgn ");
	assert_int_equal(p.result.result, SETTLE_TAKEN);
	assert_string_equal(p.stored.full.config.cms[0].host, "10.1.1.10");
	assert_int_equal(p.stored.full.config.cms[0].sip, 15060);
	assert_string_equal(p.stored.full.config.lines[0].name, "1001");
	assert_next(&p, "register");

	/* Switched off at the server, but not at the phone. */
	server_remove(&p.server, sip_cnf);
	server_put_signed(&p.server, "SIP001122334455.cnf.sgn", sip_text);
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SIP001122334455.cnf.enc.sgn ");
	assert_int_equal(p.result.result, SETTLE_KEPT);
	end(&p);

	/* Another key there than here. */
	folder_put(f, "config.key", span_of("0f0e0d0c0b0a09080706050403020100", 32));
	start(&p, f, mixed);
	server_put_encrypted(&p.server, sip_cnf, sip_text, NULL, key_aes);
	settle(&p, 3);
	assert_string_equal(p.e.id, "enc-decrypt");
	end(&p);

	/* Zeros take the key out; these phones do not look at signatures. */
	folder_put(f, "config.key", span_of("00000000000000000000000000000000", 32));
	start(&p, f, mixed);
	server_put_signed(&p.server, "SIP001122334455.cnf.sgn", sip_text);
	settle(&p, 0);
	assert_string_equal(p.server.asked, "SIP001122334455.cnf.sgn ");
	end(&p);
}

static void a_phone_without_the_key_says_so(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, mixed);
	become(&p, "7960");
	server_put_signed(&p.server, "SIP001122334455.cnf.sgn", "image_version: \"P0S3\"\n");
	settle(&p, 0);
	assert_int_equal(p.result.result, SETTLE_MINIMAL);
	assert_next(&p, "type-key");
	end(&p);
}

static void rc4_for_the_two_oldest(void **state)
{
	static const char text[] = "#txt\nUseSIP:1\nProxy:10.1.1.10\nUID:1001\n";
	const struct phone_folder *f = *state;
	char hex[65];
	uint8_t key[ENC_RC4_KEY_LEN];
	struct phone p;

	memset(key, 0x5a, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(hex + 2 * i, 3, "5a");
	folder_put(f, "config.key", span_of(hex, 64));
	start(&p, f, mixed);
	become(&p, "7905");
	p.server.files[0].name = "LD001122334455.x";
	p.server.n = 1;
	assert_int_equal(enc_rc4(&p.server.files[0].bytes, span_of(text, strlen(text)), key, &p.e),
			 0);
	settle(&p, 0);
	assert_string_equal(p.server.asked, "LD001122334455.x ");
	assert_string_equal(p.stored.full.config.cms[0].host, "10.1.1.10");
	server_put(&p.server, "LD001122334455.x", "another key was used for this, obviously");
	settle(&p, 3);
	assert_string_equal(p.e.id, "config-text");
	end(&p);
}

/* ---- credentials ---- */

#define LINES(x) FULL("<sipProfile><sipLines><line>" x "</line></sipLines></sipProfile>")

static void assert_credentials(const struct phone *p, const char *user, const char *password)
{
	assert_true(p->stored.has_digest);
	assert_string_equal(p->stored.digest_user, user);
	if (password)
		assert_string_equal(p->stored.digest_password.text, password);
	else
		assert_null(p->stored.digest_password.text);
}

/* ENC-34. */
static void credentials_outlive_files_without_any(void **state)
{
	const struct phone_folder *f = *state;
	struct phone p;

	start(&p, f, nonsecure);
	server_put(&p.server, plain,
		   LINES("<authName>anna</authName><authPassword>pw</authPassword>"));
	settle(&p, 0);
	assert_credentials(&p, "anna", "pw");
	server_put(&p.server, plain, LINES("<name>1001</name>"));
	settle(&p, 0);
	assert_credentials(&p, "anna", "pw");
	end(&p);

	start(&p, f, nonsecure);
	assert_credentials(&p, "anna", "pw");
	server_put(&p.server, plain, LINES("<authName/><authPassword/>"));
	settle(&p, 0);
	assert_credentials(&p, "", NULL);
	end(&p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_vector_is_taken),
		TEST(bad_signatures_are_refused),
		TEST(a_signer_must_be_listed_as_tftp),
		TEST(what_is_asked_for_follows_the_list),
		TEST(a_device_without_a_file_gets_the_default),
		TEST(a_model_takes_the_digest_it_knows),
		TEST(the_minimal_file_leads_to_the_encrypted_one),
		TEST(the_encrypted_vector_is_taken),
		TEST(what_does_not_decrypt_is_not_applied),
		TEST(without_the_certificate_it_goes_to_capf),
		TEST(a_minimal_file_keeps_the_last_good_one),
		TEST(a_pending_operation_comes_first),
		TEST(a_typed_key_asks_for_encrypted_files_only),
		TEST(a_phone_without_the_key_says_so),
		TEST(rc4_for_the_two_oldest),
		TEST(credentials_outlive_files_without_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
