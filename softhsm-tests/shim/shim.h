/*
 * A simulated token reader for tests: a PKCS#11 module that wraps SoftHSM and, told by a control
 * file, plays what SoftHSM cannot. README.md beside this file says what may stand in that file.
 *
 * Every call goes the same way: call_begin(), call_slot() or call_session() takes the lock, reads
 * the control file again, waits or fails as it says, and finds the token; then comes SoftHSM's part
 * or ours; call_end() lets go of the lock, after the token was pulled out if the file says so.
 */
#ifndef SHIM_H
#define SHIM_H

#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
	WORDS_MAX = 5, /* in a line of the control file, its key included */
	TOKENS_MAX = 64,
	SESSIONS_MAX = 1024,
	SIM_PIN_MAX = 256,
	SLOT_VIEWS_MAX = 2 * TOKENS_MAX,
};

/* All functions of PKCS#11 v2.40, in the order of CK_FUNCTION_LIST. */
#define SHIM_FUNCTIONS(X)                                                                          \
	X(C_Initialize)                                                                            \
	X(C_Finalize)                                                                              \
	X(C_GetInfo)                                                                               \
	X(C_GetFunctionList)                                                                       \
	X(C_GetSlotList)                                                                           \
	X(C_GetSlotInfo)                                                                           \
	X(C_GetTokenInfo)                                                                          \
	X(C_GetMechanismList)                                                                      \
	X(C_GetMechanismInfo)                                                                      \
	X(C_InitToken)                                                                             \
	X(C_InitPIN)                                                                               \
	X(C_SetPIN)                                                                                \
	X(C_OpenSession)                                                                           \
	X(C_CloseSession)                                                                          \
	X(C_CloseAllSessions)                                                                      \
	X(C_GetSessionInfo)                                                                        \
	X(C_GetOperationState)                                                                     \
	X(C_SetOperationState)                                                                     \
	X(C_Login)                                                                                 \
	X(C_Logout)                                                                                \
	X(C_CreateObject)                                                                          \
	X(C_CopyObject)                                                                            \
	X(C_DestroyObject)                                                                         \
	X(C_GetObjectSize)                                                                         \
	X(C_GetAttributeValue)                                                                     \
	X(C_SetAttributeValue)                                                                     \
	X(C_FindObjectsInit)                                                                       \
	X(C_FindObjects)                                                                           \
	X(C_FindObjectsFinal)                                                                      \
	X(C_EncryptInit)                                                                           \
	X(C_Encrypt)                                                                               \
	X(C_EncryptUpdate)                                                                         \
	X(C_EncryptFinal)                                                                          \
	X(C_DecryptInit)                                                                           \
	X(C_Decrypt)                                                                               \
	X(C_DecryptUpdate)                                                                         \
	X(C_DecryptFinal)                                                                          \
	X(C_DigestInit)                                                                            \
	X(C_Digest)                                                                                \
	X(C_DigestUpdate)                                                                          \
	X(C_DigestKey)                                                                             \
	X(C_DigestFinal)                                                                           \
	X(C_SignInit)                                                                              \
	X(C_Sign)                                                                                  \
	X(C_SignUpdate)                                                                            \
	X(C_SignFinal)                                                                             \
	X(C_SignRecoverInit)                                                                       \
	X(C_SignRecover)                                                                           \
	X(C_VerifyInit)                                                                            \
	X(C_Verify)                                                                                \
	X(C_VerifyUpdate)                                                                          \
	X(C_VerifyFinal)                                                                           \
	X(C_VerifyRecoverInit)                                                                     \
	X(C_VerifyRecover)                                                                         \
	X(C_DigestEncryptUpdate)                                                                   \
	X(C_DecryptDigestUpdate)                                                                   \
	X(C_SignEncryptUpdate)                                                                     \
	X(C_DecryptVerifyUpdate)                                                                   \
	X(C_GenerateKey)                                                                           \
	X(C_GenerateKeyPair)                                                                       \
	X(C_WrapKey)                                                                               \
	X(C_UnwrapKey)                                                                             \
	X(C_DeriveKey)                                                                             \
	X(C_SeedRandom)                                                                            \
	X(C_GenerateRandom)                                                                        \
	X(C_GetFunctionStatus)                                                                     \
	X(C_CancelFunction)                                                                        \
	X(C_WaitForSlotEvent)

#define X(name) FN_##name,
enum fn { SHIM_FUNCTIONS(X) FN_COUNT };
#undef X

/* Our own ones, spread over the files. */
#define X(name) __typeof__(name) shim_##name;
SHIM_FUNCTIONS(X)
#undef X

/* ---- names.c ---- */

extern const char *const fn_names[FN_COUNT];

/* The number that a name such as "CKR_DEVICE_ERROR", or a number, stands for; ends the process if
 * it is neither. */
CK_ULONG name_value(const char *name);

/* ---- control.c ---- */

/* A line of the control file: words with %XX decoded, so that they may hold any byte. */
struct rule {
	char *line; /* as it stands in the file */
	int words;
	char *word[WORDS_MAX]; /* NUL-terminated; unused ones are NULL */
	size_t len[WORDS_MAX];
	unsigned seen; /* how often it was asked for, in this process */
};

struct control {
	struct rule *rules;
	size_t n;
	struct stat as_of; /* the file they were read from */
};

/* The path of the control file, from CTL_SHIM_CONTROL; ends the process if that is not set. */
const char *control_path(void);

