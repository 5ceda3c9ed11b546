/* What the tests of this room share: a SoftHSM of their own. */
#ifndef PKCS11_TESTHSM_H
#define PKCS11_TESTHSM_H

#include "pkcs11/cryptoki.h"

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>

#define HSM_PIN "271828"
#define HSM_SO_PIN "31415926"

/* cmocka group set-up: an empty SoftHSM in a folder of its own, opened; *state is a struct tokens.
 * The tear-down closes it and removes the folder. */
int hsm_setup(void **state);
int hsm_teardown(void **state);

/* The path of SoftHSM's module, and the folder of its tokens. */
const char *hsm_module(void);
const char *hsm_folder(void);

/* A secret of some text; free it with secret_free(). */
struct secret hsm_secret(const char *text);

/* Initialises the empty slot as a token of that label, with the PINs above. */
struct token_info hsm_token(struct tokens *ts, const char *label);

/* Finds, and logs in with HSM_PIN. */
struct token *hsm_find(struct tokens *ts, const char *uri);
struct token *hsm_login(struct tokens *ts, const char *uri);

/* Makes a key and its certificate on a token that is logged in; the subject is "CN=label,...". */
X509 *hsm_key(struct token *t, const char *label, unsigned bits);

/* Fails the test unless rc is kind and e->id is id. */
#define assert_err(rc, e, kind_, id_)                                                              \
	do {                                                                                       \
		assert_int_equal(rc, kind_);                                                       \
		assert_string_equal((e)->id, id_);                                                 \
	} while (0)

/* Fails the test with the error's text unless rc is 0. */
#define assert_ok(rc, e)                                                                           \
	do {                                                                                       \
		if (rc)                                                                            \
			fail_msg("%s: %s", (e)->id, (e)->what);                                    \
	} while (0)

#endif
