#include "server/store/audit.h"
#include "server/store/phone_testkit.h"
#include "server/store/store_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- phones ---- */

static void test_phone_round_trip(void **state)
{
	struct fixture *f = *state;
	struct store_line lines[] = {{"1001", "Anna", "Anna <&> \"Bell\""}, {"1002", "", ""}};
	struct store_value garp = {.name = "garp", .value = "1"};
	struct store_value pin = {.name = "phonePassword", .value = "4711", .secret = true};
	struct store_phone p = phone("001122334455", "Cisco 7970G", DEVICE_SIP), got;
	bool found;

	set_user(f, "anna", "secret");
	p.lines = calloc(2, sizeof(*p.lines));
	memcpy(p.lines, lines, sizeof(lines));
	p.nlines = 2;
	strcpy(p.description, "Anna's phone");
	strcpy(p.owner, "Anna Bell");
	strcpy(p.digest_user, "anna");
	strcpy(p.load, "SIP70.9-4-2SR3-1S");
	OK(store_values_set(&p.values, &pin, &f->e));
	OK(store_values_set(&p.values, &garp, &f->e));
	OK(store_phone_add(f->s, &p, &f->e));
	store_phone_free(&p);

	OK(store_phone_get(f->s, "sep001122334455", &got, &found, &f->e));
	assert_true(found);
	assert_string_equal(got.name, "SEP001122334455");
	assert_string_equal(got.model, "7970");
	assert_string_equal(got.profile, STORE_PROFILE_SIP);
	assert_string_equal(got.owner, "Anna Bell");
	assert_string_equal(got.digest_user, "anna");
	assert_string_equal(got.load, "SIP70.9-4-2SR3-1S");
	assert_int_equal(got.nlines, 2);
	assert_string_equal(got.lines[0].display, lines[0].display);
	assert_string_equal(got.lines[1].dn, "1002");
	assert_int_equal(got.stamp, got.version);
	assert_true(got.reset_pending);
	assert_int_equal(got.values.n, 2);
	assert_string_equal(store_values_find(&got.values, "garp")->value, "1");
	assert_string_equal(store_values_find(&got.values, "phonePassword")->value, "");

	/* A secret that is not told stays; what is left out goes. */
	store_values_remove(&got.values, "garp");
	got.nlines = 1;
	OK(store_phone_put(f->s, got.name, &got, got.version, &f->e));
	REFUSED(store_phone_put(f->s, got.name, &got, 1, &f->e), ERR_CONFLICT, "stale-version");
	store_phone_free(&got);
	OK(store_phone_get(f->s, "SEP001122334455", &got, &found, &f->e));
	assert_int_equal(got.values.n, 1);
	assert_int_equal(got.nlines, 1);
	store_phone_free(&got);
	OK(store_phone_remove(f->s, "SEP001122334455", 0, &f->e));
	REFUSED(store_phone_remove(f->s, "SEP001122334455", 0, &f->e), ERR_FAILED, "no-phone");
}

