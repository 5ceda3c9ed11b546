#include "server/device/files.h"
#include "server/device/harden.h"
#include "server/device/security.h"
#include "server/device/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- effective mode ---- */

static void test_effect(void **state)
{
	static const struct {
		const char *model;
		enum device_protocol protocol;
		struct device_wish wish;
		bool mixed;
		struct device_effect want;
	} cases[] = {
		/* A non-secure cluster makes everything non-secure. */
		{"7970",
		 DEVICE_SCCP,
		 {DEVICE_ENCRYPTED, DEVICE_TCP, true},
		 false,
		 {DEVICE_NONSECURE, DEVICE_TCP, false}},
		{"7970",
		 DEVICE_SIP,
		 {DEVICE_ENCRYPTED, DEVICE_TLS, true},
		 false,
		 {DEVICE_NONSECURE, DEVICE_TCP, false}},
		{"7970",
		 DEVICE_SIP,
		 {DEVICE_AUTHENTICATED, DEVICE_TLS, false},
		 false,
		 {DEVICE_NONSECURE, DEVICE_TCP, false}},
		/* In a mixed one the profile counts. */
		{"7970",
		 DEVICE_SCCP,
		 {DEVICE_NONSECURE, DEVICE_TCP, false},
		 true,
		 {DEVICE_NONSECURE, DEVICE_TCP, false}},
		{"7970",
		 DEVICE_SCCP,
		 {DEVICE_AUTHENTICATED, DEVICE_TCP, false},
		 true,
		 {DEVICE_AUTHENTICATED, DEVICE_TLS, false}},
		{"7970",
		 DEVICE_SCCP,
		 {DEVICE_ENCRYPTED, DEVICE_TCP, true},
		 true,
		 {DEVICE_ENCRYPTED, DEVICE_TLS, true}},
		{"7970",
		 DEVICE_SIP,
		 {DEVICE_ENCRYPTED, DEVICE_UDP, false},
		 true,
		 {DEVICE_ENCRYPTED, DEVICE_TLS, false}},
		/* Files can be encrypted for a phone that is not secure otherwise. */
		{"7970",
		 DEVICE_SIP,
		 {DEVICE_NONSECURE, DEVICE_UDP, true},
		 true,
		 {DEVICE_NONSECURE, DEVICE_UDP, true}},
		{"8841",
		 DEVICE_SIP,
		 {DEVICE_NONSECURE, DEVICE_TCP_UDP, false},
		 true,
		 {DEVICE_NONSECURE, DEVICE_TCP_UDP, false}},
		/* Never more than the model can. */
		{"7940",
		 DEVICE_SCCP,
		 {DEVICE_ENCRYPTED, DEVICE_TCP, true},
		 true,
		 {DEVICE_ENCRYPTED, DEVICE_TLS, false}},
		{"7940",
		 DEVICE_SIP,
		 {DEVICE_ENCRYPTED, DEVICE_TCP, true},
		 true,
		 {DEVICE_ENCRYPTED, DEVICE_TLS, true}},
		{"7905",
		 DEVICE_SIP,
		 {DEVICE_ENCRYPTED, DEVICE_TCP, true},
		 true,
		 {DEVICE_NONSECURE, DEVICE_UDP, true}},
		{"7910",
		 DEVICE_SCCP,
		 {DEVICE_ENCRYPTED, DEVICE_TCP, true},
		 true,
		 {DEVICE_NONSECURE, DEVICE_TCP, false}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct device_effect got =
			device_effect(device_model_find(cases[i].model), cases[i].protocol,
				      &cases[i].wish, cases[i].mixed);

		if (got.mode != cases[i].want.mode || got.transport != cases[i].want.transport ||
		    got.encrypted_config != cases[i].want.encrypted_config)
			fail_msg("case %zu: mode %d transport %d encrypted %d", i, (int)got.mode,
				 (int)got.transport, (int)got.encrypted_config);
	}
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{"SEP001122AABBCC", "SEP001122AABBCC"},
		{"sep001122aabbcc", "SEP001122AABBCC"},
		{"001122aabbcc", "SEP001122AABBCC"},
		{"00:11:22:aa:bb:cc", "SEP001122AABBCC"},
		{"00-11-22-AA-BB-CC", "SEP001122AABBCC"},
		{"0011.22aa.bbcc", "SEP001122AABBCC"},
		{"ata001122aabbcc", "ATA001122AABBCC"},
		{"CSFjdoe", "CSFjdoe"},
		{"a.b_c-d", "a.b_c-d"},
		{"00:11:22:aa:bb", NULL},
		{"00:11-22:aa:bb:cc", NULL},
		{"00:11:22:aa:bb:cc:", NULL},
		{"0:11:22:aa:bb:cc:d", NULL},
		{"SEP001122AABBCCD", NULL},
		{"", NULL},
		{"a b", NULL},
		{"../../passwd", NULL},
		{"n\xc3\xa4me", NULL},
	};
	char out[DEVICE_NAME_MAX];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int rc = device_name_parse(out, cases[i].text, &e);

		if (!cases[i].want != (rc == ERR_USAGE))
			fail_msg("%s: %d", cases[i].text, rc);
		if (!rc)
			assert_string_equal(out, cases[i].want);
	}
	assert_string_equal(device_name_mac("SEP001122AABBCC"), "001122AABBCC");
	assert_null(device_name_mac("SEP001122AABBC"));
	assert_null(device_name_mac("SEP001122AABBCG"));
	assert_null(device_name_mac("1EP001122AABBCC"));
}

