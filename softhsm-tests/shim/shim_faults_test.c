/* The simulated reader: modules in trouble, modules that lie. */
#include "softhsm-tests/shim/shim_rig.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* ---- modules in trouble, modules that lie ---- */

static void test_fail_counts(void **state)
{
	(void)state;
	control("fail C_GetTokenInfo CKR_DEVICE_ERROR 2 1\n");
	assert_int_equal(info_of(TOKEN_A), CKR_OK);
	assert_int_equal(info_of(TOKEN_A), CKR_DEVICE_ERROR);
	/* Another line comes: the count goes on. */
	control("fail C_GetTokenInfo CKR_DEVICE_ERROR 2 1\nfail C_SeedRandom 0x80000001\n");
	assert_int_equal(info_of(TOKEN_A), CKR_DEVICE_ERROR);
	assert_int_equal(info_of(TOKEN_A), CKR_OK);
	assert_int_equal(fn->C_SeedRandom(session_open(TOKEN_A), NULL, 0), CKR_VENDOR_DEFINED + 1);
	control("fail * CKR_HOST_MEMORY\n");
	assert_int_equal(info_of(TOKEN_A), CKR_HOST_MEMORY);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *ask(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)info_of(TOKEN_A);
}

static void test_slow_and_hanging(void **state)
{
	const double before = seconds();
	pthread_t thread;
	void *rv;

	(void)state;
	control("delay C_GetTokenInfo 200\n");
	assert_int_equal(info_of(TOKEN_A), CKR_OK);
	assert_true(seconds() - before >= 0.2);
	control("hang C_GetTokenInfo\n");
	assert_int_equal(pthread_create(&thread, NULL, ask, NULL), 0);
	nap();
	assert_int_equal(pthread_tryjoin_np(thread, &rv), EBUSY);
	assert_string_equal(slots(), "0 1 2"); /* others go on */
	control("");
	assert_int_equal(pthread_join(thread, &rv), 0);
	assert_int_equal((uintptr_t)rv, CKR_OK);
}

static void test_mechanism_gone(void **state)
{
	const CK_SESSION_HANDLE s = session_of_user(TOKEN_A);
	CK_MECHANISM_TYPE list[512];
	CK_MECHANISM_INFO info;
	CK_ULONG before = 0;
	CK_ULONG n = 512;

	(void)state;
	assert_int_equal(fn->C_GetMechanismList(TOKEN_A, NULL, &before), CKR_OK);
	control("no-mechanism CKM_RSA_PKCS A\n");
	assert_int_equal(fn->C_GetMechanismList(TOKEN_A, list, &n), CKR_OK);
	assert_int_equal(n, before - 1);
	for (CK_ULONG i = 0; i < n; i++)
		assert_int_not_equal(list[i], CKM_RSA_PKCS);
	assert_int_equal(fn->C_GetMechanismInfo(TOKEN_A, CKM_RSA_PKCS, &info),
			 CKR_MECHANISM_INVALID);
	assert_int_equal(fn->C_GetMechanismInfo(TOKEN_B, CKM_RSA_PKCS, &info), CKR_OK);
	assert_int_equal(sign_once(s), CKR_MECHANISM_INVALID);
}

static void test_attributes(void **state)
{
	const CK_SESSION_HANDLE s = session_of_user(TOKEN_A);
	CK_BYTE value[SIG_MAX];
	CK_ATTRIBUTE list[] = {{CKA_LABEL, value, sizeof(value)}, {CKA_MODULUS, NULL, 0}};
	CK_OBJECT_HANDLE key = 0;

	(void)state;
	assert_int_equal(key_of(s, &key), CKR_OK);
	control("attribute-value CKA_LABEL x%00y%ff\nattribute-length CKA_LABEL 4294967295\n"
		"attribute-size CKA_MODULUS 3 A\n");
	assert_int_equal(fn->C_GetAttributeValue(s, key, list, 2), CKR_OK);
	assert_memory_equal(value, "x\0y\xff", 4);
	assert_int_equal(list[0].ulValueLen, 4294967295);
	assert_int_equal(list[1].ulValueLen, 3);
	list[1].pValue = value;
	assert_int_equal(fn->C_GetAttributeValue(s, key, list + 1, 1), CKR_BUFFER_TOO_SMALL);
}

static CK_ULONG find(CK_SESSION_HANDLE s, CK_ULONG max)
{
	CK_OBJECT_HANDLE list[8];
	CK_ULONG n = 0;

	assert_int_equal(fn->C_FindObjectsInit(s, NULL, 0), CKR_OK);
	assert_int_equal(fn->C_FindObjects(s, list, max, &n), CKR_OK);
	assert_int_equal(fn->C_FindObjects(s, list, max, &n), CKR_OK);
	assert_int_equal(fn->C_FindObjectsFinal(s), CKR_OK);
	return n;
}

static void test_lists(void **state)
{
	const CK_SESSION_HANDLE s = session_of_user(TOKEN_A);
	CK_SLOT_ID list[4];
	CK_ULONG n = 0;

	(void)state;
	control("slot-count 1\nslot-list-length 1000000\n");
	assert_int_equal(fn->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(fn->C_GetSlotList(CK_TRUE, list, &n), CKR_BUFFER_TOO_SMALL);
	n = 4;
	assert_int_equal(fn->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
	assert_int_equal(n, 1000000);
	assert_int_equal(find(s, 1), 1);
	control("find-nothing 1 1\n");
	assert_int_equal(find(s, 1), 1);
	assert_int_equal(find(s, 1), 0);
	assert_int_equal(find(s, 1), 1);
	control("find-endless\n");
	assert_int_equal(find(s, 8), 8);
	control("find-length 77\n");
	assert_int_equal(find(s, 8), 77);
}

static void test_signatures(void **state)
{
	const CK_SESSION_HANDLE s = session_of_user(TOKEN_A);
	CK_BYTE good[SIG_MAX], bad[SIG_MAX];
	CK_ULONG len;

	(void)state;
	assert_int_equal(sign_init(s), CKR_OK);
	assert_int_equal(sign(s, good, &len), CKR_OK);
	control("sign-flip 9\nsign-length 12\n");
	assert_int_equal(sign_init(s), CKR_OK);
	assert_int_equal(sign(s, bad, &len), CKR_OK);
	assert_int_equal(len, 12);
	assert_int_equal(good[0], bad[0]);
	assert_int_equal(good[1] ^ bad[1], 0x40);
	assert_memory_equal(good + 2, bad + 2, 126);
}

static void test_names(void **state)
{
	CK_TOKEN_INFO info;

	(void)state;
	control("label A %1b[31m%00\nserial A 12%2034\nmanufacturer A ACME\nmodel A \"\"\n");
	assert_int_equal(fn->C_GetTokenInfo(TOKEN_A, &info), CKR_OK);
	assert_memory_equal(info.label, "\x1b[31m\0       ", 13);
	assert_memory_equal(info.serialNumber, "12 34           ", 16);
	assert_memory_equal(info.manufacturerID, "ACME  ", 6);
	assert_memory_equal(info.model, "    ", 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, rig_clean)
	const struct CMUnitTest tests[] = {
		TEST(test_fail_counts),    TEST(test_slow_and_hanging),
		TEST(test_mechanism_gone), TEST(test_attributes),
		TEST(test_lists),          TEST(test_signatures),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