/* Reads the file again if it is another one than last time. A line that is there still goes on
 * counting where it was. */
void control_refresh(struct control *c);
void control_free(struct control *c);

/* A test that is wrong must not pass: says why on standard error and ends the process with 97. */
_Noreturn void shim_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct token;

/* The first line with this key whose word at the place at (0: none) names the token (t may be
 * NULL: then only "*" or no word does). */
struct rule *control_for(struct control *c, const char *key, int at, const struct token *t);

/* Counts a use of the line. True from use skip + 1 on, count times (0: always); the words at
 * the places count_at and skip_at say how many, absent ones 0. */
bool rule_due(struct rule *r, int count_at, int skip_at);

/* The word as a number; otherwise where it is absent. */
CK_ULONG rule_number(const struct rule *r, int at, CK_ULONG otherwise);

/* ---- tokens.c ---- */

/* A token of SoftHSM, in a reader of ours. */
struct token {
	CK_SLOT_ID real;         /* SoftHSM's slot */
	CK_TOKEN_INFO info;      /* as SoftHSM tells it */
	CK_SLOT_ID number;       /* our slot, unless the control file names another */
	unsigned long insertion; /* counts how often it was put in: "inserted" */
	bool present;            /* as far as the control file goes */
	bool pulled;             /* by remove-during or remove-after, until the next insertion */
	bool unseen;             /* "new-tokens after-initialize": SoftHSM's habit */
	unsigned long reported;  /* insertion + 1, or 0, as C_WaitForSlotEvent told it last */
	char pin[SIM_PIN_MAX];   /* of the user at the last login: a second one is checked by it */
	size_t pin_len;
};

/* A slot as it is now. */
struct slot_view {
	CK_SLOT_ID id;
	struct token *token; /* NULL: nothing in it */
};

/* Fetches SoftHSM's tokens; numbers them by label if they are the first. */
CK_RV tokens_fetch(void);

/* Puts in and pulls out what the control file says. first: nothing of it is news. */
void tokens_update(bool first);

/* After a fresh start: what was pulled out before, as one of these n tokens, is still out unless
 * the control file says that it was put in. */
void tokens_recall(const struct token *before, size_t n);

/* SoftHSM sees tokens that another program made only after a fresh start: gives it one, if there
 * are such tokens, no session is in the way and the control file does not forbid it. */
CK_RV tokens_rediscover(void);

void token_pull(struct token *t);
bool token_shows(const struct token *t);

/* True if a word of the control file ("*", "serial=...", a label) means the token. */
bool token_named(const struct token *t, const char *word, size_t len);

/* SoftHSM's serial number without padding. */
void token_serial(const struct token *t, char out[17]);

size_t slot_views(struct slot_view out[SLOT_VIEWS_MAX]);
bool slot_find(CK_SLOT_ID id, struct slot_view *out);

/* ---- sessions.c ---- */

struct session {
	CK_SESSION_HANDLE handle; /* ours; 0: this place is free. Never used twice */
	CK_SESSION_HANDLE real;
	CK_SLOT_ID slot; /* ours, when it was opened */
	struct token *token;
	bool lost;          /* the token was pulled out, which was not answered yet */
	bool asks;          /* a signature was begun with a key that always authenticates */
	bool asks_granted;  /* and the PIN for it was given */
	bool finds_nothing; /* the search going on: find-nothing */
	CK_OBJECT_HANDLE found_before; /* in it: find-endless */
};

struct session *session_find(CK_SESSION_HANDLE handle);
void session_drop(struct session *s);
void sessions_lose(const struct token *t);
bool sessions_any(const struct token *t); /* NULL: of any token */

/* ---- faults.c ---- */

struct call {
	enum fn f;
	struct token *token;     /* NULL: it is about no token */
	struct session *session; /* NULL: it is in no session */
	CK_SESSION_HANDLE real;  /* SoftHSM's session */
};

/* After any of these, call_end() has to come; what they return other than CKR_OK is the answer. */
CK_RV call_begin(struct call *c, enum fn f);
CK_RV call_slot(struct call *c, enum fn f, CK_SLOT_ID slot);
CK_RV call_session(struct call *c, enum fn f, CK_SESSION_HANDLE session);
CK_RV call_end(struct call *c, CK_RV rv);

/* Sleeps without the lock. */
void shim_pause(unsigned ms);

/* CKR_MECHANISM_INVALID if the control file has taken it away from the token. */
CK_RV mechanism_check(const struct token *t, CK_MECHANISM_TYPE mechanism);

/* ---- pin.c ---- */

/* A token's flags with our counters in place of SoftHSM's. */
CK_FLAGS pin_flags(const struct token *t, CK_FLAGS flags);
bool pin_pad(const struct token *t);

/* ---- module.c ---- */

/* The one place where state is kept: PKCS#11 has no handle for a module. */
struct shim {
	pthread_mutex_t lock;
	CK_FUNCTION_LIST *real; /* SoftHSM */
	bool initialized;
	struct control control;
	struct token tokens[TOKENS_MAX];
	size_t token_count;
	struct timespec token_folder; /* SoftHSM's, when it was started */
	struct session sessions[SESSIONS_MAX];
	CK_SESSION_HANDLE last_session;
};
extern struct shim shim;

CK_RV real_start(void);
CK_RV real_stop(void);

#endif
