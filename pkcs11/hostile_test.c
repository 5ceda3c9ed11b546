/*
 * Modules that fail or lie: SoftHSM's functions with single ones replaced.
 */
#include "pkcs11/testhsm.h"

#include <stdlib.h>
#include <string.h>

/* The real functions, for those that only change an answer. */
static CK_FUNCTION_LIST real;

struct fixture {
	struct tokens *ts;
	struct token *t;
	X509 *cert;
	CK_FUNCTION_LIST *original;
	CK_FUNCTION_LIST bent;
};

static struct fixture fx;

static int setup(void **state)
{
	hsm_setup(state);
	hsm_token(*state, "Bent");
	fx.ts = *state;
	fx.t = hsm_login(*state, "pkcs11:token=Bent");
	fx.cert = hsm_key(fx.t, "sast", 1024);
	fx.original = fx.ts->modules[0].fn;
	real = *fx.original;
	return 0;
}

static int teardown(void **state)
{
	X509_free(fx.cert);
	token_free(fx.t);
	return hsm_teardown(state);
}

/* Each test bends one function, and finds the token logged in. */
static int straighten(void **state)
{
	struct secret pin = hsm_secret(HSM_PIN);
	struct err e;

	(void)state;
	fx.ts->modules[0].fn = fx.original;
	assert_ok(token_login(fx.t, &pin, false, &e), &e);
	secret_free(&pin);
	fx.bent = real;
	fx.ts->modules[0].fn = &fx.bent;
	return 0;
}

static int restore(void **state)
{
	(void)state;
	fx.ts->modules[0].fn = fx.original;
	return 0;
}

static int sign(struct err *e)
{
	const uint8_t digest_info[35] = {0x30, 0x21};
	uint8_t sig[128];

	return token_sign(fx.t, fx.cert, digest_info, sizeof(digest_info), sig, sizeof(sig), e);
}

/* ---- C_Sign ---- */

static CK_RV sign_short(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig,
			CK_ULONG *siglen)
{
	const CK_RV rv = real.C_Sign(s, data, len, sig, siglen);

	*siglen -= 1;
	return rv;
}

static CK_RV sign_long(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig,
		       CK_ULONG *siglen)
{
	const CK_RV rv = real.C_Sign(s, data, len, sig, siglen);

	*siglen = (CK_ULONG)-1;
	return rv;
}

static CK_RV sign_wrong(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig,
			CK_ULONG *siglen)
{
	const CK_RV rv = real.C_Sign(s, data, len, sig, siglen);

	sig[7] ^= 1;
	return rv;
}

static CK_RV sign_removed(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig,
			  CK_ULONG *siglen)
{
	(void)s, (void)data, (void)len, (void)sig, (void)siglen;
	return CKR_DEVICE_REMOVED;
}

static CK_RV sign_not_logged_in(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig,
				CK_ULONG *siglen)
{
	(void)s, (void)data, (void)len, (void)sig, (void)siglen;
	return CKR_USER_NOT_LOGGED_IN;
}