static void test_files(void **state)
{
	static const struct {
		const char *model;
		enum device_protocol protocol;
		const char *plain, *encrypted, *alias; /* of the encrypted one */
	} cases[] = {
		{"7970", DEVICE_SCCP, "SEP001122334455.cnf.xml", "SEP001122334455.cnf.xml.enc.sgn",
		 NULL},
		{"7970", DEVICE_SIP, "SEP001122334455.cnf.xml", "SEP001122334455.cnf.xml.enc.sgn",
		 "SIP001122334455.cnf.xml.enc.sgn"},
		{"7906", DEVICE_SIP, "SEP001122334455.cnf.xml", "SEP001122334455.cnf.xml.enc.sgn",
		 "SIP001122334455.cnf.xml.enc.sgn"},
		{"8841", DEVICE_SIP, "SEP001122334455.cnf.xml", "SEP001122334455.cnf.xml.enc.sgn",
		 NULL},
		{"7960", DEVICE_SIP, "SIP001122334455.cnf", "SIP001122334455.cnf.enc.sgn", NULL},
		{"7960", DEVICE_SCCP, "SEP001122334455.cnf.xml", NULL, NULL},
		{"7912", DEVICE_SIP, "LD001122334455", "LD001122334455.x", NULL},
		{"third-party", DEVICE_SIP, NULL, NULL, NULL},
		{"8841", DEVICE_SCCP, NULL, NULL, NULL},
	};
	char out[DEVICE_FILE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct device_model *m = device_model_find(cases[i].model);
		const struct {
			enum device_file_form file;
			unsigned n;
			const char *want;
		} asked[] = {{DEVICE_FILE_PLAIN, 0, cases[i].plain},
			     {DEVICE_FILE_ENCRYPTED, 0, cases[i].encrypted},
			     {DEVICE_FILE_ENCRYPTED, 1, cases[i].alias},
			     {DEVICE_FILE_ENCRYPTED, 2, NULL}};

		for (size_t k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
			const bool there =
				device_file_name(out, m, cases[i].protocol, "SEP001122334455",
						 asked[k].file, asked[k].n);

			if (there != (asked[k].want != NULL))
				fail_msg("%s %zu: %d", cases[i].model, k, (int)there);
			if (there)
				assert_string_equal(out, asked[k].want);
		}
	}
	assert_true(device_file_name(out, device_model_find("softphone"), DEVICE_SIP, "CSFjdoe",
				     DEVICE_FILE_PLAIN, 0));
	assert_string_equal(out, "CSFjdoe.cnf.xml");
}

