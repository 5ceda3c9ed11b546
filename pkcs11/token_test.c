/* Finding, describing, initialising and logging in, on a SoftHSM of our own. */
#include "pkcs11/testhsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two tokens for the tests that only look: "SAST 1" with the key "one", "SAST 2" with "two". */
static struct token_info first, second;
static X509 *cert_two;

static int setup(void **state)
{
	struct token *t;

	hsm_setup(state);
	first = hsm_token(*state, "SAST 1");
	second = hsm_token(*state, "SAST 2");
	t = hsm_login(*state, "pkcs11:token=SAST%201");
	X509_free(hsm_key(t, "one", 1024));
	token_free(t);
	t = hsm_login(*state, "pkcs11:token=SAST%202");
	cert_two = hsm_key(t, "two", 1024);
	token_free(t);
	return 0;
}

static int teardown(void **state)
{
	X509_free(cert_two);
	return hsm_teardown(state);
}

static void lists_tokens(void **state)
{
	struct token_info *list;
	struct err e;
	size_t n, initialized = 0, named = 0;

	assert_ok(tokens_list(*state, &list, &n, &e), &e);
	for (size_t i = 0; i < n; i++) {
		initialized += list[i].initialized;
		named += !strcmp(list[i].label, "SAST 1");
		assert_true(token_is_software(&list[i]));
	}
	assert_true(n > initialized);
	assert_int_equal(initialized, 2);
	assert_int_equal(named, 1);
	free(list);

	assert_int_equal(first.pin, TOKEN_PIN_OK);
	assert_true(first.login_required);
	assert_string_equal(first.manufacturer, "SoftHSM project");
	assert_int_equal(strlen(first.serial), 16);
	assert_string_not_equal(first.uri, second.uri);
}

