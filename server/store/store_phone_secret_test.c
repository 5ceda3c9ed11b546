#include "server/store/phone_testkit.h"
#include "server/store/seal.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys), TEST(test_auth_strings), TEST(test_secrets_are_sealed),
		TEST(test_seal), TEST(test_lost_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
