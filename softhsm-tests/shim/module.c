#include "shim.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shim shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *real_path(void)
{
	static const char *const known[] = {
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/softhsm/libsofthsm2.so",
	};
	const char *path = getenv("CTL_SHIM_MODULE");

	if (path && *path)
		return path;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!access(known[i], R_OK))
			return known[i];
	shim_die("SoftHSM is not installed");
}

/* Never unloaded again: programs start and stop a module many times. */
static void real_load(void)
{
	void *handle = dlopen(real_path(), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;

	if (!handle)
		shim_die("cannot load %s: %s", real_path(), dlerror());
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (!get || get(&shim.real) != CKR_OK)
		shim_die("%s is no PKCS#11 module", real_path());
}

CK_RV real_start(void)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};

	if (!shim.real)
		real_load();
	return shim.real->C_Initialize(&args);
}

CK_RV real_stop(void)
{
	return shim.real->C_Finalize(NULL);
}

CK_RV shim_C_Initialize(void *args)
{
	struct token before[TOKENS_MAX];
	const size_t n = shim.token_count;
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_Initialize);

	(void)args;
	if (rv == CKR_OK && shim.initialized)
		rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	if (rv == CKR_OK)
		rv = real_start();
	if (rv == CKR_OK) {
		memcpy(before, shim.tokens, sizeof(before));
		shim.token_count = 0;
		rv = tokens_rediscover();
		tokens_recall(before, n);
		tokens_update(true);
		shim.initialized = rv == CKR_OK;
		if (!shim.initialized)
			(void)real_stop();
	}
	return call_end(&c, rv);
}

CK_RV shim_C_Finalize(void *reserved)
{
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_Finalize);

	if (rv == CKR_OK && reserved)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = real_stop();
	if (rv == CKR_OK) {
		shim.initialized = false;
		memset(shim.sessions, 0, sizeof(shim.sessions));
	}
	return call_end(&c, rv);
}

/* The module is unloaded, or the program ends. */
__attribute__((destructor)) static void unload(void)
{
	control_free(&shim.control);
}

CK_RV shim_C_GetInfo(CK_INFO *info)
{
	static const char library[] = "SoftHSM behind a simulation";
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_GetInfo);

	if (rv == CKR_OK)
		rv = shim.real->C_GetInfo(info);
	if (rv == CKR_OK) {
		memset(info->libraryDescription, ' ', sizeof(info->libraryDescription));
		memcpy(info->libraryDescription, library, sizeof(library) - 1);
	}
	return call_end(&c, rv);
}

#define X(name) .name = shim_##name,
static CK_FUNCTION_LIST functions = {.version = {2, 40}, SHIM_FUNCTIONS(X)};
#undef X

CK_RV shim_C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_GetFunctionList);

	if (rv == CKR_OK && !list)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		*list = &functions;
	return call_end(&c, rv);
}

/* The one symbol that the world sees. */
__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	return shim_C_GetFunctionList(list);
}