/* ---- models ---- */

static void test_models(void **state)
{
	static const char *const same[] = {"7970", "CP-7970", "Cisco 7970", "cisco 7970g", "7970G"};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(device_model_find(same[i])->name, "7970");
	assert_string_equal(device_model_find("7941G-GE")->name, "7941G-GE");
	assert_null(device_model_find("7999"));
	assert_null(device_model_find(""));
	for (size_t i = 0; device_model_at(i); i++) {
		const struct device_model *m = device_model_at(i);

		assert_ptr_equal(device_model_find(m->name), m);
		assert_true(m->sccp.there || m->sip.there);
		assert_true(m->sccp.cipher == DEVICE_CIPHER_NONE ||
			    m->sccp.cipher == DEVICE_CIPHER_PUBKEY);
	}
}

/* ENC-04 to ENC-07, CAL-15, CAL-16. */
static void test_abilities(void **state)
{
	static const struct {
		const char *models;
		enum device_protocol protocol;
		enum device_cipher cipher;
		enum device_mode most;
		bool srtp, verifies;
	} cases[] = {
		{"7905 7912", DEVICE_SIP, DEVICE_CIPHER_RC4, DEVICE_NONSECURE, false, false},
		{"7940 7960", DEVICE_SIP, DEVICE_CIPHER_AES, DEVICE_ENCRYPTED, false, false},
		{"7906 7911 7941 7961 7970 7971", DEVICE_SIP, DEVICE_CIPHER_PUBKEY,
		 DEVICE_ENCRYPTED, true, true},
		{"7906 7911 7941 7961 7970 7971", DEVICE_SCCP, DEVICE_CIPHER_PUBKEY,
		 DEVICE_ENCRYPTED, true, true},
		{"7940 7960", DEVICE_SCCP, DEVICE_CIPHER_NONE, DEVICE_ENCRYPTED, true, true},
		{"7905 7912", DEVICE_SCCP, DEVICE_CIPHER_NONE, DEVICE_NONSECURE, false, false},
	};
	char list[64], *save;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(list, cases[i].models);
		for (char *m = strtok_r(list, " ", &save); m; m = strtok_r(NULL, " ", &save)) {
			const struct device_ability *a =
				device_ability(device_model_find(m), cases[i].protocol);

			assert_true(a->there);
			assert_int_equal(a->cipher, cases[i].cipher);
			assert_int_equal(a->most, cases[i].most);
			assert_int_equal(a->srtp, cases[i].srtp);
			assert_int_equal(a->verifies, cases[i].verifies);
		}
	}
	assert_int_equal(device_key_len(DEVICE_CIPHER_AES), 16);
	assert_int_equal(device_key_len(DEVICE_CIPHER_RC4), 32);
	assert_int_equal(device_key_len(DEVICE_CIPHER_PUBKEY), 0);
}

static void test_words(void **state)
{
	enum device_auth a = DEVICE_AUTH_STRING;
	enum device_protocol p = DEVICE_SCCP;

	(void)state;
	assert_true(device_auth_of(&a, "MIC"));
	assert_int_equal(a, DEVICE_AUTH_MIC);
	assert_false(device_auth_of(&a, ""));
	assert_false(device_auth_of(&a, "digest"));
	assert_int_equal(a, DEVICE_AUTH_MIC);
	assert_true(device_protocol_of(&p, "sip"));
	assert_int_equal(p, DEVICE_SIP);
	assert_string_equal(device_mode_word((enum device_mode)9), "");
}

/* ---- hardening ---- */