static void test_phone_rules(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *model;
		enum device_protocol protocol;
		const char *profile, *dn, *dn2, *load, *parameter, *value;
		enum err_kind kind;
		const char *id;
	} cases[] = {
		{"7970", DEVICE_SCCP, "", "1001", "1002", "", "garp", "1", ERR_OK, ""},
		{"7970", DEVICE_SCCP, "", "1001", "1001", "", "garp", "1", ERR_USAGE, "phone"},
		{"7970", DEVICE_SCCP, "", "10 01", "", "", "garp", "1", ERR_USAGE, "phone"},
		{"7970", DEVICE_SCCP, "", "<1>", "", "", "garp", "1", ERR_USAGE, "phone"},
		{"7970", DEVICE_SCCP, "", "*+#1", "", "", "garp", "1", ERR_OK, ""},
		{"7970", DEVICE_SCCP, "", "1", "", "../x", "garp", "1", ERR_USAGE, "phone"},
		{"7970", DEVICE_SCCP, "", "1", "", "", "Garp", "1", ERR_USAGE, "parameter"},
		{"7970", DEVICE_SCCP, "", "1", "", "", "garp", "7", ERR_USAGE, "parameter-value"},
		{"7970", DEVICE_SCCP, "", "1", "", "", "webAdmin", "0", ERR_USAGE, "parameter"},
		{"8821", DEVICE_SIP, "", "1", "", "", "webAdmin", "0", ERR_OK, ""},
		{"7999", DEVICE_SCCP, "", "1", "", "", "garp", "1", ERR_USAGE, "phone"},
		{"8841", DEVICE_SCCP, "", "1", "", "", "garp", "1", ERR_USAGE, "phone"},
		{"7970", DEVICE_SCCP, "nix", "1", "", "", "garp", "1", ERR_USAGE,
		 "profile-unknown"},
		{"7970", DEVICE_SCCP, "Secure SCCP", "1", "", "", "garp", "1", ERR_OK, ""},
		{"7970", DEVICE_SIP, "Secure SCCP", "1", "", "", "garp", "1", ERR_REFUSED,
		 "phone-profile"},
		{"7910", DEVICE_SCCP, "Secure SCCP", "1", "", "", "garp", "1", ERR_REFUSED,
		 "phone-profile"},
		{"7960", DEVICE_SCCP, "Secure SCCP", "1", "", "", "garp", "1", ERR_OK, ""},
		{"7960", DEVICE_SCCP, "Encrypted files", "1", "", "", "garp", "1", ERR_REFUSED,
		 "phone-profile"},
		{"7970", DEVICE_SCCP, "Encrypted files", "1", "", "", "garp", "1", ERR_OK, ""},
	};
	struct store_profile files;

	add_profile(f, "Secure SCCP", DEVICE_SCCP, DEVICE_ENCRYPTED);
	store_profile_init(&files, DEVICE_SCCP);
	strcpy(files.name, "Encrypted files");
	files.encrypted_config = true;
	OK(store_profile_add(f->s, &files, &f->e));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_phone p = phone("SEP001122334455", cases[i].model, cases[i].protocol);
		struct store_value v = {0};
		struct store_line lines[2] = {0};
		int rc;

		snprintf(v.name, sizeof(v.name), "%s", cases[i].parameter);
		snprintf(v.value, sizeof(v.value), "%s", cases[i].value);
		snprintf(lines[0].dn, sizeof(lines[0].dn), "%s", cases[i].dn);
		snprintf(lines[1].dn, sizeof(lines[1].dn), "%s", cases[i].dn2);
		snprintf(p.profile, sizeof(p.profile), "%s", cases[i].profile);
		snprintf(p.load, sizeof(p.load), "%s", cases[i].load);
		p.lines = lines;
		p.nlines = *cases[i].dn2 ? 2 : 1;
		OK(store_values_set(&p.values, &v, &f->e));
		rc = store_phone_add(f->s, &p, &f->e);
		if (rc != (int)cases[i].kind || (rc && strcmp(f->e.id, cases[i].id) != 0))
			fail_msg("case %zu: %d %s", i, rc, rc ? f->e.what : "");
		store_values_free(&p.values);
		if (!rc)
			OK(store_phone_remove(f->s, "SEP001122334455", 0, &f->e));
	}
}

static int count_phone(const struct store_phone *p, void *arg, struct err *e)
{
	char *names = arg;

	(void)e;
	strcat(names, p->name + strlen(p->name) - 1);
	return 0;
}

static void test_finding(void **state)
{
	struct fixture *f = *state;
	static const uint8_t der[] = {0x30, 0};
	struct store_seen seen = {.device = "SEP000000000001", .file = "x", .stamp = INT64_MAX};
	const struct {
		struct store_phone_filter filter;
		const char *want; /* last letters of the names */
	} cases[] = {
		{{.capf_status = -1}, "1234e"},
		{{.capf_status = -1, .limit = 2}, "12"},
		{{.capf_status = -1, .after = "sep000000000002"}, "34e"},
		{{.capf_status = -1, .name = "sep*"}, "1234"},
		{{.capf_status = -1, .name = "SEP00000000000?"}, "1234"},
		{{.capf_status = -1, .name = "sep000000000003"}, "3"},
		{{.capf_status = -1, .name = "[SEP]*"}, ""},
		{{.capf_status = -1, .model = "7960"}, "2"},
		{{.capf_status = -1, .protocol = DEVICE_SIP}, "34e"},
		{{.capf_status = -1, .profile = "secure"}, "1"},
		{{.capf_status = -1, .profile = "nix"}, ""},
		{{.capf_status = -1, .cert = STORE_CERT_LSC}, "1"},
		{{.capf_status = -1, .cert = STORE_CERT_MIC}, "2"},
		{{.capf_status = -1, .cert = STORE_CERT_NONE}, "34e"},
		{{.capf_status = -1, .auth_string = "12345"}, "3"},
		{{.capf_status = -1, .auth_string = "1234"}, ""},
		{{.capf_status = STORE_CAPF_PENDING}, ""},
		{{.capf_status = -1, .digest_user = "anna"}, "4"},
		{{.capf_status = -1, .reset_pending = true}, "234e"},
	};
	struct store_phone p;
	bool found;

	add_profile(f, "Secure", DEVICE_SCCP, DEVICE_ENCRYPTED);
	add_phone(f, "SEP000000000001", "7970", DEVICE_SCCP, "Secure");
	add_phone(f, "SEP000000000002", "7960", DEVICE_SCCP, "");
	add_phone(f, "SEP000000000003", "8841", DEVICE_SIP, "");
	add_phone(f, "SEP000000000004", "8841", DEVICE_SIP, "");
	add_phone(f, "softphone", "softphone", DEVICE_SIP, "");
	set_user(f, "anna", "secret");
	OK(store_phone_get(f->s, "SEP000000000004", &p, &found, &f->e));
	strcpy(p.digest_user, "anna");
	OK(store_phone_put(f->s, p.name, &p, p.version, &f->e));
	store_phone_free(&p);
	OK(store_phone_cert_set(f->s, "SEP000000000001", STORE_LSC, span_of(der, 2), &f->e));
	OK(store_phone_cert_set(f->s, "SEP000000000002", STORE_MIC, span_of(der, 2), &f->e));
	OK(store_phone_secret_set(f->s, "SEP000000000003", STORE_SECRET_AUTH_STRING,
				  span_of("12345", 5), &f->e));
	OK(store_seen_put(f->s, &seen, 1, &f->e));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char names[64] = "";

		OK(store_phone_find(f->s, &cases[i].filter, count_phone, names, &f->e));
		if (strcmp(names, cases[i].want) != 0)
			fail_msg("case %zu: \"%s\", not \"%s\"", i, names, cases[i].want);
	}
}

