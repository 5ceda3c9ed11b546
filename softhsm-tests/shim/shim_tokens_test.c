/* The simulated reader: tokens that come and go, and the events of it. */
#include "softhsm-tests/shim/shim_rig.h"

#include <pthread.h>
#include <stdio.h>

/* Insertion numbers only grow. */
static unsigned insertion;

static void put_in(const char *label)
{
	char line[64];

	snprintf(line, sizeof(line), "inserted %s %u\n", label, ++insertion);
	control(line);
}

/* ---- tokens that come and go ---- */

static void test_pulled_out(void **state)
{
	const CK_SESSION_HANDLE a = session_of_user(TOKEN_A);
	const CK_SESSION_HANDLE b = session_open(TOKEN_B);
	CK_SESSION_INFO info;

	(void)state;
	assert_int_equal(sign_once(a), CKR_OK);
	control("remove A\n");
	assert_int_equal(sign_init(a), CKR_DEVICE_REMOVED);
	assert_int_equal(sign_init(a), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(info_of(TOKEN_A), CKR_TOKEN_NOT_PRESENT);
	assert_string_equal(slots(), "1 2");
	assert_int_equal(fn->C_GetSessionInfo(b, &info), CKR_OK);
	assert_int_equal(info.slotID, TOKEN_B);
	control("");
	assert_string_equal(slots(), "0 1 2");
	assert_int_equal(sign_init(a), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(sign_once(session_open(TOKEN_A)), CKR_KEY_HANDLE_INVALID);
}

static void test_out_and_in_unseen(void **state)
{
	const CK_SESSION_HANDLE a = session_of_user(TOKEN_A);

	(void)state;
	put_in("A");
	assert_int_equal(sign_once(a), CKR_DEVICE_REMOVED);
	assert_int_equal(sign_once(session_of_user(TOKEN_A)), CKR_OK);
}

static void test_answer_after_removal(void **state)
{
	const CK_SESSION_HANDLE a = session_open(TOKEN_A);

	(void)state;
	control("removed-answer CKR_SESSION_HANDLE_INVALID\nremove *\n");
	assert_int_equal(sign_init(a), CKR_SESSION_HANDLE_INVALID);
	assert_string_equal(slots(), "");
}

static void test_other_slot(void **state)
{
	CK_TOKEN_INFO info;

	(void)state;
	control("slot A 9\n");
	assert_string_equal(slots(), "9 1 2");
	assert_int_equal(info_of(TOKEN_A), CKR_SLOT_ID_INVALID);
	control("remove A\nslot B 0\n");
	assert_string_equal(slots(), "0 2");
	assert_int_equal(fn->C_GetTokenInfo(TOKEN_A, &info), CKR_OK);
	assert_int_equal(info.label[0], 'B');
	control("twin A 7\n");
	assert_string_equal(slots(), "0 7 1 2");
	control("remove-reader B\nuninitialised hidden\n");
	assert_string_equal(slots(), "0");
	assert_int_equal(info_of(TOKEN_B), CKR_SLOT_ID_INVALID);
}

static void test_pulled_during(void **state)
{
	const CK_SESSION_HANDLE a = session_of_user(TOKEN_A);

	(void)state;
	control("remove-during C_Sign A 2\n");
	assert_int_equal(sign_once(a), CKR_OK);
	assert_int_equal(sign_once(a), CKR_DEVICE_REMOVED);
	assert_int_equal(info_of(TOKEN_A), CKR_TOKEN_NOT_PRESENT);
	put_in("A");
	assert_int_equal(info_of(TOKEN_A), CKR_OK);
}

static void test_pulled_after(void **state)
{
	const CK_SESSION_HANDLE a = session_open(TOKEN_A);

	(void)state;
	control("remove-after C_Login\n");
	assert_int_equal(login(a, CKU_USER, PIN), CKR_OK);
	assert_int_equal(sign_once(a), CKR_DEVICE_REMOVED);
	put_in("A");
	assert_int_equal(sign_once(session_of_user(TOKEN_A)), CKR_OK);
}

static void test_soft_habit(void **state)
{
	(void)state;
	control("new-tokens after-initialize\nremove A\n");
	assert_string_equal(slots(), "1 2");
	control("new-tokens after-initialize\n");
	assert_string_equal(slots(), "1 2");
	assert_int_equal(fn->C_Finalize(NULL), CKR_OK);
	assert_int_equal(fn->C_Initialize(NULL), CKR_OK);
	assert_string_equal(slots(), "0 1 2");
}

/* ---- events ---- */

static CK_RV event(CK_FLAGS flags, CK_SLOT_ID *slot)
{
	*slot = 99;
	return fn->C_WaitForSlotEvent(flags, slot, NULL);
}

static void test_events(void **state)
{
	CK_SLOT_ID slot;

	(void)state;
	while (event(CKF_DONT_BLOCK, &slot) == CKR_OK)
		;
	control("remove B\nremove A\n");
	assert_int_equal(event(CKF_DONT_BLOCK, &slot), CKR_OK);
	assert_int_equal(slot, TOKEN_A);
	assert_int_equal(event(CKF_DONT_BLOCK, &slot), CKR_OK);
	assert_int_equal(slot, TOKEN_B);
	assert_int_equal(event(CKF_DONT_BLOCK, &slot), CKR_NO_EVENT);
	control("remove A\nslot-events lost\n");
	assert_int_equal(event(CKF_DONT_BLOCK, &slot), CKR_NO_EVENT);
	control("slot-events none\n");
	assert_int_equal(event(0, &slot), CKR_FUNCTION_NOT_SUPPORTED);
	assert_int_equal(event(CKF_DONT_BLOCK, &slot), CKR_FUNCTION_NOT_SUPPORTED);
}

static void *wait_for_event(void *arg)
{
	CK_SLOT_ID *slot = arg;

	return (void *)(uintptr_t)event(0, slot);
}

static void test_event_awaited(void **state)
{
	CK_SLOT_ID slot = 0;
	pthread_t thread;
	void *rv;

	(void)state;
	while (event(CKF_DONT_BLOCK, &slot) == CKR_OK)
		;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &slot), 0);
	nap();
	control("remove B\n");
	assert_int_equal(pthread_join(thread, &rv), 0);
	assert_int_equal((uintptr_t)rv, CKR_OK);
	assert_int_equal(slot, TOKEN_B);

	control("slot-events lost\n");
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &slot), 0);
	nap();
	assert_int_equal(fn->C_Finalize(NULL), CKR_OK);
	assert_int_equal(pthread_join(thread, &rv), 0);
	assert_int_equal((uintptr_t)rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(fn->C_Initialize(NULL), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, rig_clean)
	const struct CMUnitTest tests[] = {
		TEST(test_pulled_out),           TEST(test_out_and_in_unseen),
		TEST(test_answer_after_removal), TEST(test_other_slot),
		TEST(test_pulled_during),        TEST(test_pulled_after),
		TEST(test_soft_habit),           TEST(test_events),
		TEST(test_event_awaited),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
