#include "softhsm-tests/shim/shim_rig.h"

#include "common/testkit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

static char folder[PATH_SIZE];
CK_FUNCTION_LIST *fn;

CK_UTF8CHAR *text(const char *s)
{
	return (CK_UTF8CHAR *)(uintptr_t)s;
}

static void path_in(char out[PATH_SIZE + 16], const char *name)
{
	snprintf(out, PATH_SIZE + 16, "%s/%s", folder, name);
}

/* ---- the control file ---- */

void control(const char *lines)
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

CK_SESSION_HANDLE session_open(CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE s = 0;

	assert_int_equal(
		fn->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s),
		CKR_OK);
	return s;
}

CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE who, const char *pin)
{
	return fn->C_Login(s, who, text(pin), pin ? strlen(pin) : 0);
}

CK_SESSION_HANDLE session_of_user(CK_SLOT_ID slot)
{
	const CK_SESSION_HANDLE s = session_open(slot);

	assert_int_equal(login(s, CKU_USER, PIN), CKR_OK);
	return s;
}

CK_RV key_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *key)
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

CK_RV sign_init(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0};
	CK_OBJECT_HANDLE key = 0;
	const CK_RV rv = key_of(s, &key);

	return rv == CKR_OK ? fn->C_SignInit(s, &m, key) : rv;
}

CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE out[SIG_MAX], CK_ULONG *len)
{
	CK_BYTE data[] = "some data";

	*len = SIG_MAX;
	return fn->C_Sign(s, data, sizeof(data), out, len);
}

CK_RV sign_once(CK_SESSION_HANDLE s)
{
	CK_BYTE out[SIG_MAX];
	CK_ULONG len;
	const CK_RV rv = sign_init(s);

	return rv == CKR_OK ? sign(s, out, &len) : rv;
}

CK_RV info_of(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	return fn->C_GetTokenInfo(slot, &info);
}

const char *slots(void)
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

void nap(void)
{
	const struct timespec t = {0, 200000000};

	nanosleep(&t, NULL);
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

int rig_start(void **state)
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

int rig_stop(void **state)
{
	(void)state;
	assert_int_equal(fn->C_Finalize(NULL), CKR_OK);
	return test_folder_remove(folder);
}

int rig_clean(void **state)
{
	(void)state;
	control("");
	pins_forget();
	(void)fn->C_CloseAllSessions(TOKEN_A);
	(void)fn->C_CloseAllSessions(TOKEN_B);
	return 0;
}
