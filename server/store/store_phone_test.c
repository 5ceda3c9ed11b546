#include "server/store/audit.h"
#include "server/store/seal.h"
#include "server/store/store_phone.h"
#include "server/store/store_priv.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char state[64];
	struct store *s;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->state, "/tmp/store_phone.XXXXXX");
	assert_non_null(mkdtemp(f->state));
	assert_int_equal(store_open(&f->s, f->state, STORE_CREATE, &f->e), 0);
	*state = f;
	return 0;
}

static void remove_tree(const char *path)
{
	char below[512];
	DIR *d = opendir(path);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below))
			remove_tree(below);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	remove_tree(f->state);
	free(f);
	return 0;
}

#define OK(call) assert_ok((call), &f->e, __LINE__)

static void assert_ok(int rc, const struct err *e, int line)
{
	if (rc)
		fail_msg("line %d: %s: %s", line, e->id, e->what);
}

#define REFUSED(call, kind_, id_) assert_refused((call), &f->e, kind_, id_, __LINE__)

static void assert_refused(int rc, const struct err *e, enum err_kind kind, const char *id,
			   int line)
{
	if (rc != (int)kind)
		fail_msg("line %d: %d, not %d: %s %s", line, rc, (int)kind, e->id, e->what);
	if (strcmp(e->id, id) != 0)
		fail_msg("line %d: %s: %s", line, e->id, e->what);
}

static struct store_phone phone(const char *name, const char *model, enum device_protocol protocol)
{
	struct store_phone p = {.protocol = protocol};

	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.model, sizeof(p.model), "%s", model);
	return p;
}

static void add_phone(struct fixture *f, const char *name, const char *model,
		      enum device_protocol protocol, const char *profile)
{
	struct store_phone p = phone(name, model, protocol);

	snprintf(p.profile, sizeof(p.profile), "%s", profile);
	OK(store_phone_add(f->s, &p, &f->e));
}

static void add_profile(struct fixture *f, const char *name, enum device_protocol protocol,
			enum device_mode mode)
{
	struct store_profile p;

	store_profile_init(&p, protocol);
	snprintf(p.name, sizeof(p.name), "%s", name);
	p.mode = mode;
	if (protocol == DEVICE_SIP && mode != DEVICE_NONSECURE)
		p.transport = DEVICE_TLS;
	OK(store_profile_add(f->s, &p, &f->e));
}

static struct secret secret_of(const char *text)
{
	struct secret s = {0};
	struct err e;

	assert_int_equal(secret_set(&s, text, strlen(text), &e), 0);
	return s;
}

static void set_user(struct fixture *f, const char *name, const char *password)
{
	struct secret s = secret_of(password);

	OK(store_digest_user_set(f->s, name, &s, &f->e));
	secret_free(&s);
}

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

/* ---- secrets ---- */

static void test_keys(void **state)
{
	struct fixture *f = *state;
	static const uint8_t key[32] = {1, 2, 3};
	static const struct {
		const char *name, *model;
		enum device_protocol protocol;
		size_t len;
		bool good;
	} cases[] = {
		{"a", "7960", DEVICE_SIP, 16, true},   {"b", "7960", DEVICE_SIP, 32, false},
		{"c", "7905", DEVICE_SIP, 32, true},   {"d", "7905", DEVICE_SIP, 16, false},
		{"e", "7960", DEVICE_SCCP, 16, false}, {"f", "7970", DEVICE_SIP, 16, false},
	};
	struct buf got = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct span value = span_of(key, cases[i].len);

		add_phone(f, cases[i].name, cases[i].model, cases[i].protocol, "");
		if (cases[i].good) {
			OK(store_phone_secret_set(f->s, cases[i].name, STORE_SECRET_KEY, value,
						  &f->e));
			OK(store_phone_secret_get(f->s, cases[i].name, STORE_SECRET_KEY, &got,
						  &f->e));
			assert_true(span_eq(buf_view(&got), value));
		} else {
			REFUSED(store_phone_secret_set(f->s, cases[i].name, STORE_SECRET_KEY, value,
						       &f->e),
				ERR_USAGE, "phone-key");
			OK(store_phone_secret_get(f->s, cases[i].name, STORE_SECRET_KEY, &got,
						  &f->e));
			assert_int_equal(got.len, 0);
		}
		buf_wipe(&got);
		got = (struct buf){0};
	}
}

