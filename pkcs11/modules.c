#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* What usually keeps a module of that name from starting. */
static const char *start_hint(const char *name)
{
	static const struct {
		const char *part, *hint;
	} known[] = {
		{"softhsm", "SOFTHSM2_CONF must name a file that can be read, and its "
			    "directories.tokendir a folder of yours (usually "
			    "/etc/softhsm/softhsm2.conf: is your account in the group softhsm?)"},
		{"opensc", "it needs the reader service: systemctl start pcscd"},
		{"tpm2", "it needs a TPM: may your account use /dev/tpmrm0 (group tss)? without a "
			 "TPM remove the package libtpm2-pkcs11-1"},
		{"p11-kit-client", "it needs the socket that P11_KIT_SERVER_ADDRESS names, and "
				   "\"p11-kit server\" on the other end (doc/remote-token.md)"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasestr(name, known[i].part))
			return known[i].hint;
	return "its own configuration or service may be missing: see its maker's manual";
}

/* "softhsm2 (/usr/lib/softhsm/libsofthsm2.so)": the name, and the file where that says more. */
static void full_name(char *out, size_t size, const struct module *m)
{
	char *file = p11_kit_module_get_filename(m->fn);

	if (file && strcmp(file, m->name) != 0)
		snprintf(out, size, "%s (%s)", m->name, file);
	else
		snprintf(out, size, "%s", m->name);
	free(file);
}

static int does_not_start(const struct module *m, const char *again, CK_RV rv, struct err *e)
{
	char name[512];
	char scratch[32];

	full_name(name, sizeof(name), m);
	err_set(e, ERR_TOKEN, "no-module", "the module %s does not start%s: C_Initialize: %s (%s)",
		name, again, rv_means(rv), rv_name(rv, scratch));
	return err_hint(e, "%s", start_hint(name));
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
	owner_module(m->name);
	rv = p11_kit_module_initialize(fn);
	if (rv != CKR_OK)
		return does_not_start(m, "", rv, e);
	if (fn->C_GetInfo(&m->info) != CKR_OK)
		m->info = (CK_INFO){0};
	ts->n++;
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !strcmp(a, b) ||
	       (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* The module among those in use that was loaded from a file, or NULL. */
static struct module *module_of_file(struct tokens *ts, const char *path)
{
	for (size_t i = 0; i < ts->n; i++) {
		char *file = p11_kit_module_get_filename(ts->modules[i].fn);
		const bool same = file && same_file(file, path);

		free(file);
		if (same)
			return &ts->modules[i];
	}
	return NULL;
}

static int no_room(const char *path, struct err *e)
{
	return err_set(e, ERR_TOKEN, "no-module", "%s would be one module more than the %d allowed",
		       path, MODULES_MAX);
}

/* Loads and initialises the module at path, unless it is in use already. */
static int add_path(struct tokens *ts, const char *path, struct err *e)
{
	CK_FUNCTION_LIST *fn;

	if (module_of_file(ts, path))
		return 0;
	if (ts->n == MODULES_MAX)
		return no_room(path, e);
	owner_module(path);
	fn = p11_kit_module_load(path, 0);
	if (!fn) {
		/* p11-kit keeps its last message per thread. */
		const char *said = p11_kit_message();

		err_set(e, ERR_TOKEN, "no-module", "cannot load the PKCS#11 module %s: %s", path,
			said ? said : "no reason given");
		return err_hint(e, "give the path of the token maker's PKCS#11 library, such as "
				   "/usr/lib/softhsm/libsofthsm2.so");
	}
	ts->modules[ts->n].by_path = true;
	if (module_add(ts, fn, e)) {
		p11_kit_module_release(fn);
		return (int)e->kind;
	}
	return 0;
}

/* A module that does not load is no reason to hide the tokens of the others. */
static int open_paths(struct tokens *ts, const char *paths, struct err *e)
{
	char *copy = strdup(paths);
	char *rest = copy;
	size_t named = 0;
	int rc = 0;

	if (!copy)
		return err_nomem(e);
	for (const char *path; (path = strsep(&rest, ":"));) {
		if (!*path)
			continue;
		named++;
		rc = add_path(ts, path, e);
		if (rc)
			trouble_add(&ts->unloaded, e);
	}
	free(copy);
	if (!named)
		return err_set(e, ERR_USAGE, "module", "no PKCS#11 module is named by \"%s\"",
			       paths);
	for (size_t i = 0; !ts->n && i + 1 < ts->unloaded.n; i++)
		fprintf(stderr, "warning: %s\n", ts->unloaded.list[i].what);
	return ts->n ? 0 : rc;
}

static void add_configured(struct tokens *ts, CK_FUNCTION_LIST *fn)
{
	struct module named = {.fn = fn};
	struct err why;

	module_name(&named);
	if (ts->n < MODULES_MAX ? module_add(ts, fn, &why) : no_room(named.name, &why))
		trouble_add(&ts->unloaded, &why);
}

/* p11-kit's modules. That there are none is an error only once a token is looked for: a URI may
 * name the module of its own. */
static void open_configured(struct tokens *ts)
{
	ts->configured = loader_configured(&ts->unloaded);
	for (size_t i = 0; ts->configured && ts->configured[i]; i++)
		if (!is_trust_module(ts->configured[i]))
			add_configured(ts, ts->configured[i]);
}

const struct err *tokens_unloaded(const struct tokens *ts, size_t *n)
{
	*n = ts->unloaded.n;
	return ts->unloaded.list;
}

int modules_need(const struct tokens *ts, struct err *e)
{
	if (ts->n)
		return 0;
	if (ts->unloaded.n) {
		*e = ts->unloaded.list[0];
		return err_wrap(e, "no PKCS#11 module works");
	}
	err_set(e, ERR_TOKEN, "no-module", "no PKCS#11 module is configured on this computer");
	return err_hint(e, "install one (Debian: opensc-pkcs11 for cards and USB tokens, "
			   "libsofthsm2 for tests) or name it with --module PATH");
}

int tokens_open(struct tokens **out, const char *module_paths, struct err *e)
{
	struct tokens *ts = calloc(1, sizeof(*ts));
	int rc = 0;

	if (!ts)
		return err_nomem(e);
	owner_task("start", 1);
	if (module_paths)
		rc = open_paths(ts, module_paths, e);
	else
		open_configured(ts);
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
		owner_module(ts->modules[i].name);
		(void)p11_kit_module_finalize(ts->modules[i].fn);
		if (ts->modules[i].by_path)
			p11_kit_module_release(ts->modules[i].fn);
	}
	if (ts->configured)
		p11_kit_modules_release(ts->configured);
	free(ts);
}

/* RFC 7512 section 2.3: a name is that of the module without "lib" and ".so", in any case. */
static bool name_is(const char *wanted, const char *have)
{
	const char *slash = strrchr(have, '/');
	const char *base = slash ? slash + 1 : have;
	const size_t n = strlen(wanted);

	if (strncmp(base, "lib", 3) == 0 && strncasecmp(base, wanted, n) != 0)
		base += 3;
	return n && !strncasecmp(base, wanted, n) && (!base[n] || !strncmp(base + n, ".so", 3));
}

bool module_is_named(const struct module *m, const char *name)
{
	char *file = p11_kit_module_get_filename(m->fn);
	const bool is = name_is(name, m->name) || (file && name_is(name, file));

	free(file);
	return is;
}

int module_by_path(struct module **out, struct tokens *ts, const char *path, struct err *e)
{
	if (*path != '/') {
		err_set(e, ERR_USAGE, "uri", "the module-path \"%s\" in the URI is not a full path",
			path);
		return err_hint(e, "module-name=NAME picks one of the modules that are loaded "
				   "anyway");
	}
	if (add_path(ts, path, e))
		return (int)e->kind;
	*out = module_of_file(ts, path);
	return *out ? 0
		    : err_set(e, ERR_TOKEN, "no-module",
			      "the module %s does not tell which file it is", path);
}

int module_restart(struct module *m, struct err *e)
{
	CK_RV rv;

	owner_module(m->name);
	rv = p11_kit_module_finalize(m->fn);
	m->generation++;
	m->sessions = 0;
	/* It may have failed to start the last time, and p11-kit then knows of nothing to end. */
	if (rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_ARGUMENTS_BAD)
		rv = p11_kit_module_initialize(m->fn);
	return rv == CKR_OK ? 0 : does_not_start(m, " again", rv, e);
}