static void signatures_that_are_none(void **state)
{
	static const struct {
		CK_C_Sign sign;
		const char *id, *says;
	} cases[] = {
		{sign_short, "sign", "not as long"},
		{sign_long, "sign", "not as long"},
		{sign_wrong, "sign", "does not fit its certificate"},
		{sign_not_logged_in, "login-needed", "wants the PIN"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fx.bent.C_Sign = cases[i].sign;
		assert_err(sign(&e), &e, ERR_TOKEN, cases[i].id);
		assert_non_null(strstr(e.what, cases[i].says));
	}
	fx.bent = real;
	assert_ok(sign(&e), &e);
}

static CK_RV attr_always_authenticate(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a,
				      CK_ULONG n)
{
	if (a->type != CKA_ALWAYS_AUTHENTICATE)
		return real.C_GetAttributeValue(s, o, a, n);
	*(CK_BBOOL *)a->pValue = CK_TRUE;
	a->ulValueLen = sizeof(CK_BBOOL);
	return CKR_OK;
}

static void a_key_that_asks_each_time(void **state)
{
	struct err e;

	(void)state;
	fx.bent.C_Sign = sign_not_logged_in;
	fx.bent.C_GetAttributeValue = attr_always_authenticate;
	assert_err(sign(&e), &e, ERR_TOKEN, "always-authenticate");
}

/* ---- a login for each signature ---- */

static CK_RV again_rv;       /* the answer to it */
static unsigned again_asked; /* how often it was tried */

static CK_RV login_again(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
	if (user != CKU_CONTEXT_SPECIFIC)
		return real.C_Login(s, user, pin, len);
	again_asked++;
	return again_rv;
}

static int sign_again(const char *pin, struct err *e)
{
	const uint8_t digest_info[35] = {0x30, 0x21};
	struct secret text = hsm_secret(pin ? pin : "");
	const struct token_again again = {pin ? &text : NULL, false};
	uint8_t sig[128];
	const int rc = token_sign_key(fx.t, X509_get0_pubkey(fx.cert), &again, digest_info,
				      sizeof(digest_info), sig, sizeof(sig), e);

	secret_free(&text);
	return rc;
}

static void logs_in_for_a_signature(void **state)
{
	struct err e;

	(void)state;
	key_forget(fx.t);
	fx.bent.C_GetAttributeValue = attr_always_authenticate;
	fx.bent.C_Login = login_again;
	again_rv = CKR_OK;
	again_asked = 0;
	assert_err(sign(&e), &e, ERR_TOKEN, "always-authenticate");
	assert_int_equal(again_asked, 0);
	assert_ok(sign_again(HSM_PIN, &e), &e);
	assert_ok(sign_again(NULL, &e), &e);
	assert_int_equal(again_asked, 2);
	/* A wrong PIN is tried once, and leaves no operation behind. */
	again_rv = CKR_PIN_INCORRECT;
	assert_err(sign_again("000000", &e), &e, ERR_TOKEN, "pin-wrong");
	assert_non_null(strstr(e.what, "Bent"));
	assert_int_equal(again_asked, 3);
	again_rv = CKR_OK;
	assert_ok(sign_again(HSM_PIN, &e), &e);
	key_forget(fx.t);
}

static void pulled_out_while_signing(void **state)
{
	struct err e;

	(void)state;
	fx.bent.C_Sign = sign_removed;
	assert_err(sign(&e), &e, ERR_TOKEN, "token-removed");
	assert_false(session_is_open(fx.t));
	/* In again: a new session, and the PIN is wanted again. */
	fx.bent = real;
	assert_err(sign(&e), &e, ERR_TOKEN, "login-needed");
}

/* ---- C_GetAttributeValue ---- */

static CK_ULONG claimed; /* the length that comes back */

static CK_RV attr_claims(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a, CK_ULONG n)
{
	(void)s, (void)o, (void)n;
	a->ulValueLen = claimed;
	return CKR_OK;
}

static CK_RV attr_garbage(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a, CK_ULONG n)
{
	(void)s, (void)o, (void)n;
	memset(a->pValue, 0xa5, a->ulValueLen);
	return CKR_OK;
}

static void attributes_of_any_length(void **state)
{
	static const struct {
		CK_ULONG claimed;
		CK_RV rv;
		size_t len;
	} cases[] = {
		{0, CKR_OK, 0},
		{4, CKR_OK, 4},
		{5, CKR_BUFFER_TOO_SMALL, 0},
		{(CK_ULONG)-1, CKR_BUFFER_TOO_SMALL, 0},
	};
	uint8_t out[4];
	size_t len;

	(void)state;
	fx.bent.C_GetAttributeValue = attr_claims;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		claimed = cases[i].claimed;
		assert_int_equal(object_attr(fx.t, 1, CKA_ID, out, sizeof(out), &len), cases[i].rv);
		assert_int_equal(len, cases[i].len);
	}
	claimed = 2;
	assert_false(object_flag(fx.t, 1, CKA_SIGN));
}

static void certificates_that_do_not_parse(void **state)
{
	struct token_cert *certs;
	struct err e;
	X509 *cert;
	size_t n;

	(void)state;
	fx.bent.C_GetAttributeValue = attr_garbage;
	assert_ok(token_certs(fx.t, &certs, &n, &e), &e);
	assert_int_equal(n, 0);
	token_certs_free(certs, n);
	assert_err(token_signing_cert(&cert, fx.t, &e), &e, ERR_TOKEN, "certificate-missing");
}

/* ---- C_FindObjects, C_GetSlotList ---- */

static CK_RV find_too_many(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *n)
{
	(void)s, (void)list;
	*n = max + 1;
	return CKR_OK;
}

static CK_RV find_without_end(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *list, CK_ULONG max,
			      CK_ULONG *n)
{
	(void)s;
	*n = max < 100 ? max : 100;
	for (CK_ULONG i = 0; i < *n; i++)
		list[i] = 4711;
	return CKR_OK;
}

static void searches_are_bounded(void **state)
{
	CK_OBJECT_HANDLE *list;
	struct err e;
	size_t n;

	(void)state;
	fx.bent.C_FindObjects = find_too_many;
	assert_err(objects_find(fx.t, NULL, 0, &list, &n, &e), &e, ERR_TOKEN, "objects");
	fx.bent.C_FindObjects = find_without_end;
	assert_ok(objects_find(fx.t, NULL, 0, &list, &n, &e), &e);
	assert_int_equal(n, OBJECTS_MAX);
	free(list);
}