static void test_auth_strings(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {{"1234", true},         {"0123456789", true}, {"123", false},
		     {"01234567890", false}, {"12a4", false},      {"12 4", false}};
	struct store_phone p;
	bool found;

	add_phone(f, "a", "7970", DEVICE_SCCP, "");
	add_phone(f, "b", "7970", DEVICE_SCCP, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int rc = store_phone_secret_set(f->s, "a", STORE_SECRET_AUTH_STRING,
						      span_of(cases[i].text, strlen(cases[i].text)),
						      &f->e);

		if ((rc == 0) != cases[i].good)
			fail_msg("%s: %s", cases[i].text, f->e.what);
	}
	/* Nobody else may have it while it is waited for. */
	OK(store_phone_get(f->s, "a", &p, &found, &f->e));
	p.capf.operation = STORE_CAPF_INSTALL;
	p.capf.status = STORE_CAPF_PENDING;
	OK(store_phone_put(f->s, "a", &p, 0, &f->e));
	assert_true(p.capf.has_string);
	store_phone_free(&p);
	REFUSED(store_phone_secret_set(f->s, "b", STORE_SECRET_AUTH_STRING,
				       span_of("0123456789", 10), &f->e),
		ERR_CONFLICT, "auth-string-taken");
	OK(store_phone_secret_set(f->s, "b", STORE_SECRET_AUTH_STRING, span_of("1111", 4), &f->e));
	OK(store_phone_secret_set(f->s, "b", STORE_SECRET_AUTH_STRING, span_of("", 0), &f->e));
	OK(store_phone_get(f->s, "b", &p, &found, &f->e));
	assert_false(p.capf.has_string);
	store_phone_free(&p);
}

/* Neither the store nor its log has what is secret. */
static void test_secrets_are_sealed(void **state)
{
	struct fixture *f = *state;
	char path[128], *content;
	struct stat st;
	struct query q;
	FILE *file;

	set_user(f, "anna", "correct-horse");
	store_exec(f->s, "PRAGMA wal_checkpoint(TRUNCATE)", "", &f->e);
	snprintf(path, sizeof(path), "%s/store.db", f->state);
	assert_int_equal(stat(path, &st), 0);
	content = calloc(1, (size_t)st.st_size);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fread(content, 1, (size_t)st.st_size, file), st.st_size);
	fclose(file);
	assert_null(memmem(content, (size_t)st.st_size, "correct-horse", 13));
	assert_non_null(memmem(content, (size_t)st.st_size, "digest-user", 11));
	free(content);
	snprintf(path, sizeof(path), "%s/keys/secrets.key", f->state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);

	/* One user's password does not open as another's. */
	set_user(f, "bert", "other");
	query_start(&q, f->s,
		    "UPDATE digest_users SET password ="
		    " (SELECT password FROM digest_users WHERE name = 'anna') WHERE name = 'bert'");
	OK(query_run(&q, "swap", &f->e));
	{
		struct secret got;

		OK(store_digest_password(f->s, "anna", &got, &f->e));
		assert_string_equal(got.text, "correct-horse");
		secret_free(&got);
		REFUSED(store_digest_password(f->s, "bert", &got, &f->e), ERR_FAILED, "sealed");
		secret_free(&got);
	}
}

static void test_seal(void **state)
{
	struct fixture *f = *state;
	struct buf sealed = {0}, plain = {0};

	f->e.kind = ERR_OK;
	OK(seal(f->s, &sealed, "thing", span_of("text", 4), &f->e));
	/* The API takes a kind for a failure, whatever was returned. */
	assert_int_equal(f->e.kind, ERR_OK);
	assert_int_equal(sealed.len, 1 + 12 + 4 + 16);
	OK(unseal(f->s, &plain, "thing", buf_view(&sealed), &f->e));
	assert_true(span_eq(buf_view(&plain), span_of("text", 4)));
	REFUSED(unseal(f->s, &plain, "other", buf_view(&sealed), &f->e), ERR_FAILED, "sealed");
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		REFUSED(unseal(f->s, &plain, "thing", buf_view(&sealed), &f->e), ERR_FAILED,
			"sealed");
		sealed.data[i] ^= 1;
		REFUSED(unseal(f->s, &plain, "thing", span_of(sealed.data, i), &f->e), ERR_FAILED,
			"sealed");
	}
	assert_int_equal(plain.len, 4);
	buf_wipe(&plain);
	buf_free(&sealed);
}

static void test_lost_key(void **state)
{
	struct fixture *f = *state;
	struct buf sealed = {0}, plain = {0};
	char path[128];

	OK(seal(f->s, &sealed, "thing", span_of("text", 4), &f->e));
	seal_forget(f->s);
	snprintf(path, sizeof(path), "%s/keys/secrets.key", f->state);
	assert_int_equal(unlink(path), 0);
	/* Reading never makes a new key. */
	REFUSED(unseal(f->s, &plain, "thing", buf_view(&sealed), &f->e), ERR_FAILED, "secrets-key");
	assert_int_equal(access(path, F_OK), -1);
	buf_free(&sealed);
	buf_free(&plain);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_predefined_profiles),
		TEST(test_profile_rules),
		TEST(test_profile_changes),
		TEST(test_phone_round_trip),
		TEST(test_phone_rules),
		TEST(test_finding),
		TEST(test_renaming_forgets),
		TEST(test_keys),
		TEST(test_auth_strings),
		TEST(test_secrets_are_sealed),
		TEST(test_seal),
		TEST(test_lost_key),
		TEST(test_templates),
		TEST(test_revision_and_seen),
		TEST(test_changes_within_a_change),
		TEST(test_digest_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
