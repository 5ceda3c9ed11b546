/* What the tests of phones, profiles and their secrets share: a store in a folder of its own. */
#ifndef SERVER_STORE_PHONE_TESTKIT_H
#define SERVER_STORE_PHONE_TESTKIT_H

#include "server/store/store_phone.h"

struct fixture {
	char state[64];
	struct store *s;
	struct err e;
};

/* Setup and teardown of cmocka: a store in a folder of its own. */
int phone_fixture_open(void **state);
int phone_fixture_close(void **state);

/* OK() and REFUSED() say where. */
void assert_ok(int rc, const struct err *e, int line);
void assert_refused(int rc, const struct err *e, enum err_kind kind, const char *id, int line);

/* One with a name, a model and a protocol, and nothing else. */
struct store_phone phone(const char *name, const char *model, enum device_protocol protocol);

/* Adds a phone with that profile. */
void add_phone(struct fixture *f, const char *name, const char *model,
	       enum device_protocol protocol, const char *profile);

/* Adds a profile with the defaults of the protocol. */
void add_profile(struct fixture *f, const char *name, enum device_protocol protocol,
		 enum device_mode mode);

/* For secret_free(). */
struct secret secret_of(const char *text);

/* Gives a digest user that password. */
void set_user(struct fixture *f, const char *name, const char *password);

#define OK(call) assert_ok((call), &f->e, __LINE__)
#define REFUSED(call, kind_, id_) assert_refused((call), &f->e, kind_, id_, __LINE__)
#define TEST(name) cmocka_unit_test_setup_teardown(name, phone_fixture_open, phone_fixture_close)

#endif