static CK_RV slots_too_many(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	(void)present, (void)list;
	*n = 100000;
	return CKR_OK;
}

static CK_RV slots_fail(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	(void)present, (void)list, (void)n;
	return CKR_GENERAL_ERROR;
}

static CK_RV info_gone(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	(void)id, (void)info;
	return CKR_TOKEN_NOT_PRESENT;
}

static void slot_lists_are_bounded(void **state)
{
	struct token_info *list;
	struct err e;
	size_t n;

	(void)state;
	fx.bent.C_GetSlotList = slots_too_many;
	assert_err(tokens_list(fx.ts, &list, &n, &e), &e, ERR_TOKEN, "slots");
	fx.bent.C_GetSlotList = slots_fail;
	assert_err(tokens_list(fx.ts, &list, &n, &e), &e, ERR_TOKEN, "slots");
	fx.bent = real;
	fx.bent.C_GetTokenInfo = info_gone;
	assert_ok(tokens_list(fx.ts, &list, &n, &e), &e);
	assert_int_equal(n, 0);
	free(list);
}

/* ---- C_GetTokenInfo, C_Login ---- */

static CK_FLAGS extra; /* set in the answer */

static CK_RV info_with_flags(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	const CK_RV rv = real.C_GetTokenInfo(id, info);

	info->flags |= extra;
	return rv;
}

static CK_RV login_fails(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
	(void)s, (void)user, (void)pin, (void)len;
	return CKR_PIN_INCORRECT;
}

static CK_RV login_forbidden(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
	(void)s, (void)user, (void)pin, (void)len;
	fail_msg("a PIN was tried");
	return CKR_GENERAL_ERROR;
}

static void counters_of_the_pin(void **state)
{
	static const struct {
		CK_FLAGS flags;
		bool allow;
		CK_C_Login login;
		const char *id, *says;
	} cases[] = {
		{CKF_USER_PIN_LOCKED, true, login_forbidden, "pin-locked", "is locked"},
		{CKF_USER_PIN_FINAL_TRY, false, login_forbidden, "pin-final-try",
		 "no PIN was tried"},
		{CKF_USER_PIN_FINAL_TRY, true, login_fails, "pin-wrong", "next wrong PIN locks"},
		{CKF_USER_PIN_COUNT_LOW, false, login_fails, "pin-wrong", "a few more"},
		{0, false, login_fails, "pin-wrong", "the PIN is wrong"},
	};
	struct secret pin = hsm_secret("000000");
	struct err e;

	(void)state;
	fx.bent.C_GetTokenInfo = info_with_flags;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		extra = cases[i].flags;
		fx.bent.C_Login = cases[i].login;
		assert_err(token_login(fx.t, &pin, cases[i].allow, &e), &e, ERR_TOKEN, cases[i].id);
		assert_non_null(strstr(e.what, cases[i].says));
		assert_non_null(strstr(e.what, "Bent"));
	}
	secret_free(&pin);
}

static CK_RV info_of_another(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	const CK_RV rv = real.C_GetTokenInfo(id, info);

	memset(info->serialNumber, '7', sizeof(info->serialNumber));
	return rv;
}

/* Swapped behind an open session: the newcomer gets no PIN, and its facts are not taken for those
 * of the token that was found. */
static void another_in_its_place(void **state)
{
	struct secret pin = hsm_secret(HSM_PIN);
	struct token_info before;
	struct err e;

	(void)state;
	before = *token_info(fx.t);
	fx.bent.C_GetTokenInfo = info_of_another;
	fx.bent.C_Login = login_forbidden;
	for (int i = 0; i < 2; i++) {
		assert_err(token_login(fx.t, &pin, true, &e), &e, ERR_TOKEN, "token-removed");
		assert_non_null(strstr(e.what, before.serial));
		assert_err(token_change_pin(fx.t, TOKEN_USER, &pin, &pin, true, &e), &e, ERR_TOKEN,
			   "token-removed");
		assert_err(token_unblock(fx.t, &pin, &pin, true, &e), &e, ERR_TOKEN,
			   "token-removed");
	}
	assert_string_equal(token_info(fx.t)->serial, before.serial);
	fx.bent = real;
	assert_ok(token_login(fx.t, &pin, false, &e), &e);
	secret_free(&pin);
}

static CK_RV set_pin_fails(CK_SESSION_HANDLE s, CK_BYTE *old, CK_ULONG old_len, CK_BYTE *new,
			   CK_ULONG new_len)
{
	(void)s, (void)old, (void)old_len, (void)new, (void)new_len;
	return again_rv;
}

static CK_RV set_pin_forbidden(CK_SESSION_HANDLE s, CK_BYTE *old, CK_ULONG old_len, CK_BYTE *new,
			       CK_ULONG new_len)
{
	(void)s, (void)old, (void)old_len, (void)new, (void)new_len;
	fail_msg("a PIN was tried");
	return CKR_GENERAL_ERROR;
}

