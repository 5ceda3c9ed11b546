/* The simulated reader: counters of wrong PINs, PIN pads, keys that ask again. */
#include "softhsm-tests/shim/shim_rig.h"

#include <string.h>

enum { TRIES = 15 };

static CK_FLAGS flags_of(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	assert_int_equal(fn->C_GetTokenInfo(slot, &info), CKR_OK);
	return info.flags;
}

/* ---- PINs ---- */

static void wrong_pins(CK_SESSION_HANDLE s, CK_USER_TYPE who, int n)
{
	while (n-- > 0)
		assert_int_equal(login(s, who, WRONG), CKR_PIN_INCORRECT);
}

static CK_FLAGS user_bits(void)
{
	return flags_of(TOKEN_A) &
	       (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
}

static void test_pin_counter(void **state)
{
	const CK_SESSION_HANDLE s = session_open(TOKEN_A);

	(void)state;
	assert_int_equal(user_bits(), 0);
	wrong_pins(s, CKU_USER, 1);
	assert_int_equal(user_bits(), CKF_USER_PIN_COUNT_LOW);
	wrong_pins(s, CKU_USER, TRIES - 2);
	assert_int_equal(user_bits(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	assert_int_equal(login(s, CKU_USER, PIN), CKR_OK);
	assert_int_equal(user_bits(), 0);
	assert_int_equal(fn->C_Logout(s), CKR_OK);
	wrong_pins(s, CKU_USER, TRIES);
	assert_int_equal(user_bits(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
	assert_int_equal(login(s, CKU_USER, PIN), CKR_PIN_LOCKED);
	assert_int_equal(flags_of(TOKEN_B) & CKF_USER_PIN_COUNT_LOW, 0);
	/* The SO unlocks. */
	assert_int_equal(login(s, CKU_SO, SO_PIN), CKR_OK);
	assert_int_equal(fn->C_InitPIN(s, text(PIN), strlen(PIN)), CKR_OK);
	assert_int_equal(fn->C_Logout(s), CKR_OK);
	assert_int_equal(user_bits(), 0);
	assert_int_equal(login(s, CKU_USER, PIN), CKR_OK);
}

static void test_other_limits(void **state)
{
	const CK_SESSION_HANDLE s = session_open(TOKEN_A);

	(void)state;
	control("pin-tries A 3\nso-pin-tries * 2\n");
	wrong_pins(s, CKU_USER, 1);
	/* Changing the PIN counts too. */
	assert_int_equal(fn->C_SetPIN(s, text(WRONG), strlen(WRONG), text(PIN), strlen(PIN)),
			 CKR_PIN_INCORRECT);
	assert_int_equal(user_bits(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	wrong_pins(s, CKU_USER, 1);
	assert_int_equal(login(s, CKU_USER, PIN), CKR_PIN_LOCKED);
	wrong_pins(s, CKU_SO, 1);
	assert_true(flags_of(TOKEN_A) & CKF_SO_PIN_FINAL_TRY);
	wrong_pins(s, CKU_SO, 1);
	assert_true(flags_of(TOKEN_A) & CKF_SO_PIN_LOCKED);
	assert_int_equal(login(s, CKU_SO, SO_PIN), CKR_PIN_LOCKED);
}

static void test_pad(void **state)
{
	const CK_SESSION_HANDLE s = session_open(TOKEN_A);

	(void)state;
	assert_int_equal(login(s, CKU_USER, NULL), CKR_ARGUMENTS_BAD);
	control("pin-pad A\n");
	assert_true(flags_of(TOKEN_A) & CKF_PROTECTED_AUTHENTICATION_PATH);
	assert_false(flags_of(TOKEN_B) & CKF_PROTECTED_AUTHENTICATION_PATH);
	assert_int_equal(login(s, CKU_USER, NULL), CKR_FUNCTION_CANCELED);
	assert_int_equal(login(s, CKU_USER, PIN), CKR_ARGUMENTS_BAD);
	control("pin-pad A\npin-pad-types " WRONG "\n");
	assert_int_equal(login(s, CKU_USER, NULL), CKR_PIN_INCORRECT);
	assert_int_equal(user_bits(), CKF_USER_PIN_COUNT_LOW);
	control("pin-pad A\npin-pad-types " PIN "\npin-pad-types-so " SO_PIN
		"\npin-pad-types-new 161803\n");
	assert_int_equal(login(s, CKU_USER, NULL), CKR_OK);
	assert_int_equal(fn->C_SetPIN(s, NULL, 0, NULL, 0), CKR_OK);
	assert_int_equal(fn->C_Logout(s), CKR_OK);
	assert_int_equal(login(s, CKU_USER, NULL), CKR_PIN_INCORRECT);
	control("pin-pad A\npin-pad-types-so " SO_PIN "\npin-pad-types-new " PIN "\n");
	assert_int_equal(login(s, CKU_SO, NULL), CKR_OK);
	assert_int_equal(fn->C_InitPIN(s, NULL, 0), CKR_OK);
	assert_int_equal(fn->C_Logout(s), CKR_OK);
	control("");
	assert_int_equal(login(s, CKU_USER, PIN), CKR_OK);
}

static void test_always_authenticate(void **state)
{
	const CK_SESSION_HANDLE s = session_of_user(TOKEN_A);
	CK_BBOOL always = CK_FALSE;
	CK_ATTRIBUTE a = {CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)};
	CK_OBJECT_HANDLE key = 0;
	CK_BYTE out[SIG_MAX];
	CK_ULONG len;

	(void)state;
	assert_int_equal(key_of(s, &key), CKR_OK);
	assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, PIN), CKR_OPERATION_NOT_INITIALIZED);
	control("always-authenticate A\n");
	assert_int_equal(fn->C_GetAttributeValue(s, key, &a, 1), CKR_OK);
	assert_true(always);
	assert_int_equal(sign_once(s), CKR_USER_NOT_LOGGED_IN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sign_init(s), CKR_OK);
		assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, PIN), CKR_OK);
		assert_int_equal(sign(s, out, &len), CKR_OK);
	}
	assert_int_equal(sign_init(s), CKR_OK);
	assert_int_equal(login(s, CKU_CONTEXT_SPECIFIC, WRONG), CKR_PIN_INCORRECT);
	assert_int_equal(user_bits(), CKF_USER_PIN_COUNT_LOW);
	assert_int_equal(sign(s, out, &len), CKR_USER_NOT_LOGGED_IN);
	control("");
	assert_int_equal(sign_once(s), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, rig_clean)
	const struct CMUnitTest tests[] = {
		TEST(test_pin_counter),
		TEST(test_other_limits),
		TEST(test_pad),
		TEST(test_always_authenticate),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
