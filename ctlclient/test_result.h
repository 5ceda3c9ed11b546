/* What "ctlclient token test" found out, and how it shows it. */
#ifndef CTLCLIENT_TEST_RESULT_H
#define CTLCLIENT_TEST_RESULT_H

#include "ctlclient/cmd_token.h"

enum { TEST_REASONS_MAX = 8 };

/* About the one certificate and its key. */
struct test_result {
	struct token_view view; /* with exactly one certificate */
	struct token_mechanism mechanisms[TOKEN_MECHANISMS];
	struct token_key_facts key;
	bool tried;                             /* key is filled in */
	bool sha1, sha512;                      /* signed, and verified with the certificate */
	const char *problems[TEST_REASONS_MAX]; /* the token cannot sign lists */
	const char *notes[TEST_REASONS_MAX];    /* it can, but */
};

/* The reason why lists cannot be signed with the certificate's key, or NULL. */
const char *test_unfit(const X509 *cert);

/* Adds the problems and notes that the certificate, or the key behind it, gives rise to. */
void test_judge_cert(struct test_result *r);
void test_judge_key(struct test_result *r);

/* On standard output. */
void test_print(const struct test_result *r);

/* doc/tokens.md has the keys. NULL if out of memory; else the caller's. */
json_t *test_json(const struct test_result *r);

#endif
