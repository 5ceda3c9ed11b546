/*
 * What CAPF is told and remembers, without a provider: for tests and benchmarks.
 *
 *   capf_store STATE phone NAME MODEL AUTH      add a phone, by string, null, lsc or mic
 *   capf_store STATE many COUNT AUTH KEY        add SEP000000000000 and on, install pending
 *   capf_store STATE set NAME OPERATION KEY [STRING [BY]]    KEY, STRING: - is none
 *   capf_store STATE show NAME                  operation, status, what happened last
 *   capf_store STATE issued NAME                serial number and state of each certificate
 *   capf_store STATE trust FILE                 believe MICs of that manufacturer
 *   capf_store STATE user USER INSTANCE         add an application's instance
 *   capf_store STATE revoke SERIAL
 */
#include "common/file.h"
#include "server/device/words.h"
#include "server/store/notify.h"
#include "server/store/store_capf.h"
#include "trustfile/cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const operations[] = {"none", "install", "delete", "troubleshoot"};
static const char *const statuses[] = {"idle", "pending", "failed", "successful"};
static const char *const states[] = {"sent", "current", "replaced", "void", "deleted", "revoked"};

/* A profile for the mode, unless there is one. */
static int add_profile(struct store *s, const char *auth, struct err *e)
{
	struct store_profile p;
	bool found;

	if (store_profile_get(s, auth, &p, &found, e) || found)
		return found ? 0 : (int)e->kind;
	store_profile_init(&p, DEVICE_SCCP);
	snprintf(p.name, sizeof(p.name), "%s", auth);
	if (!device_auth_of(&p.auth_mode, auth))
		return err_set(e, ERR_USAGE, "usage", "no mode %s", auth);
	return store_profile_add(s, &p, e);
}

static int add_phone(struct store *s, const char *name, const char *model, const char *auth,
		     struct err *e)
{
	struct store_phone p = {.protocol = DEVICE_SCCP};
	int rc = add_profile(s, auth, e);

	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.model, sizeof(p.model), "%s", model);
	snprintf(p.profile, sizeof(p.profile), "%s", auth);
	if (!rc)
		rc = store_phone_add(s, &p, e);
	store_phone_free(&p);
	return rc;
}

static int set(struct store *s, char **args, int n, struct err *e)
{
	struct store_capf_order o = {0};
	struct span string = {0};

	for (int i = 0; i < 4; i++)
		if (!strcmp(operations[i], args[1]))
			o.operation = (enum store_capf_operation)i;
	o.key = strcmp(args[2], "-") ? args[2] : NULL;
	if (n > 3 && strcmp(args[3], "-") != 0) {
		string = span_of(args[3], strlen(args[3]));
		o.string = &string;
	}
	if (n > 4)
		o.by = strtoll(args[4], NULL, 10);
	return store_capf_set(s, args[0], &o, e);
}

static int add_many(struct store *s, char **args, struct err *e)
{
	const long count = strtol(args[0], NULL, 10);
	char name[DEVICE_NAME_MAX];
	char install[] = "install";
	char *order[] = {name, install, args[2]};
	int rc = store_batch_begin(s, e);

	for (long i = 0; !rc && i < count; i++) {
		snprintf(name, sizeof(name), "SEP%012lX", (unsigned long)i & 0xffffffffffff);
		rc = add_phone(s, name, "7970", args[1], e);
		if (!rc)
			rc = set(s, order, 3, e);
	}
	return rc ? rc : store_batch_end(s, e);
}

static int show(struct store *s, const char *name, struct err *e)
{
	struct store_capf_case c;
	bool found;

	if (store_capf_get(s, name, &c, &found, e))
		return (int)e->kind;
	if (!found)
		return err_set(e, ERR_FAILED, "no-phone", "there is no %s", name);
	printf("%s %s string=%d wrong=%" PRId64 " detail=%s last=%s\n",
	       operations[c.capf.operation], statuses[c.capf.status], c.capf.has_string, c.wrong,
	       c.capf.detail, c.last_text);
	return 0;
}

static int print_row(const struct store_capf_row *r, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	printf("%s %s %" PRId64 "\n", r->issued.serial, states[r->state], r->issued.number);
	return 0;
}

static int trust(struct store *s, const char *path, struct err *e)
{
	struct buf content = {0}, der = {0};
	X509 *x = NULL;
	int rc = file_read(path, 1 << 20, &content, e);

	if (!rc)
		rc = cert_from_file_bytes(&x, buf_view(&content), e);
	if (!rc) {
		cert_der(&der, x);
		rc = store_capf_trust_add(s, path, buf_view(&der), e);
	}
	X509_free(x);
	buf_free(&content);
	buf_free(&der);
	return rc;
}

static int add_user(struct store *s, char **args, struct err *e)
{
	struct store_capf_user u = {.application = true, .key_size = 1024};

	snprintf(u.user, sizeof(u.user), "%s", args[0]);
	snprintf(u.instance, sizeof(u.instance), "%s", args[1]);
	return store_capf_user_add(s, &u, e);
}

static int run(struct store *s, const char *what, char **args, int n, struct err *e)
{
	if (!strcmp(what, "phone") && n == 3)
		return add_phone(s, args[0], args[1], args[2], e);
	if (!strcmp(what, "many") && n == 3)
		return add_many(s, args, e);
	if (!strcmp(what, "set") && n >= 3)
		return set(s, args, n, e);
	if (!strcmp(what, "show") && n == 1)
		return show(s, args[0], e);
	if (!strcmp(what, "issued") && n == 1)
		return store_capf_issued(s, args[0], time(NULL), print_row, NULL, e);
	if (!strcmp(what, "trust") && n == 1)
		return trust(s, args[0], e);
	if (!strcmp(what, "user") && n == 2)
		return add_user(s, args, e);
	if (!strcmp(what, "revoke") && n == 1)
		return store_capf_revoke(s, args[0], 1, time(NULL), e);
	return err_set(e, ERR_USAGE, "usage", "capf_store STATE COMMAND ...: see its source");
}

int main(int argc, char **argv)
{
	struct store *s = NULL;
	struct err e;
	int rc;

	if (argc < 3)
		return ERR_USAGE;
	rc = store_open(&s, argv[1], STORE_WRITE, &e);
	if (!rc)
		rc = run(s, argv[2], argv + 3, argc - 3, &e);
	store_close(s);
	if (rc)
		err_print(&e, "capf_store");
	else
		notify_all(argv[1]);
	return rc;
}