static void finds_by_uri(void **state)
{
	static const struct {
		const char *uri;
		int kind;
		const char *id; /* of the error, or the label found */
	} cases[] = {
		{"pkcs11:token=SAST%201", 0, "SAST 1"},
		{"pkcs11:token=SAST%202;manufacturer=SoftHSM%20project", 0, "SAST 2"},
		{"pkcs11:token=SAST%201;object=sast?pin-source=env:PIN", 0, "SAST 1"},
		{"pkcs11:object=two", 0, "SAST 2"},
		{"pkcs11:object=one;type=private", 0, "SAST 1"},
		{"pkcs11:token=SAST", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=sast%201", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=SAST%201;model=other", ERR_TOKEN, "token-missing"},
		{"pkcs11:serial=0123456789abcdef", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=SAST%201;slot-id=77", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=SAST%201;library-manufacturer=other", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=SAST%201;slot-description=other", ERR_TOKEN, "token-missing"},
		{"pkcs11:", ERR_TOKEN, "token-ambiguous"},
		{"pkcs11:manufacturer=SoftHSM%20project", ERR_TOKEN, "token-ambiguous"},
		{"pkcs11:object=three", ERR_TOKEN, "token-ambiguous"},
		{"pkcs11:token=SAST%201?pin-value=1234", 0, "SAST 1"},
		{"pkcs11:token=SAST%201?pin-value=", ERR_USAGE, "uri"},
		{"pkcs11:token=SAST%201?pin-value=1234&pin-source=env:PIN", ERR_USAGE, "uri"},
		{"pkcs11:token=SAST%201?module-name=softhsm2", 0, "SAST 1"},
		{"pkcs11:token=SAST%201?module-name=LIBsofthsm2", 0, "SAST 1"},
		{"pkcs11:token=SAST%201?module-name=softhsm", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=SAST%201?module-name=", ERR_TOKEN, "token-missing"},
		{"pkcs11:token=SAST%201?module-path=libsofthsm2.so", ERR_USAGE, "uri"},
		{"pkcs11:token=SAST%201?module-path=/nonexistent.so", ERR_TOKEN, "no-module"},
		{"pkcs11:tokne=SAST%201", ERR_USAGE, "uri"},
		{"pkcs11:token=SAST%2", ERR_USAGE, "uri"},
		{"pkcs12:token=SAST%201", ERR_USAGE, "uri"},
		{"SAST 1", ERR_USAGE, "uri"},
		{"", ERR_USAGE, "uri"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct token *t = NULL;
		struct err e = {0};
		const int rc = token_find(&t, *state, cases[i].uri, &e);

		if (rc != cases[i].kind)
			fail_msg("%s: %d %s", cases[i].uri, rc, e.what);
		assert_string_equal(rc ? e.id : token_info(t)->label, cases[i].id);
		token_free(t);
	}
}

static void finds_what_it_lists(void **state)
{
	struct token *t = hsm_find(*state, second.uri);
	struct token_cert *certs;
	struct err e;
	size_t n;
	X509 *cert;

	assert_string_equal(token_info(t)->serial, second.serial);
	assert_ok(token_certs(t, &certs, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_string_equal(certs[0].label, "two");
	token_free(t);

	t = hsm_find(*state, certs[0].uri);
	assert_ok(token_signing_cert(&cert, t, &e), &e);
	assert_int_equal(X509_cmp(cert, cert_two), 0);
	X509_free(cert);
	token_free(t);
	token_certs_free(certs, n);
}

static void names_both_where_two_fit(void **state)
{
	struct token *t;
	struct err e;

	assert_err(token_find(&t, *state, "pkcs11:model=SoftHSM%20v2", &e), &e, ERR_TOKEN,
		   "token-ambiguous");
	assert_non_null(strstr(e.hint, first.uri));
	assert_non_null(strstr(e.hint, second.uri));
}

/* The PIN of a URI is handed over once, and never shown. */
static void keeps_the_pin_of_a_uri(void **state)
{
	static const struct {
		const char *uri;
		int kind;
	} cases[] = {
		{"pkcs11:token=nobody?pin-value=98765432", ERR_TOKEN},
		{"pkcs11:model=SoftHSM%20v2?module-name=softhsm2&pin-value=98765432", ERR_TOKEN},
		{"pkcs11:token=SAST%201?pin-value=98765432&pin-source=env:PIN", ERR_USAGE},
		{"pkcs11:tokne=SAST%201?pin-value=98765432", ERR_USAGE},
		{"token=SAST%201?pin-value=98765432", ERR_USAGE},
	};
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%201?pin-value=98765432");
	struct secret pin = {0};
	struct err e;

	token_take_pin_value(t, &pin);
	assert_string_equal(pin.text, "98765432");
	assert_int_equal(pin.len, 8);
	secret_free(&pin);
	token_take_pin_value(t, &pin);
	assert_null(pin.text);
	token_free(t);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(token_find(&t, *state, cases[i].uri, &e), cases[i].kind);
		assert_null(strstr(e.what, "98765432"));
		assert_null(strstr(e.hint, "98765432"));
	}
}

static void tells_pin_source_and_object(void **state)
{
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%201;object=x%20y"
					   "?pin-source=file:/run/pin");

	assert_string_equal(token_pin_source(t), "file:/run/pin");
	assert_string_equal(token_object(t), "x y");
	token_free(t);
	t = hsm_find(*state, "pkcs11:token=SAST%201");
	assert_null(token_pin_source(t));
	assert_null(token_object(t));
	token_free(t);
}

static void tells_module_of_uri(void **state)
{
	static const struct {
		const char *uri, *path;
	} cases[] = {
		{"pkcs11:token=a?module-path=/usr/lib/x%20y.so&pin-source=/p", "/usr/lib/x y.so"},
		{"pkcs11:token=a?pin-source=/p", NULL},
		{"pkcs11:token=a", NULL},
		{"module-path=/x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = token_uri_module(cases[i].uri);

		assert_int_equal(!path, !cases[i].path);
		if (path)
			assert_string_equal(path, cases[i].path);
		free(path);
	}
}

static void wants_exactly_one_certificate(void **state)
{
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%201;object=nobody");
	struct err e;
	X509 *cert;

	assert_err(token_signing_cert(&cert, t, &e), &e, ERR_TOKEN, "certificate-missing");
	assert_non_null(strstr(e.what, "nobody"));
	assert_non_null(strstr(e.what, first.serial));
	token_free(t);

	t = hsm_login(*state, "pkcs11:token=SAST%201");
	X509_free(hsm_key(t, "one more", 1024));
	assert_err(token_signing_cert(&cert, t, &e), &e, ERR_TOKEN, "certificate-ambiguous");
	assert_non_null(strstr(e.hint, "object=one%20more"));
	token_free(t);
}

static void decorated_labels(void **state)
{
	struct token *t;
	struct err e;

	hsm_token(*state, "Card A (User PIN)");
	hsm_token(*state, "User PIN (Card B)");
	hsm_token(*state, "Card C (Signature PIN)");
	hsm_token(*state, "Card C");

	t = hsm_find(*state, "pkcs11:token=Card%20A");
	assert_string_equal(token_info(t)->label, "Card A (User PIN)");
	token_free(t);
	t = hsm_find(*state, "pkcs11:token=Card%20B");
	assert_string_equal(token_info(t)->label, "User PIN (Card B)");
	token_free(t);
	t = hsm_find(*state, "pkcs11:token=Card%20C");
	assert_string_equal(token_info(t)->label, "Card C");
	token_free(t);
	assert_err(token_find(&t, *state, "pkcs11:token=Card", &e), &e, ERR_TOKEN, "token-missing");
}

static void unusual_labels(void **state)
{
	static const struct {
		const char *label, *shown;
	} cases[] = {
		{"Zürich ☎; 100%?=", "Zürich ☎; 100%?="},
		{"12345678901234567890123456789012", "12345678901234567890123456789012"},
		{"bad \xff\x1b[2J", "bad \\xff\\x1b[2J"},
		{"caf\xc3", "caf\\xc3"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct token_info info = hsm_token(*state, cases[i].label);
		struct token *t = hsm_find(*state, info.uri);

		assert_string_equal(info.label, cases[i].shown);
		assert_string_equal(token_info(t)->serial, info.serial);
		token_free(t);
	}
}

static void refuses_to_initialise(void **state)
{
	static const struct {
		const char *label, *serial, *so_pin, *pin;
		long slot;
		int kind;
		const char *id;
	} cases[] = {
		{"", NULL, HSM_SO_PIN, HSM_PIN, TOKEN_ANY_SLOT, ERR_USAGE, "label"},
		{"123456789012345678901234567890123", NULL, HSM_SO_PIN, HSM_PIN, TOKEN_ANY_SLOT,
		 ERR_USAGE, "label"},
		{"X", "0000", HSM_SO_PIN, HSM_PIN, TOKEN_ANY_SLOT, ERR_TOKEN, "token-missing"},
		{"X", NULL, HSM_SO_PIN, HSM_PIN, 77, ERR_TOKEN, "token-missing"},
		{"X", NULL, HSM_SO_PIN, "12", TOKEN_ANY_SLOT, ERR_TOKEN, "pin-wrong"},
		{"X", NULL, "12", HSM_PIN, TOKEN_ANY_SLOT, ERR_TOKEN, "pin-wrong"},
		{"X", second.serial, "wrong so pin", HSM_PIN, TOKEN_ANY_SLOT, ERR_TOKEN,
		 "pin-wrong"},
	};
	struct token *t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret so_pin = hsm_secret(cases[i].so_pin);
		struct secret pin = hsm_secret(cases[i].pin);
		struct token_info target, info;
		struct err e;
		int rc = token_init_target(&target, *state, cases[i].serial, cases[i].slot, &e);

		if (!rc)
			rc = token_init(*state, &target, cases[i].label, &so_pin, &pin, &info, &e);
		assert_err(rc, &e, cases[i].kind, cases[i].id);
		secret_free(&so_pin);
		secret_free(&pin);
	}
	t = hsm_login(*state, "pkcs11:token=SAST%202;object=two");
	token_free(t);
}

/* What is in its slot by now is another one, or is not what it was. */
static void initialises_no_other(void **state)
{
	struct secret so_pin = hsm_secret(HSM_SO_PIN);
	struct secret pin = hsm_secret(HSM_PIN);
	struct token_info shown[4];
	struct token *t;

	for (size_t i = 0; i < 4; i++)
		shown[i] = second;
	strcpy(shown[0].serial, "0000");
	strcpy(shown[1].label, "SAST 3");
	strcpy(shown[2].module, "another");
	shown[3].initialized = false;
	for (size_t i = 0; i < 4; i++) {
		struct token_info info;
		struct err e;

		assert_err(token_init(*state, &shown[i], "X", &so_pin, &pin, &info, &e), &e,
			   ERR_TOKEN, "token-missing");
	}
	t = hsm_login(*state, "pkcs11:token=SAST%202;object=two");
	token_free(t);
	secret_free(&pin);
	secret_free(&so_pin);
}

static void initialises_again(void **state)
{
	const struct token_info before = hsm_token(*state, "Again");
	struct secret so_pin = hsm_secret(HSM_SO_PIN);
	struct secret pin = hsm_secret("another pin");
	struct token *t = hsm_login(*state, before.uri);
	struct token_info target, after;
	struct token_cert *certs;
	struct err e;
	size_t n;

	X509_free(hsm_key(t, "lost", 1024));
	assert_ok(token_init_target(&target, *state, before.serial, TOKEN_ANY_SLOT, &e), &e);
	assert_string_equal(target.label, "Again");
	target.slot = first.slot; /* it was in another one when it was shown */
	assert_ok(token_init(*state, &target, "Once more", &so_pin, &pin, &after, &e), &e);
	assert_string_equal(after.label, "Once more");
	token_free(t);

	t = hsm_find(*state, after.uri);
	assert_ok(token_certs(t, &certs, &n, &e), &e);
	assert_int_equal(n, 0);
	token_certs_free(certs, n);
	assert_ok(token_login(t, &pin, false, &e), &e);
	token_free(t);
	secret_free(&pin);
	secret_free(&so_pin);
}

static void wrong_pin(void **state)
{
	struct secret wrong = hsm_secret("000000");
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%202");
	struct err e;

	assert_err(token_login(t, &wrong, false, &e), &e, ERR_TOKEN, "pin-wrong");
	assert_non_null(strstr(e.what, "SAST 2"));
	assert_non_null(strstr(e.what, "locks itself"));
	assert_null(strstr(e.what, "000000"));
	assert_int_equal(token_info(t)->pin, TOKEN_PIN_COUNT_LOW);
	token_free(t);
	secret_free(&wrong);

	t = hsm_login(*state, "pkcs11:token=SAST%202");
	token_free(t);
	t = hsm_find(*state, "pkcs11:token=SAST%202");
	assert_int_equal(token_info(t)->pin, TOKEN_PIN_OK);
	token_free(t);
}

static void survives_renumbering(void **state)
{
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%202");
	struct secret pin = hsm_secret(HSM_PIN);
	const CK_SLOT_ID id = t->at.id;
	struct err e;

	t->at.id = 4242;
	assert_ok(token_login(t, &pin, false, &e), &e);
	assert_int_equal(t->at.id, id);
	/* A new token restarts the module: sessions end, the token is found again. */
	hsm_token(*state, "Newcomer");
	assert_false(session_is_open(t));
	assert_ok(token_login(t, &pin, false, &e), &e);
	assert_string_equal(token_info(t)->serial, second.serial);
	secret_free(&pin);
	token_free(t);
}

/* Another token in the place of the one that was found is not taken for it. */
static void notices_another_token(void **state)
{
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%202");
	struct secret pin = hsm_secret(HSM_PIN);
	struct err e;

	memset(t->at.raw.serialNumber, '9', sizeof(t->at.raw.serialNumber));
	assert_err(token_login(t, &pin, false, &e), &e, ERR_TOKEN, "token-removed");
	secret_free(&pin);
	token_free(t);
}

static void modules_that_do_not_load(void **state)
{
	static const char *const paths[] = {"/nonexistent/module.so", "/etc/passwd",
					    "/lib/x86_64-linux-gnu/libc.so.6"};
	struct tokens *ts;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_err(tokens_open(&ts, paths[i], &e), &e, ERR_TOKEN, "no-module");
		assert_non_null(strstr(e.what, paths[i]));
	}
}

/* One that does not load is no reason to leave out the others. */
static void opens_several(void **state)
{
	static const struct {
		const char *format; /* %s: SoftHSM's */
		int kind;
		const char *id;
	} cases[] = {
		{"%s:/nonexistent/module.so", 0, ""},
		{"/nonexistent/module.so:%s", 0, ""},
		{":%s:%s:", 0, ""},
		{"/nonexistent/module.so:/etc/passwd", ERR_TOKEN, "no-module"},
		{":", ERR_USAGE, "module"},
		{"", ERR_USAGE, "module"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char paths[512] = "";
		const char *from = cases[i].format;
		struct tokens *ts;
		struct err e = {0};

		while (*from) {
			const size_t n = strlen(paths);

			if (!strncmp(from, "%s", 2)) {
				snprintf(paths + n, sizeof(paths) - n, "%s", hsm_module());
				from += 2;
			} else {
				snprintf(paths + n, sizeof(paths) - n, "%c", *from++);
			}
		}
		if (cases[i].kind) {
			assert_err(tokens_open(&ts, paths, &e), &e, cases[i].kind, cases[i].id);
			continue;
		}
		assert_ok(tokens_open(&ts, paths, &e), &e);
		assert_int_equal(ts->n, 1);
		tokens_close(ts);
	}
}

/* A computer on which no module is configured: a URI may name one all the same. */
static void opens_by_uri(void **state)
{
	struct tokens *ts = calloc(1, sizeof(*ts));
	struct token_info *list;
	struct token *t;
	char uri[256];
	struct err e;
	size_t n;

	(void)state;
	assert_err(tokens_list(ts, &list, &n, &e), &e, ERR_TOKEN, "no-module");
	assert_err(token_find(&t, ts, "pkcs11:token=SAST%201", &e), &e, ERR_TOKEN, "no-module");
	snprintf(uri, sizeof(uri), "pkcs11:token=SAST%%201?module-path=%s", hsm_module());
	t = hsm_find(ts, uri);
	assert_string_equal(token_info(t)->label, "SAST 1");
	token_free(t);
	tokens_close(ts);
}

static void changes_pins(void **state)
{
	const struct token_info info = hsm_token(*state, "Changes");
	struct secret pin = hsm_secret(HSM_PIN);
	struct secret so_pin = hsm_secret(HSM_SO_PIN);
	struct secret other = hsm_secret("another pin");
	struct token *t = hsm_login(*state, info.uri);
	struct err e;

	assert_ok(token_change_pin(t, TOKEN_USER, &pin, &other, false, &e), &e);
	assert_err(token_login(t, &pin, false, &e), &e, ERR_TOKEN, "pin-wrong");
	assert_ok(token_login(t, &other, false, &e), &e);
	assert_err(token_change_pin(t, TOKEN_USER, &pin, &other, false, &e), &e, ERR_TOKEN,
		   "pin-wrong");
	assert_ok(token_unblock(t, &so_pin, &pin, false, &e), &e);
	assert_ok(token_login(t, &pin, false, &e), &e);
	assert_err(token_unblock(t, &pin, &pin, false, &e), &e, ERR_TOKEN, "pin-wrong");
	assert_ok(token_change_pin(t, TOKEN_SO, &so_pin, &other, false, &e), &e);
	assert_err(token_unblock(t, &so_pin, &pin, false, &e), &e, ERR_TOKEN, "pin-wrong");
	assert_ok(token_unblock(t, &other, &pin, false, &e), &e);
	token_free(t);
	secret_free(&pin);
	secret_free(&so_pin);
	secret_free(&other);
}

static void opens_twice(void **state)
{
	struct tokens *other;
	struct token *t;
	struct err e;

	assert_ok(tokens_open(&other, hsm_module(), &e), &e);
	t = hsm_find(other, "pkcs11:token=SAST%202");
	token_free(t);
	tokens_close(other);
	t = hsm_find(*state, "pkcs11:token=SAST%202");
	token_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_tokens),
		cmocka_unit_test(finds_by_uri),
		cmocka_unit_test(finds_what_it_lists),
		cmocka_unit_test(names_both_where_two_fit),
		cmocka_unit_test(keeps_the_pin_of_a_uri),
		cmocka_unit_test(tells_pin_source_and_object),
		cmocka_unit_test(tells_module_of_uri),
		cmocka_unit_test(wants_exactly_one_certificate),
		cmocka_unit_test(decorated_labels),
		cmocka_unit_test(unusual_labels),
		cmocka_unit_test(refuses_to_initialise),
		cmocka_unit_test(initialises_no_other),
		cmocka_unit_test(initialises_again),
		cmocka_unit_test(wrong_pin),
		cmocka_unit_test(survives_renumbering),
		cmocka_unit_test(notices_another_token),
		cmocka_unit_test(modules_that_do_not_load),
		cmocka_unit_test(opens_twice),
		cmocka_unit_test(opens_several),
		cmocka_unit_test(opens_by_uri),
		cmocka_unit_test(changes_pins),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
