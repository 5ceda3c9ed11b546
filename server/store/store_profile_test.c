#include "server/store/phone_testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- profiles ---- */

static void test_predefined_profiles(void **state)
{
	struct fixture *f = *state;
	struct store_profile *list, p;
	size_t n;
	bool found;

	OK(store_profiles(f->s, false, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, STORE_PROFILE_SCCP);
	assert_string_equal(list[1].name, STORE_PROFILE_SIP);
	for (size_t i = 0; i < n; i++) {
		assert_true(list[i].predefined);
		assert_int_equal(list[i].mode, DEVICE_NONSECURE);
		assert_int_equal(list[i].key_size, 1024);
		assert_int_equal(list[i].nonce_seconds, 600);
		assert_int_equal(list[i].sip_port, 5060);
		assert_false(list[i].encrypted_config);
		assert_int_equal(store_profile_check(&list[i], &f->e), 0);
		p = list[i];
		p.mode = DEVICE_ENCRYPTED;
		p.transport = DEVICE_TLS;
		REFUSED(store_profile_put(f->s, list[i].name, &p, 0, &f->e), ERR_REFUSED,
			"profile-predefined");
		REFUSED(store_profile_remove(f->s, list[i].name, 0, &f->e), ERR_REFUSED,
			"profile-predefined");
	}
	free(list);
	OK(store_profile_get(f->s, "standard sip NON-secure", &p, &found, &f->e));
	assert_true(found);
}

static void test_profile_rules(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *why;
		enum device_protocol protocol;
		struct store_profile p; /* what differs from the defaults; -1: as it is */
		bool good;
	} cases[] = {
		{"defaults", DEVICE_SCCP, {.name = "x"}, true},
		{"defaults", DEVICE_SIP, {.name = "x"}, true},
		{"no name", DEVICE_SIP, {.name = ""}, false},
		{"blank behind", DEVICE_SIP, {.name = "x "}, false},
		{"control character", DEVICE_SIP, {.name = "x\ny"}, false},
		{"slash", DEVICE_SIP, {.name = "x/y"}, false},
		{"not UTF-8", DEVICE_SIP, {.name = "x\xff"}, false},
		{"key size", DEVICE_SIP, {.name = "x", .key_size = 4096}, false},
		{"key size", DEVICE_SIP, {.name = "x", .key_size = 512}, true},
		{"nonce", DEVICE_SIP, {.name = "x", .nonce_seconds = -5}, false},
		{"port", DEVICE_SIP, {.name = "x", .sip_port = 65536}, false},
		{"UDP", DEVICE_SIP, {.name = "x", .transport = DEVICE_UDP}, true},
		{"TLS without a mode", DEVICE_SIP, {.name = "x", .transport = DEVICE_TLS}, false},
		{"mode without TLS",
		 DEVICE_SIP,
		 {.name = "x", .mode = DEVICE_ENCRYPTED, .transport = DEVICE_TCP},
		 false},
		{"mode with TLS",
		 DEVICE_SIP,
		 {.name = "x", .mode = DEVICE_ENCRYPTED, .transport = DEVICE_TLS},
		 true},
		{"digest with SCCP", DEVICE_SCCP, {.name = "x", .digest = true}, false},
		{"exclusion with SCCP", DEVICE_SCCP, {.name = "x", .exclude_digest = true}, false},
		{"port with SCCP", DEVICE_SCCP, {.name = "x", .sip_port = 5070}, false},
		{"unknown model", DEVICE_SCCP, {.name = "x", .model = "7999"}, false},
		{"model without SCCP", DEVICE_SCCP, {.name = "x", .model = "8841"}, false},
		{"model without modes",
		 DEVICE_SCCP,
		 {.name = "x", .model = "7910", .mode = DEVICE_ENCRYPTED},
		 false},
		{"7960 with SCCP has no secrets",
		 DEVICE_SCCP,
		 {.name = "x", .model = "7960", .encrypted_config = true},
		 false},
		{"7960 with SIP",
		 DEVICE_SIP,
		 {.name = "x", .model = "7960", .encrypted_config = true},
		 true},
	};
	struct store_profile p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct store_profile *c = &cases[i].p;

		store_profile_init(&p, cases[i].protocol);
		memcpy(p.name, c->name, sizeof(p.name));
		memcpy(p.model, c->model, sizeof(p.model));
		p.mode = c->mode ? c->mode : p.mode;
		p.transport = c->transport ? c->transport : p.transport;
		p.key_size = c->key_size ? c->key_size : p.key_size;
		p.nonce_seconds = c->nonce_seconds ? c->nonce_seconds : p.nonce_seconds;
		p.sip_port = c->sip_port ? c->sip_port : p.sip_port;
		p.digest = c->digest;
		p.exclude_digest = c->exclude_digest;
		p.encrypted_config = c->encrypted_config;
		if ((store_profile_check(&p, &f->e) == 0) != cases[i].good)
			fail_msg("%s: %s", cases[i].why, f->e.what);
	}
}

