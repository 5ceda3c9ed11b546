/* The simulated reader by itself, in one process: what a program sees while tokens come and go. */
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PIN "271828"
#define SO_PIN "31415926"
#define WRONG "000000"

enum { PATH_SIZE = 512, TOKEN_A = 0, TOKEN_B = 1, EMPTY = 2, SIG_MAX = 256, TRIES = 15 };

static char folder[PATH_SIZE];
static CK_FUNCTION_LIST *fn;

static CK_UTF8CHAR *text(const char *s)
{
	return (CK_UTF8CHAR *)(uintptr_t)s;
}

static void path_in(char out[PATH_SIZE + 16], const char *name)
{
	snprintf(out, PATH_SIZE + 16, "%s/%s", folder, name);
}

/* ---- the control file ---- */

static void control(const char *lines)
{
	char path[PATH_SIZE + 16];
	char fresh[PATH_SIZE + 16];
	FILE *f;

	path_in(path, "control");
	path_in(fresh, "control.new");
	f = fopen(fresh, "w");
	assert_non_null(f);
	fputs(lines, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(fresh, path), 0);
}

static void pins_forget(void)
{
	char path[PATH_SIZE + 16];

	path_in(path, "control.pins");
	(void)remove(path);
}

/* ---- a client ---- */

static CK_SESSION_HANDLE session_open(CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE s = 0;

	assert_int_equal(
		fn->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s),
		CKR_OK);
	return s;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE who, const char *pin)
{
	return fn->C_Login(s, who, text(pin), pin ? strlen(pin) : 0);
}

static CK_SESSION_HANDLE session_of_user(CK_SLOT_ID slot)
{
	const CK_SESSION_HANDLE s = session_open(slot);

	assert_int_equal(login(s, CKU_USER, PIN), CKR_OK);
	return s;
}

/* The private key; CKR_KEY_HANDLE_INVALID where none shows, without a login for example. */
static CK_RV key_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *key)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE a = {CKA_CLASS, &class, sizeof(class)};
	CK_ULONG n = 0;
	CK_RV rv = fn->C_FindObjectsInit(s, &a, 1);

	if (rv == CKR_OK)
		rv = fn->C_FindObjects(s, key, 1, &n);
	if (rv == CKR_OK)
		rv = fn->C_FindObjectsFinal(s);
	return rv == CKR_OK && !n ? CKR_KEY_HANDLE_INVALID : rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0};
	CK_OBJECT_HANDLE key = 0;
	const CK_RV rv = key_of(s, &key);

	return rv == CKR_OK ? fn->C_SignInit(s, &m, key) : rv;
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE out[SIG_MAX], CK_ULONG *len)
{
	CK_BYTE data[] = "some data";

	*len = SIG_MAX;
	return fn->C_Sign(s, data, sizeof(data), out, len);
}

static CK_RV sign_once(CK_SESSION_HANDLE s)
{
	CK_BYTE out[SIG_MAX];
	CK_ULONG len;
	const CK_RV rv = sign_init(s);

	return rv == CKR_OK ? sign(s, out, &len) : rv;
}

static CK_FLAGS flags_of(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	assert_int_equal(fn->C_GetTokenInfo(slot, &info), CKR_OK);
	return info.flags;
}

static CK_RV info_of(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	return fn->C_GetTokenInfo(slot, &info);
}

/* "0 1 2": the slots that have a token. */
static const char *slots(void)
{
	static char out[64];
	CK_SLOT_ID list[8];
	CK_ULONG n = 0;

	assert_int_equal(fn->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
	n = 8;
	assert_int_equal(fn->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
	*out = '\0';
	for (CK_ULONG i = 0; i < n; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%lu", i ? " " : "",
			 list[i]);
	return out;
}

/* ---- fixture ---- */

static void load(void)
{
	const char *path = getenv("CTL_SHIM");
	CK_C_GetFunctionList get = NULL;
	void *handle;

	assert_non_null(path);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fail_msg("%s", dlerror());
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	assert_non_null(get);
	assert_int_equal(get(&fn), CKR_OK);
}

static void make_token(CK_SLOT_ID slot, const char *label)
{
	char padded[33];
	CK_SESSION_HANDLE s;

	snprintf(padded, sizeof(padded), "%-32s", label);
	assert_int_equal(fn->C_InitToken(slot, text(SO_PIN), strlen(SO_PIN), text(padded)), CKR_OK);
	s = session_open(slot);
	assert_int_equal(login(s, CKU_SO, SO_PIN), CKR_OK);
	assert_int_equal(fn->C_InitPIN(s, text(PIN), strlen(PIN)), CKR_OK);
	assert_int_equal(fn->C_CloseSession(s), CKR_OK);
}

static void make_key(CK_SLOT_ID slot)
{
	CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_ULONG bits = 1024;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE pub[] = {{CKA_MODULUS_BITS, &bits, sizeof(bits)},
			      {CKA_TOKEN, &yes, sizeof(yes)}};
	CK_ATTRIBUTE priv[] = {{CKA_TOKEN, &yes, sizeof(yes)}, {CKA_SIGN, &yes, sizeof(yes)}};
	CK_OBJECT_HANDLE pub_key, priv_key;
	const CK_SESSION_HANDLE s = session_of_user(slot);

	assert_int_equal(fn->C_GenerateKeyPair(s, &m, pub, 2, priv, 2, &pub_key, &priv_key),
			 CKR_OK);
	assert_int_equal(fn->C_CloseSession(s), CKR_OK);
}

static int start(void **state)
{
	char path[PATH_SIZE + 16];
	FILE *f;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/shim.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(folder));
	path_in(path, "softhsm2.conf");
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "directories.tokendir = %s\nlog.level = ERROR\n", folder);
	assert_int_equal(fclose(f), 0);
	setenv("SOFTHSM2_CONF", path, 1);
	path_in(path, "control");
	setenv("CTL_SHIM_CONTROL", path, 1);
	load();
	assert_int_equal(fn->C_Initialize(NULL), CKR_OK);
	assert_string_equal(slots(), "0");
	make_token(0, "A");
	assert_string_equal(slots(), "0 1");
	make_token(1, "B");
	assert_string_equal(slots(), "0 1 2");
	make_key(TOKEN_A);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static int stop(void **state)
{
	(void)state;
	assert_int_equal(fn->C_Finalize(NULL), CKR_OK);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* After each test: all in, nothing open, no wrong PIN counted. */
static int clean(void **state)
{
	(void)state;
	control("");
	pins_forget();
	(void)fn->C_CloseAllSessions(TOKEN_A);
	(void)fn->C_CloseAllSessions(TOKEN_B);
	return 0;
}

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

static void nap(void)
{
	const struct timespec t = {0, 200000000};

	nanosleep(&t, NULL);
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
#define TEST(name) cmocka_unit_test_teardown(name, clean)
	const struct CMUnitTest tests[] = {
		TEST(test_pulled_out),           TEST(test_out_and_in_unseen),
		TEST(test_answer_after_removal), TEST(test_other_slot),
		TEST(test_pulled_during),        TEST(test_pulled_after),
		TEST(test_soft_habit),           TEST(test_events),
		TEST(test_event_awaited),        TEST(test_pin_counter),
		TEST(test_other_limits),         TEST(test_pad),
		TEST(test_always_authenticate),  TEST(test_fail_counts),
		TEST(test_slow_and_hanging),     TEST(test_mechanism_gone),
		TEST(test_attributes),           TEST(test_lists),
		TEST(test_signatures),           TEST(test_names),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
