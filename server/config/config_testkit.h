/* What the tests of configuration files share: a cluster of two nodes with a key, and a phone. */
#ifndef SERVER_CONFIG_CONFIG_TESTKIT_H
#define SERVER_CONFIG_CONFIG_TESTKIT_H

#include "server/config/device_file.h"
#include "server/store/store_phone.h"
#include "trustfile/testkit.h"

#define SEP "SEP001122334455"
#define PASSWORD "s3cret<&>word"

struct fixture {
	char state[64];
	struct store *s;
	struct file_key *key;
	struct file_key_where where;
	char path[512];
	struct device_files *files;
	int64_t generation;
	struct test_key ccm, phone, sast;
	struct err e;
};

/* What kind of phone and profile it shall be. */
struct wish {
	const char *model;
	enum device_protocol protocol;
	enum device_mode mode;
	bool encrypted, exclude, cert, typed_key;
};

/* What OK() is. */
void assert_ok(int rc, const struct err *e, int line);

/* Appends the certificate; the view of it. */
struct span der_of(struct buf *b, const X509 *cert);

/* Makes a list active in which ccm is CCM+TFTP. */
void set_mode(struct fixture *f, bool mixed);

/* Setup and teardown of cmocka. */
int config_fixture_open(void **state);
int config_fixture_close(void **state);

/* A profile, a template, a user and a phone called SEP, with everything that a file may hold. */
void add_phone(struct fixture *f, const struct wish *w);

/* The file of that name; device_file_free(). */
struct device_file build(struct fixture *f, const char *name);

/* That the file of that name is of that kind. */
void assert_kind(struct fixture *f, const char *name, enum device_file_kind kind);

#define OK(call) assert_ok((call), &f->e, __LINE__)
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, config_fixture_open, config_fixture_close)

#endif