static void test_profile_changes(void **state)
{
	struct fixture *f = *state;
	struct store_profile p, other, *list;
	struct store_phone phone_there;
	bool found;
	size_t n;

	add_profile(f, "7970 SCCP Encrypted", DEVICE_SCCP, DEVICE_ENCRYPTED);
	add_profile(f, "Other", DEVICE_SCCP, DEVICE_NONSECURE);
	add_phone(f, "SEP001122334455", "7970", DEVICE_SCCP, "7970 sccp encrypted");
	store_profile_init(&p, DEVICE_SCCP);
	strcpy(p.name, "OTHER");
	REFUSED(store_profile_add(f->s, &p, &f->e), ERR_CONFLICT, "profile-exists");

	/* A renamed profile keeps its phones. */
	OK(store_profile_get(f->s, "7970 SCCP Encrypted", &p, &found, &f->e));
	assert_int_equal(p.phones, 1);
	for (int count = 0; count < 2; count++) {
		OK(store_profiles(f->s, count, &list, &n, &f->e));
		assert_int_equal(n, 4);
		assert_string_equal(list[2].name, "7970 SCCP Encrypted");
		assert_int_equal(list[2].phones, count);
		assert_int_equal(list[3].phones, 0);
		free(list);
	}
	strcpy(p.name, "New name");
	REFUSED(store_profile_put(f->s, "7970 SCCP Encrypted", &p, p.version + 1, &f->e),
		ERR_CONFLICT, "stale-version");
	OK(store_profile_put(f->s, "7970 SCCP Encrypted", &p, p.version, &f->e));
	OK(store_phone_get(f->s, "SEP001122334455", &phone_there, &found, &f->e));
	assert_string_equal(phone_there.profile, "New name");
	store_phone_free(&phone_there);
	strcpy(p.name, "Other");
	REFUSED(store_profile_put(f->s, "New name", &p, 0, &f->e), ERR_CONFLICT, "profile-exists");

	/* What is in use stays what its phones can be. */
	REFUSED(store_profile_remove(f->s, "New name", 0, &f->e), ERR_REFUSED, "profile-in-use");
	assert_non_null(strstr(f->e.what, "SEP001122334455"));
	store_profile_init(&other, DEVICE_SIP);
	strcpy(other.name, "New name");
	REFUSED(store_profile_put(f->s, "New name", &other, 0, &f->e), ERR_REFUSED,
		"profile-in-use");
	store_profile_init(&other, DEVICE_SCCP);
	strcpy(other.name, "New name");
	strcpy(other.model, "7975");
	REFUSED(store_profile_put(f->s, "New name", &other, 0, &f->e), ERR_REFUSED,
		"profile-in-use");
	strcpy(other.model, "CP-7970G");
	OK(store_profile_put(f->s, "New name", &other, 0, &f->e));
	assert_string_equal(other.model, "7970");
	OK(store_phone_remove(f->s, "SEP001122334455", 0, &f->e));
	OK(store_profile_remove(f->s, "New name", 0, &f->e));
	REFUSED(store_profile_remove(f->s, "New name", 0, &f->e), ERR_FAILED, "no-profile");
}

