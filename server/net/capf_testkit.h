/* What tests of CAPF share: the recorded sessions, their keys, and what should come of them. */
#ifndef SERVER_NET_CAPF_TESTKIT_H
#define SERVER_NET_CAPF_TESTKIT_H

#include "common/bytes.h"

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep
#include <stdint.h> // IWYU pragma: keep

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum { CAPF_TEST_MESSAGES = 16, CAPF_TEST_COLUMN = 64 };

struct capf_test_session {
	/* The columns of vectors/capf/capf-sessions.tsv; "-" is an empty one. */
	char file[CAPF_TEST_COLUMN], device[CAPF_TEST_COLUMN], operation[CAPF_TEST_COLUMN];
	char mode[CAPF_TEST_COLUMN], string[CAPF_TEST_COLUMN], key[CAPF_TEST_COLUMN];
	char end[CAPF_TEST_COLUMN], becomes[CAPF_TEST_COLUMN], differs[CAPF_TEST_COLUMN];

	size_t n;
	struct {
		char from; /* 'S' or 'P' */
		struct buf bytes;
	} messages[CAPF_TEST_MESSAGES];
};

/* Calls fn with each recorded session; fails the test unless there are 28. */
void capf_test_each(void (*fn)(const struct capf_test_session *s));

/* One of them, by the beginning of its name ("03-"); give it to capf_test_free(). */
void capf_test_load(struct capf_test_session *s, const char *begin);
void capf_test_free(struct capf_test_session *s);

/* Certificate and key of vectors/capf/keys/NAME.pem; the caller's. key may be NULL. */
X509 *capf_test_cert(const char *name, EVP_PKEY **key);

#endif