/* HRD-11 to HRD-19: every parameter by its own polarity. */
static void test_polarity(void **state)
{
	static const struct {
		const char *name, *normal, *hardened, *hardened_word;
	} cases[] = {
		{"disableSpeaker", "false", "true", "speaker-off"},
		{"disableSpeakerAndHeadset", "false", "true", "both-off"},
		{"forwardingDelay", "1", "1", "enabled"},
		{"garp", "0", "1", "disabled"},
		{"pcPort", "0", "1", "disabled"},
		{"spanToPCPort", "0", "1", "disabled"},
		{"voiceVlanAccess", "0", "1", "disabled"},
		{"webAccess", "0", "1", "disabled"},
		{"settingsAccess", "1", "2", "restricted"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct harden_param *p = harden_find(cases[i].name);

		assert_non_null(p);
		assert_string_equal(p->normal, cases[i].normal);
		assert_string_equal(p->hardened, cases[i].hardened);
		assert_string_equal(harden_word(p, p->hardened), cases[i].hardened_word);
	}
}

static void test_values(void **state)
{
	static const struct {
		const char *name, *value, *want; /* NULL: refused */
	} cases[] = {
		{"settingsAccess", "disabled", "0"},
		{"garp", "disabled", "1"},
		{"garp", "1", "1"},
		{"garp", "2", NULL},
		{"webAccess", "read-only", "2"},
		{"disableSpeaker", "TRUE", "true"},
		{"disableSpeaker", "1", NULL},
		{"phonePassword", "**#<&>", "**#<&>"},
		{"phonePassword", "a\nb", NULL},
		{"vendorConfig/anything", "x", "x"},
	};
	char out[HARDEN_VALUE_MAX], longest[HARDEN_VALUE_MAX + 1];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int rc = harden_value(out, cases[i].name, cases[i].value, &e);

		if (!cases[i].want != (rc == ERR_USAGE))
			fail_msg("%s=%s: %d", cases[i].name, cases[i].value, rc);
		if (!rc)
			assert_string_equal(out, cases[i].want);
	}
	memset(longest, 'x', sizeof(longest));
	longest[HARDEN_VALUE_MAX] = '\0';
	assert_int_equal(harden_value(out, "phonePassword", longest, &e), ERR_USAGE);
}

static void test_parameter_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{"garp", true},
		{"Garp", false},
		{"", false},
		{"vendorConfig/ehookEnable", true},
		{"vendorConfig/", false},
		{"vendorConfig/garp", false},
		{"vendorConfig/a b", false},
		{"vendorConfig/<x>", false},
		{"vendorConfig/1x", false},
		{"deviceSecurityMode", false},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((harden_check_name(cases[i].name, &e) == 0) != cases[i].good)
			fail_msg("%s", cases[i].name);
	assert_int_equal(harden_check_name("Garp", &e), ERR_USAGE);
	assert_non_null(strstr(e.hint, "garp"));
	assert_true(harden_applies(harden_find("webAdmin"), "8821"));
	assert_false(harden_applies(harden_find("webAdmin"), "882"));
	assert_false(harden_applies(harden_find("webAdmin"), "7970"));
	assert_true(harden_applies(harden_find("garp"), "7970"));
}

/* What the table says must agree with itself. */
static void test_table(void **state)
{
	char out[HARDEN_VALUE_MAX];
	struct err e;

	(void)state;
	for (size_t i = 0; harden_at(i); i++) {
		const struct harden_param *p = harden_at(i);

		assert_ptr_equal(harden_find(p->name), p);
		if (p->normal)
			assert_int_equal(harden_value(out, p->name, p->normal, &e), 0);
		if (p->hardened)
			assert_int_equal(harden_value(out, p->name, p->hardened, &e), 0);
		assert_false(p->secret && p->values[0].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_effect),          cmocka_unit_test(test_names),
		cmocka_unit_test(test_files),           cmocka_unit_test(test_models),
		cmocka_unit_test(test_abilities),       cmocka_unit_test(test_words),
		cmocka_unit_test(test_polarity),        cmocka_unit_test(test_values),
		cmocka_unit_test(test_parameter_names), cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