/* The counter that counts is that of the PIN which is tried. */
static void counters_when_pins_change(void **state)
{
	static const struct {
		CK_FLAGS flags;
		enum token_user who;
		bool allow, tried;
		CK_RV rv;
		const char *id;
	} cases[] = {
		{CKF_USER_PIN_LOCKED, TOKEN_USER, true, false, CKR_OK, "pin-locked"},
		{CKF_USER_PIN_FINAL_TRY, TOKEN_USER, false, false, CKR_OK, "pin-final-try"},
		{CKF_SO_PIN_LOCKED, TOKEN_SO, true, false, CKR_OK, "pin-locked"},
		{CKF_SO_PIN_FINAL_TRY, TOKEN_SO, false, false, CKR_OK, "pin-final-try"},
		{CKF_SO_PIN_LOCKED, TOKEN_USER, false, true, CKR_PIN_INCORRECT, "pin-wrong"},
		{CKF_USER_PIN_FINAL_TRY, TOKEN_USER, true, true, CKR_PIN_INCORRECT, "pin-wrong"},
		{0, TOKEN_USER, false, true, CKR_PIN_LEN_RANGE, "pin-rules"},
		{0, TOKEN_USER, false, true, CKR_PIN_INVALID, "pin-rules"},
		{0, TOKEN_USER, false, true, CKR_DEVICE_REMOVED, "token-removed"},
	};
	struct secret old = hsm_secret("000000");
	struct secret new = hsm_secret("111222");
	struct err e;

	(void)state;
	fx.bent.C_GetTokenInfo = info_with_flags;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		extra = cases[i].flags;
		again_rv = cases[i].rv;
		fx.bent.C_SetPIN = cases[i].tried ? set_pin_fails : set_pin_forbidden;
		fx.bent.C_Login = cases[i].tried ? real.C_Login : login_forbidden;
		assert_err(token_change_pin(fx.t, cases[i].who, &old, &new, cases[i].allow, &e), &e,
			   ERR_TOKEN, cases[i].id);
		assert_non_null(strstr(e.what, "Bent"));
	}
	/* A user whose PIN is locked is what the SO is there for. */
	extra = CKF_SO_PIN_FINAL_TRY;
	fx.bent.C_Login = login_forbidden;
	assert_err(token_unblock(fx.t, &old, &new, false, &e), &e, ERR_TOKEN, "pin-final-try");
	extra = CKF_USER_PIN_LOCKED;
	fx.bent.C_Login = login_fails;
	assert_err(token_unblock(fx.t, &old, &new, false, &e), &e, ERR_TOKEN, "pin-wrong");
	secret_free(&old);
	secret_free(&new);
}

/* ---- key generation that fails half-way ---- */

static CK_RV create_fails(CK_SESSION_HANDLE s, CK_ATTRIBUTE *a, CK_ULONG n, CK_OBJECT_HANDLE *o)
{
	(void)s, (void)a, (void)n, (void)o;
	return CKR_DEVICE_MEMORY;
}

static size_t count_objects(void)
{
	CK_OBJECT_HANDLE *list;
	struct err e;
	size_t n;

	assert_ok(objects_find(fx.t, NULL, 0, &list, &n, &e), &e);
	free(list);
	return n;
}

static void leaves_no_half_keys(void **state)
{
	const struct token_keygen spec = {"half", 1024, 30, "CN=half", false};
	const size_t before = count_objects();
	X509 *cert;
	struct err e;

	(void)state;
	fx.bent.C_CreateObject = create_fails;
	assert_err(token_keygen(fx.t, &spec, &cert, &e), &e, ERR_TOKEN, "keygen");
	assert_non_null(strstr(e.what, "is full"));
	assert_int_equal(count_objects(), before);

	fx.bent = real;
	fx.bent.C_Sign = sign_wrong;
	assert_err(token_keygen(fx.t, &spec, &cert, &e), &e, ERR_TOKEN, "sign");
	assert_non_null(strstr(e.what, "Bent"));
	assert_int_equal(count_objects(), before);
}

int main(void)
{
#define BENT(f) cmocka_unit_test_setup_teardown(f, straighten, restore)
	const struct CMUnitTest tests[] = {
		BENT(signatures_that_are_none),  BENT(a_key_that_asks_each_time),
		BENT(logs_in_for_a_signature),   BENT(pulled_out_while_signing),
		BENT(attributes_of_any_length),  BENT(certificates_that_do_not_parse),
		BENT(searches_are_bounded),      BENT(slot_lists_are_bounded),
		BENT(another_in_its_place),      BENT(counters_of_the_pin),
		BENT(counters_when_pins_change), BENT(leaves_no_half_keys),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
