/* A program that uses the simulated reader, in one process: what the tests of it share. Each
 * function fails the test that runs where a call does not answer as it must. */
#ifndef SOFTHSM_TESTS_SHIM_RIG_H
#define SOFTHSM_TESTS_SHIM_RIG_H

#include <p11-kit/pkcs11.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PIN "271828"
#define SO_PIN "31415926"
#define WRONG "000000"

enum { TOKEN_A = 0, TOKEN_B = 1, SIG_MAX = 256 };

/* The module; good from rig_start() to rig_stop(). */
extern CK_FUNCTION_LIST *fn;

/* Tokens "A" with a key and "B" in the slots 0 and 1, made anew; and their end. */
int rig_start(void **state);
int rig_stop(void **state);

/* After each test: all in, nothing open, no wrong PIN counted. */
int rig_clean(void **state);

/* The control file holds these lines from now on. */
void control(const char *lines);

/* A string as PKCS#11 takes it. */
CK_UTF8CHAR *text(const char *s);

CK_SESSION_HANDLE session_open(CK_SLOT_ID slot);
CK_SESSION_HANDLE session_of_user(CK_SLOT_ID slot);

/* pin may be NULL: the reader asks. */
CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE who, const char *pin);

/* The private key; CKR_KEY_HANDLE_INVALID where none shows, without a login for example. */
CK_RV key_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *key);

/* A signature with that key, in two steps or in one. */
CK_RV sign_init(CK_SESSION_HANDLE s);
CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE out[SIG_MAX], CK_ULONG *len);
CK_RV sign_once(CK_SESSION_HANDLE s);

/* The answer of C_GetTokenInfo. */
CK_RV info_of(CK_SLOT_ID slot);

/* "0 1 2": the slots that have a token; good until the next call. */
const char *slots(void);

/* Long enough for a thread to get into a call that does not return. */
void nap(void);

#endif
