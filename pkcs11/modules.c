#include "pkcs11/cryptoki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* p11-kit keeps its last message per thread; it is NULL when there was nothing to say. */
static const char *p11_reason(CK_RV rv)
{
	const char *said = p11_kit_message();

	return said ? said : p11_kit_strerror(rv);
}

static bool is_trust_module(CK_FUNCTION_LIST *fn)
{
	char *policy = p11_kit_config_option(fn, "trust-policy");
	const bool yes = policy && !strcmp(policy, "yes");

	free(policy);
	return yes;
}

static void module_name(struct module *m)
{
	char *name = p11_kit_module_get_name(m->fn);

	if (!name)
		name = p11_kit_module_get_filename(m->fn);
	text_show(m->name, sizeof(m->name), (const uint8_t *)(name ? name : "?"),
		  name ? strlen(name) : 1);
	free(name);
}

/* Initialises a module and adds it to those in use. p11-kit sets CKF_OS_LOCKING_OK for us, and
 * keeps count if this program has the module open twice. */
static int module_add(struct tokens *ts, CK_FUNCTION_LIST *fn, struct err *e)
{
	struct module *m = &ts->modules[ts->n];
	CK_RV rv;

	m->fn = fn;
	module_name(m);
	rv = p11_kit_module_initialize(fn);
	if (rv != CKR_OK) {
		err_set(e, ERR_TOKEN, "no-module", "the module %s does not start: %s", m->name,
			p11_reason(rv));
		return err_hint(e, "its own configuration or service (for OpenSC: pcscd; for "
				   "SoftHSM: SOFTHSM2_CONF) may be missing");
	}
	if (fn->C_GetInfo(&m->info) != CKR_OK)
		m->info = (CK_INFO){0};
	ts->n++;
	return 0;
}

static int open_path(struct tokens *ts, const char *path, struct err *e)
{
	CK_FUNCTION_LIST *fn;

	ts->modules = calloc(1, sizeof(*ts->modules));
	if (!ts->modules)
		return err_nomem(e);
	fn = p11_kit_module_load(path, 0);
	if (!fn) {
		err_set(e, ERR_TOKEN, "no-module", "cannot load the PKCS#11 module %s: %s", path,
			p11_reason(CKR_GENERAL_ERROR));
		return err_hint(e, "give the path of the token maker's PKCS#11 library, such as "
				   "/usr/lib/softhsm/libsofthsm2.so");
	}
	if (module_add(ts, fn, e)) {
		p11_kit_module_release(fn);
		return (int)e->kind;
	}
	return 0;
}

static int open_configured(struct tokens *ts, struct err *e)
{
	struct err why;
	size_t n = 0;

	/* Modules that do not load are then named on standard error, each with the reason. */
	p11_kit_be_loud();
	ts->configured = p11_kit_modules_load(NULL, 0);
	p11_kit_be_quiet();
	while (ts->configured && ts->configured[n])
		n++;
	ts->modules = calloc(n + 1, sizeof(*ts->modules));
	if (!ts->modules)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (!is_trust_module(ts->configured[i]) && module_add(ts, ts->configured[i], &why))
			fprintf(stderr, "warning: %s\n", why.what);
	if (ts->n)
		return 0;
	err_set(e, ERR_TOKEN, "no-module", "no PKCS#11 module is configured on this computer");
	return err_hint(e, "install one (Debian: opensc-pkcs11 for cards and USB tokens, "
			   "libsofthsm2 for tests) or name it with --module PATH");
}

int tokens_open(struct tokens **out, const char *module_path, struct err *e)
{
	struct tokens *ts = calloc(1, sizeof(*ts));
	int rc;

	if (!ts)
		return err_nomem(e);
	rc = module_path ? open_path(ts, module_path, e) : open_configured(ts, e);
	if (rc) {
		tokens_close(ts);
		return rc;
	}
	*out = ts;
	return 0;
}

void tokens_close(struct tokens *ts)
{
	if (!ts)
		return;
	for (size_t i = 0; i < ts->n; i++) {
		(void)p11_kit_module_finalize(ts->modules[i].fn);
		if (!ts->configured)
			p11_kit_module_release(ts->modules[i].fn);
	}
	if (ts->configured)
		p11_kit_modules_release(ts->configured);
	free(ts->modules);
	free(ts);
}

int module_restart(struct module *m, struct err *e)
{
	CK_RV rv = p11_kit_module_finalize(m->fn);

	m->generation++;
	if (rv == CKR_OK)
		rv = p11_kit_module_initialize(m->fn);
	if (rv != CKR_OK)
		return err_set(e, ERR_TOKEN, "no-module", "the module %s does not start again: %s",
			       m->name, p11_reason(rv));
	return 0;
}
