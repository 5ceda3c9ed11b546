#include "server/store/phone_testkit.h"

#include "common/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int phone_fixture_open(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->state, "/tmp/store_phone.XXXXXX");
	assert_non_null(mkdtemp(f->state));
	assert_int_equal(store_open(&f->s, f->state, STORE_CREATE, &f->e), 0);
	*state = f;
	return 0;
}

int phone_fixture_close(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	assert_int_equal(test_folder_remove(f->state), 0);
	free(f);
	return 0;
}

void assert_ok(int rc, const struct err *e, int line)
{
	if (rc)
		fail_msg("line %d: %s: %s", line, e->id, e->what);
}

void assert_refused(int rc, const struct err *e, enum err_kind kind, const char *id, int line)
{
	if (rc != (int)kind)
		fail_msg("line %d: %d, not %d: %s %s", line, rc, (int)kind, e->id, e->what);
	if (strcmp(e->id, id) != 0)
		fail_msg("line %d: %s: %s", line, e->id, e->what);
}

struct store_phone phone(const char *name, const char *model, enum device_protocol protocol)
{
	struct store_phone p = {.protocol = protocol};

	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.model, sizeof(p.model), "%s", model);
	return p;
}

void add_phone(struct fixture *f, const char *name, const char *model,
	       enum device_protocol protocol, const char *profile)
{
	struct store_phone p = phone(name, model, protocol);

	snprintf(p.profile, sizeof(p.profile), "%s", profile);
	OK(store_phone_add(f->s, &p, &f->e));
}

void add_profile(struct fixture *f, const char *name, enum device_protocol protocol,
		 enum device_mode mode)
{
	struct store_profile p;

	store_profile_init(&p, protocol);
	snprintf(p.name, sizeof(p.name), "%s", name);
	p.mode = mode;
	if (protocol == DEVICE_SIP && mode != DEVICE_NONSECURE)
		p.transport = DEVICE_TLS;
	OK(store_profile_add(f->s, &p, &f->e));
}

struct secret secret_of(const char *text)
{
	struct secret s = {0};
	struct err e;

	assert_int_equal(secret_set(&s, text, strlen(text), &e), 0);
	return s;
}

void set_user(struct fixture *f, const char *name, const char *password)
{
	struct secret s = secret_of(password);

	OK(store_digest_user_set(f->s, name, &s, &f->e));
	secret_free(&s);
}
