#include "common/json.h"
#include "server/provider/json_take.h"
#include "server/provider/phone_advice.h"
#include "server/provider/phone_json.h"
#include "server/provider/profile_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *read_json(const char *text)
{
	json_t *doc = NULL;
	struct err e;

	if (json_read(&doc, span_of(text, strlen(text)), &e))
		fail_msg("%s: %s", text, e.what);
	return doc;
}

static void test_phone_members(void **state)
{
	static const struct {
		const char *doc, *id; /* NULL: taken */
	} cases[] = {
		{"{}", NULL},
		{"{\"name\": \"00:11:22:33:44:55\"}", NULL},
		{"{\"name\": 5}", "bad-request"},
		{"{\"name\": \"a b\"}", "device-name"},
		{"{\"nmae\": \"x\"}", "bad-request"},
		{"[]", "bad-request"},
		{"{\"protocol\": \"SIP\"}", NULL},
		{"{\"protocol\": \"mgcp\"}", "bad-request"},
		{"{\"description\": null}", NULL},
		{"{\"lines\": \"1001\"}", "bad-request"},
		{"{\"lines\": [\"1001\", {\"dn\": \"1002\"}]}", NULL},
		{"{\"lines\": [{\"number\": \"1002\"}]}", "bad-request"},
		{"{\"lines\": [5]}", "bad-request"},
		{"{\"parameters\": {\"garp\": \"disabled\"}}", NULL},
		{"{\"parameters\": {\"Garp\": \"1\"}}", "parameter"},
		{"{\"parameters\": {\"garp\": 1}}", "bad-request"},
		{"{\"parameters\": {\"garp\": \"3\"}}", "parameter-value"},
		{"{\"parameters\": {\"phonePassword\": \"\"}}", "parameter-value"},
		{"{\"key_size\": \"1024\"}", "bad-request"},
		{"{\"auth_mode\": \"none\"}", "bad-request"},
		{"{\"auth_string\": 12345}", "bad-request"},
		{"{\"key\": [\"00\"]}", "bad-request"},
		{"{\"lsc\": 1.5}", "bad-request"},
		{"{\"digest_password\": 1}", "bad-request"},
		{"{\"key\": true, \"lsc\": {\"sha256\": \"x\"}, \"seen\": null}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_phone p = {0};
		struct phone_extras x;
		json_t *doc = read_json(cases[i].doc);
		struct err e;
		const int rc = phone_take(&p, &x, doc, &e);

		if ((rc == 0) != !cases[i].id || (rc && strcmp(e.id, cases[i].id) != 0))
			fail_msg("%s: %s", cases[i].doc, rc ? e.what : "taken");
		store_phone_free(&p);
		json_decref(doc);
	}
}

/* A number without a word has no name that anybody could give. */
static void test_words(void **state)
{
	static const char *const words[] = {"zero", "one", "", "three"};
	static const struct {
		const char *doc;
		unsigned value; /* 0: refused */
	} cases[] = {
		{"{\"w\": \"one\"}", 1}, {"{\"w\": \"THREE\"}", 3},
		{"{\"w\": \"\"}", 0},    {"{\"w\": \"zero\"}", 0},
		{"{\"w\": \"two\"}", 0}, {"{\"w\": 1}", 0},
		{"{\"w\": null}", 0},    {"{}", 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = read_json(cases[i].doc);
		struct err e = {0};
		struct json_take t = {.doc = doc, .e = &e};
		unsigned value = 7;

		take_word(&t, "w", words, sizeof(words) / sizeof(words[0]), &value);
		if (take_end(&t) ? cases[i].value != 0 : value != cases[i].value)
			fail_msg("%s: %u, %s", cases[i].doc, value, e.what);
		if (take_end(&t))
			assert_string_equal(e.what, "the member \"w\" is none of one, three");
		json_decref(doc);
	}
}

/* What is not said stays; null takes away; what stands for a secret changes nothing. */
static void test_merge(void **state)
{
	struct store_phone p = {.protocol = DEVICE_SIP, .description = "old", .owner = "anna"};
	json_t *doc = read_json("{\"description\": \"new\", \"template\": null, \"auth_string\": "
				"true, \"key\": null, \"mic\": \"PEM\"}");
	struct phone_extras x;
	struct err e;

	(void)state;
	strcpy(p.template_name, "lobby");
	assert_int_equal(phone_take(&p, &x, doc, &e), 0);
	assert_string_equal(p.description, "new");
	assert_string_equal(p.owner, "anna");
	assert_string_equal(p.template_name, "");
	assert_false(x.has_auth_string);
	assert_true(x.has_key);
	assert_null(x.key);
	assert_true(x.has_mic);
	assert_string_equal(x.mic, "PEM");
	assert_false(x.has_lsc);
	assert_true(phone_extras_any(&x));
	json_decref(doc);
	store_phone_free(&p);
}

/* A secure SIP profile is TLS, without saying so; back again it is not. */
static void test_profile_transport(void **state)
{
	static const struct {
		const char *doc;
		enum device_transport want;
	} steps[] = {
		{"{\"device_security_mode\": \"encrypted\"}", DEVICE_TLS},
		{"{\"key_size\": 2048}", DEVICE_TLS},
		{"{\"device_security_mode\": \"nonsecure\"}", DEVICE_TCP_UDP},
		{"{\"transport\": \"udp\"}", DEVICE_UDP},
		{"{\"description\": \"x\"}", DEVICE_UDP},
	};
	struct store_profile p;
	struct err e;

	(void)state;
	store_profile_init(&p, DEVICE_SIP);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		json_t *doc = read_json(steps[i].doc);

		assert_int_equal(profile_take(&p, doc, &e), 0);
		assert_int_equal(p.transport, steps[i].want);
		json_decref(doc);
	}
}

/* PSP-04, PSP-13, PSP-14: each protocol shows its own fields. */
static void test_profile_fields(void **state)
{
	static const char *const sip_only[] = {"nonce_validity", "transport",
					       "digest_authentication",
					       "exclude_digest_credentials", "sip_phone_port"};
	static const char *const both[] = {
		"name",      "description", "device_security_mode", "tftp_encrypted_config",
		"auth_mode", "key_size"};
	struct store_profile p;

	(void)state;
	for (int protocol = DEVICE_SCCP; protocol <= DEVICE_SIP; protocol++) {
		json_t *doc;

		store_profile_init(&p, (enum device_protocol)protocol);
		doc = profile_json(&p);
		for (size_t i = 0; i < sizeof(sip_only) / sizeof(sip_only[0]); i++)
			assert_int_equal(json_object_get(doc, sip_only[i]) != NULL,
					 protocol == DEVICE_SIP);
		for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
			assert_non_null(json_object_get(doc, both[i]));
		json_decref(doc);
	}
}

static void count_sentence(const char *sentence, void *arg)
{
	char *all = arg;

	strcat(all, sentence);
	strcat(all, "\n");
}

static void test_advice(void **state)
{
	static const struct {
		const char *model;
		enum device_protocol protocol;
		struct store_profile profile;
		const char *user;
		bool lsc, key;
		const char *want; /* a part of the only sentence; NULL: none */
	} cases[] = {
		{"7970", DEVICE_SCCP, {.mode = DEVICE_NONSECURE}, "", false, false, NULL},
		{"7970", DEVICE_SCCP, {.mode = DEVICE_ENCRYPTED}, "", false, false, NULL},
		{"7960",
		 DEVICE_SCCP,
		 {.mode = DEVICE_ENCRYPTED, .auth_mode = DEVICE_AUTH_STRING},
		 "",
		 false,
		 false,
		 "does not ask CAPF"},
		{"7960",
		 DEVICE_SCCP,
		 {.mode = DEVICE_ENCRYPTED, .auth_mode = DEVICE_AUTH_NULL},
		 "",
		 false,
		 false,
		 "no certificate yet"},
		{"7960", DEVICE_SCCP, {.mode = DEVICE_ENCRYPTED}, "", true, false, NULL},
		{"8841",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .digest = true},
		 "",
		 false,
		 false,
		 "no digest user"},
		{"8841",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .digest = true},
		 "anna",
		 false,
		 false,
		 "clear text"},
		{"7960",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .digest = true},
		 "anna",
		 false,
		 false,
		 "typed in"},
		{"8841",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .digest = true, .exclude_digest = true},
		 "anna",
		 false,
		 false,
		 "keeps digest credentials out"},
		{"8841",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .digest = true, .encrypted_config = true},
		 "anna",
		 true,
		 false,
		 NULL},
		{"8841",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .encrypted_config = true},
		 "",
		 false,
		 false,
		 "no certificate of the phone"},
		{"7960",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .encrypted_config = true},
		 "",
		 false,
		 false,
		 "no key is set"},
		{"7960",
		 DEVICE_SIP,
		 {.mode = DEVICE_NONSECURE, .encrypted_config = true},
		 "",
		 false,
		 true,
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_phone p = {.protocol = cases[i].protocol, .has_key = cases[i].key};
		char said[2000] = "";

		snprintf(p.model, sizeof(p.model), "%s", cases[i].model);
		snprintf(p.digest_user, sizeof(p.digest_user), "%s", cases[i].user);
		if (cases[i].lsc)
			buf_str(&p.lsc, "x");
		phone_advise(&p, &cases[i].profile, count_sentence, said);
		if (!cases[i].want != !*said ||
		    (cases[i].want && (!strstr(said, cases[i].want) ||
				       strchr(said, '\n') != said + strlen(said) - 1)))
			fail_msg("case %zu: %s", i, said);
		store_phone_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phone_members),  cmocka_unit_test(test_words),
		cmocka_unit_test(test_merge),          cmocka_unit_test(test_profile_transport),
		cmocka_unit_test(test_profile_fields), cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