/* ---- templates ---- */

static void test_templates(void **state)
{
	struct fixture *f = *state;
	struct store_value garp = {.name = "garp", .value = "1"};
	struct store_value web = {.name = "webAccess", .value = "1"};
	struct store_value own = {.name = "webAccess", .value = "0"};
	struct store_value pin = {.name = "phonePassword", .value = "4711", .secret = true};
	struct store_template t = {.name = "Lobby"};
	struct store_phone p = phone("SEP000000000001", "7970", DEVICE_SCCP);
	struct store_device d;
	int64_t before;
	bool found;

	OK(store_values_set(&t.values, &garp, &f->e));
	OK(store_values_set(&t.values, &web, &f->e));
	OK(store_values_set(&t.values, &pin, &f->e));
	OK(store_template_add(f->s, &t, &f->e));
	REFUSED(store_template_add(f->s, &t, &f->e), ERR_CONFLICT, "template-exists");
	strcpy(p.template_name, "lobby");
	OK(store_values_set(&p.values, &own, &f->e));
	OK(store_phone_add(f->s, &p, &f->e));
	store_phone_free(&p);
	REFUSED(store_template_remove(f->s, "Lobby", 0, &f->e), ERR_REFUSED, "template-in-use");

	/* The phone's own parameters win; secrets are there. */
	OK(store_device_get(f->s, "SEP000000000001", &d, &found, &f->e));
	assert_true(found);
	assert_int_equal(d.values.n, 3);
	assert_string_equal(store_values_find(&d.values, "webAccess")->value, "0");
	assert_string_equal(store_values_find(&d.values, "garp")->value, "1");
	assert_string_equal(store_values_find(&d.values, "phonePassword")->value, "4711");
	before = d.stamp;
	store_device_free(&d);

	/* A change of the template is one of its phones' files. */
	store_values_remove(&t.values, "garp");
	OK(store_template_put(f->s, "Lobby", &t, t.version, &f->e));
	OK(store_device_get(f->s, "SEP000000000001", &d, &found, &f->e));
	assert_true(d.stamp > before);
	assert_int_equal(d.values.n, 2);
	store_device_free(&d);
	store_template_free(&t);
	OK(store_phone_remove(f->s, "SEP000000000001", 0, &f->e));
	OK(store_template_remove(f->s, "Lobby", 0, &f->e));
}

/* ---- digest users ---- */

static void test_digest_users(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "a b", "a@b", "a\"b", "a\nb"};
	struct secret s = secret_of("secret");
	struct store_phone p = phone("a", "8841", DEVICE_SIP);
	struct store_digest_user *list;
	struct store_device d;
	size_t n;
	bool found;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(store_digest_user_set(f->s, bad[i], &s, &f->e), ERR_USAGE, "digest-user");
	OK(store_digest_user_set(f->s, "anna", &s, &f->e));
	secret_free(&s);
	strcpy(p.digest_user, "nobody");
	REFUSED(store_phone_add(f->s, &p, &f->e), ERR_USAGE, "digest-user-unknown");
	strcpy(p.digest_user, "anna");
	OK(store_phone_add(f->s, &p, &f->e));
	REFUSED(store_digest_user_remove(f->s, "anna", &f->e), ERR_REFUSED, "digest-user-in-use");
	OK(store_digest_users(f->s, &list, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].phones, 1);
	free(list);
	OK(store_device_get(f->s, "a", &d, &found, &f->e));
	assert_string_equal(d.digest_password.text, "secret");
	store_device_free(&d);
	OK(store_phone_remove(f->s, "a", 0, &f->e));
	OK(store_digest_user_remove(f->s, "anna", &f->e));
	REFUSED(store_digest_user_remove(f->s, "anna", &f->e), ERR_FAILED, "no-digest-user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_predefined_profiles), TEST(test_profile_rules),
		TEST(test_profile_changes),     TEST(test_templates),
		TEST(test_digest_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