/* Another name is another device: its secrets and certificates are not the old one's. */
static void test_renaming_forgets(void **state)
{
	struct fixture *f = *state;
	static const uint8_t der[] = {0x30, 0}, key[16] = {1};
	struct store_phone p;
	bool found;

	add_phone(f, "SEP000000000001", "7960", DEVICE_SIP, "");
	OK(store_phone_cert_set(f->s, "SEP000000000001", STORE_LSC, span_of(der, 2), &f->e));
	OK(store_phone_secret_set(f->s, "SEP000000000001", STORE_SECRET_KEY, span_of(key, 16),
				  &f->e));
	OK(store_phone_get(f->s, "SEP000000000001", &p, &found, &f->e));
	assert_true(p.has_key);
	assert_int_equal(p.lsc.len, 2);
	strcpy(p.name, "000000000002");
	OK(store_phone_put(f->s, "SEP000000000001", &p, 0, &f->e));
	store_phone_free(&p);
	OK(store_phone_get(f->s, "SEP000000000001", &p, &found, &f->e));
	assert_false(found);
	OK(store_phone_get(f->s, "SEP000000000002", &p, &found, &f->e));
	assert_true(found);
	assert_false(p.has_key);
	assert_int_equal(p.lsc.len, 0);
	store_phone_free(&p);
}

/* ---- versions ---- */

static void test_revision_and_seen(void **state)
{
	struct fixture *f = *state;
	struct store_seen seen = {.device = "SEP000000000001",
				  .file = "SEP000000000001.cnf.xml.sgn",
				  .address = "192.0.2.1",
				  .outcome = "sent",
				  .time = 5,
				  .stamp = 7,
				  .generation = 3};
	struct store_seen later = {
		.device = "sep000000000001", .file = "CTLFile.tlv", .time = 6, .generation = 4};
	struct store_seen stranger = {.device = "SEPFFFFFFFFFFFF", .file = "x"};
	struct store_seen both[2];
	int64_t before, after;
	struct store_phone p;
	bool found;

	OK(store_phone_revision(f->s, &before, &f->e));
	add_phone(f, "SEP000000000001", "7970", DEVICE_SCCP, "");
	OK(store_phone_revision(f->s, &after, &f->e));
	assert_true(after > before);
	both[0] = stranger;
	both[1] = seen;
	OK(store_seen_put(f->s, both, 2, &f->e));
	OK(store_seen_put(f->s, &later, 1, &f->e));
	OK(store_phone_revision(f->s, &before, &f->e));
	assert_true(after == before);
	OK(store_phone_get(f->s, "SEP000000000001", &p, &found, &f->e));
	assert_string_equal(p.seen.file, "CTLFile.tlv");
	assert_int_equal(p.seen.time, 6);
	assert_int_equal(p.seen.stamp, 7);
	assert_int_equal(p.seen.generation, 3);
	store_phone_free(&p);
}

/* Several changes as one: those that fail leave the others alone. */
static void test_changes_within_a_change(void **state)
{
	struct fixture *f = *state;
	struct store_phone good = phone("a", "7970", DEVICE_SCCP);
	struct store_phone bad = phone("b", "7999", DEVICE_SCCP);
	struct store_phone p;
	struct audit_head head, now;
	bool found;

	OK(audit_head(f->s, &head, &f->e));
	OK(store_begin(f->s, &f->e));
	OK(store_phone_add(f->s, &good, &f->e));
	REFUSED(store_phone_add(f->s, &bad, &f->e), ERR_USAGE, "phone");
	REFUSED(store_phone_add(f->s, &good, &f->e), ERR_CONFLICT, "phone-exists");
	assert_int_equal(store_end(f->s, ERR_USAGE, &f->e), ERR_USAGE);
	OK(store_phone_get(f->s, "a", &p, &found, &f->e));
	assert_false(found);
	OK(audit_head(f->s, &now, &f->e));
	assert_int_equal(now.number, head.number);

	OK(store_begin(f->s, &f->e));
	REFUSED(store_phone_add(f->s, &bad, &f->e), ERR_USAGE, "phone");
	OK(store_phone_add(f->s, &good, &f->e));
	OK(store_end(f->s, 0, &f->e));
	OK(store_phone_get(f->s, "a", &p, &found, &f->e));
	assert_true(found);
	store_phone_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_phone_round_trip),  TEST(test_phone_rules),
		TEST(test_finding),           TEST(test_renaming_forgets),
		TEST(test_revision_and_seen), TEST(test_changes_within_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
