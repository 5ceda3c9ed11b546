/*
 * What the files of this room share: PKCS#11 handles behind the types of token.h. Not for others.
 *
 * A module is a stranger: every length it answers is checked against the room that was offered,
 * every list it gives is cut at a limit, and no answer is asked for twice where once will do.
 */
#ifndef PKCS11_CRYPTOKI_H
#define PKCS11_CRYPTOKI_H

#include "pkcs11/issue.h"
#include "pkcs11/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

enum {
	MODULES_MAX = 32,    /* in use at once */
	SLOTS_MAX = 256,     /* in one module */
	OBJECTS_MAX = 512,   /* found in one search */
	ID_MAX = 64,         /* CKA_ID: struct token_cert's */
	LABEL_MAX = 255,     /* CKA_LABEL as it is read */
	URI_SHOWN_MAX = 512, /* a URI in messages */
	CERT_MAX = 16384,    /* CKA_VALUE of a certificate */
	MODULUS_MAX = 1024,  /* 8192 bits */
	TROUBLES_MAX = 16,   /* remembered at once */
};

/* What did not work while the rest went on. Further ones than there is room for are dropped. */
struct troubles {
	struct err list[TROUBLES_MAX];
	size_t n;
};

static inline void trouble_add(struct troubles *t, const struct err *e)
{
	if (t->n < TROUBLES_MAX)
		t->list[t->n++] = *e;
}

/* ---- loader.c ---- */

/* p11-kit's configured modules, loaded and not started; NULL if there are none. Each that does not
 * load is added to t with the reason. */
CK_FUNCTION_LIST **loader_configured(struct troubles *t);

/* ---- modules.c ---- */

struct module {
	CK_FUNCTION_LIST *fn;
	char name[256]; /* as struct token_info's */
	CK_INFO info;
	unsigned generation; /* how often it was restarted: sessions do not outlive that */
	unsigned sessions;   /* of struct token, open now */
	bool by_path;        /* named by path, not by p11-kit's configuration */
};

struct tokens {
	CK_FUNCTION_LIST **configured;      /* p11-kit's list, or NULL */
	struct module modules[MODULES_MAX]; /* n of them, initialised */
	size_t n;
	struct troubles unloaded; /* modules that are not among them */
	struct troubles unread;   /* of the last slots_list() */
};

/* ERR_TOKEN "no-module" if there is none. */
int modules_need(const struct tokens *ts, struct err *e);

/* The module that a URI's module-path names: loaded now, unless it is in use already. ERR_TOKEN
 * "no-module"; ERR_USAGE "uri" if the path is not absolute. */
int module_by_path(struct module **out, struct tokens *ts, const char *path, struct err *e);

/* True if name is the module's name or its file's, without "lib" and ".so" (RFC 7512, module-name).
 */
bool module_is_named(const struct module *m, const char *name);

/* Finalises the module and initialises it anew: SoftHSM shows new tokens only then. All sessions
 * of this program with it end. */
int module_restart(struct module *m, struct err *e);

/* ---- rv.c ---- */

/* "CKR_PIN_INCORRECT"; for a value not in the table its number. scratch has 32 bytes. */
const char *rv_name(CK_RV rv, char scratch[32]);

/* True if the answer means that the token, or our session with it, is gone. */
bool rv_is_loss(CK_RV rv);

/* True if the answer says only that there is no token in the slot (any more). */
bool rv_is_absence(CK_RV rv);

/* "the token was removed": what the answer means. */
const char *rv_means(CK_RV rv);

/* Sets the error for an answer rv to something we tried: "DOING: what rv means (CKR_NAME)". The id
 * is "token-removed", "pin-wrong", "pin-locked" or "login-needed" where rv says so, else id. */
int rv_err(struct err *e, CK_RV rv, const char *id, const char *doing, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- text.c ---- */

/* Writes a token's text (len bytes, padding at the end left out) into out the way
 * text_printable() shows it, cut to size bytes, the NUL included. */
void text_show(char *out, size_t size, const uint8_t *text, size_t len);

/* The length of a space or NUL padded field without its padding. */
size_t text_trimmed(const uint8_t *text, size_t len);

/* ---- slots.c ---- */

/* How much of what it says of itself a URI needs to name one token and no other. */
enum uri_detail { URI_SERIAL, URI_MODEL, URI_SLOT, URI_MODULE };

/* A token seen in a slot of a module. */
struct slot {
	struct module *module;
	CK_SLOT_ID id;
	CK_TOKEN_INFO raw;
	struct token_info info;
	enum uri_detail detail; /* what its URI needs */
};

/* All tokens present in the modules of ts, or in only one of them. *out is an array of *out_n, the
 * caller's; free() it. What could not be looked at is in ts->unread. ERR_TOKEN "slots" if no module
 * answered. */
int slots_list(struct slot **out, size_t *out_n, struct tokens *ts, struct module *only,
	       struct err *e);

/* The numbers of a module's slots, or of those that hold a token: n of them. */
CK_RV slot_ids(const struct module *m, bool only_with_token, CK_SLOT_ID ids[SLOTS_MAX],
	       CK_ULONG *n);

/* Writes the URIs: each names one token of the list and no other. */
void slots_name(struct slot *list, size_t n);

/* Looks at the token in the slot again. */
CK_RV slot_refresh(struct slot *s);

/* True if both are the same token, in the same slot or another: same serial number and label, or,
 * if it has no serial number, same slot and label. */
bool slot_same_token(const struct slot *a, const struct slot *b);

/* ---- uri.c ---- */

/* RFC 7512. *out is the caller's (p11_kit_uri_free); a pin-value is not in it but in *pin, which is
 * the caller's too (secret_free). ERR_USAGE "uri". */
int uri_parse(P11KitUri **out, struct secret *pin, const char *text, struct err *e);

/* The text of a URI for messages, cut to size bytes: what a pin-value says is left out. */
void uri_show(char *out, size_t size, const char *text);

/* How well the URI's module and token parts fit: better is larger. Its module-path is the caller's
 * to look after (module_by_path). */
enum uri_fit { URI_NO, URI_DECORATED, URI_EXACT };
enum uri_fit uri_fits(P11KitUri *uri, const struct slot *s);

/* Writes the URI of the token, and of an object on it as far as label and id have data, into out.
 */
void uri_format(char *out, size_t size, const struct slot *s, enum uri_detail detail,
		struct span label, struct span id);

/* The label or id of the object the URI names; data is NULL if it names none. */
struct span uri_object(P11KitUri *uri);
struct span uri_id(P11KitUri *uri);

/* ---- find.c, session.c ---- */

/* A private key at hand: searched for once, not for each signature. */
struct key {
	EVP_PKEY *public; /* owned; NULL: none at hand */
	CK_OBJECT_HANDLE handle;
	bool asks; /* CKA_ALWAYS_AUTHENTICATE */
};

struct token {
	struct tokens *ts;
	struct slot at;
	P11KitUri *uri;
	char *object;            /* the object the URI names, as text, or NULL */
	struct secret pin_value; /* the URI's; empty if there is none */
	struct key key;          /* the one used last, while the session lasts */
	struct {
		uint8_t id[ID_MAX];
		size_t len;
	} half_made;               /* CKA_ID of a key pair that has no certificate; len 0: none */
	CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE while there is none */
	unsigned generation;       /* the module's, when the session was opened */
};

/* Makes sure there is a session (read-only), after a loss with the slot where the token's serial
 * number is now: the login is lost then. ERR_TOKEN "token-removed". */
int session_need(struct token *t, struct err *e);

/* A read-write session of its own, to be closed by the caller. The login of t's session holds for
 * it too. ERR_TOKEN "token-removed", "session". */
int session_for_writing(CK_SESSION_HANDLE *session, struct token *t, struct err *e);

/* Looks at the token in the slot again. CKR_TOKEN_NOT_PRESENT, and t is as before, also if another
 * token sits there now. */
CK_RV token_look(struct token *t);

/* True if there is a session. */
bool session_is_open(const struct token *t);

/* After answers that were taken for "there is nothing": ERR_TOKEN "token-removed" if the session is
 * lost, so that they meant something else. */
int session_check(struct token *t, struct err *e);

/* Forgets a session that rv says is lost. */
void session_after(struct token *t, CK_RV rv);

void session_close(struct token *t);

/* A fresh session in place of the present one, after a failure that may have left an operation
 * active in it. The login stays: it ends with the last session. */
void session_renew(struct token *t);

/* ---- login.c ---- */

/* Before a PIN of who is tried: ERR_TOKEN "pin-locked", "pin-final-try" by what the token says now.
 */
int pin_check_counter(struct token *t, enum token_user who, bool allow_final_try, struct err *e);

/* Sets the error for a PIN of who that was answered with rv, and looks at the counter again. */
int pin_failed(struct token *t, enum token_user who, CK_RV rv, struct err *e);

/* Sets the error for a PIN of who that was answered with rv, by what the token says of itself
 * since. doing: "log in to". */
int pin_refused(const struct token_info *info, enum token_user who, CK_RV rv, const char *doing,
		struct err *e);

/* Logs in for the signature that was begun in this session. */
CK_RV login_for_signature(const struct token *t, CK_SESSION_HANDLE session,
			  const struct secret *pin);

/* As the SO, sets the user's PIN. Both NULL: the reader asks. *logged_in tells how far it came. */
CK_RV pin_set_as_so(const struct slot *s, const struct secret *so_pin, const struct secret *pin,
		    bool *logged_in);

/* ---- objects.c ---- */

/* Objects of token t that match the template, at most OBJECTS_MAX. *out is an array of
 * *out_n handles, the caller's; free() it. */
int objects_find(struct token *t, CK_ATTRIBUTE *template, size_t attributes, CK_OBJECT_HANDLE **out,
		 size_t *out_n, struct err *e);

/* Reads one attribute of at most max bytes into out, and its length. The one way in which
 * attributes are read. An attribute that is absent, hidden or longer answers accordingly. */
CK_RV object_attr(const struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
		  size_t max, size_t *len);

/* A truth value; false where the token does not say. */
bool object_flag(const struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

/* ---- certs.c ---- */

/* The certificate object with exactly this certificate and its CKA_ID. *id_len is 0 if there is no
 * such object. */
int cert_id(struct token *t, const X509 *cert, uint8_t id[ID_MAX], size_t *id_len, struct err *e);

/* Stores a certificate under a label and CKA_ID, in a read-write session. */
CK_RV cert_store(const struct token *t, CK_SESSION_HANDLE session, X509 *cert, struct span label,
		 struct span id);

/* The certificate of an object, or NULL if there is none that decodes; else the caller's. */
X509 *cert_read(const struct token *t, CK_OBJECT_HANDLE object);

/* ---- key.c ---- */

/* The private key that belongs to cert: by CKA_ID, else by modulus. ERR_TOKEN "key-missing". */
int key_find(CK_OBJECT_HANDLE *key, struct token *t, const X509 *cert, struct err *e);

/* Makes t->key the private key of cert, or the one that has this public half. */
int key_of_cert(struct token *t, const X509 *cert, struct err *e);
int key_of_public(struct token *t, EVP_PKEY *public, struct err *e);
void key_forget(struct token *t);

/* The modulus of an RSA key as PKCS#11 keeps it: big-endian, no leading zeros. Its length; 0 if the
 * key is not RSA, or too long. */
size_t key_modulus(const EVP_PKEY *key, uint8_t out[MODULUS_MAX]);

/* The public half of an RSA key object (public or private), or NULL; else the caller's. */
EVP_PKEY *key_public(const struct token *t, CK_OBJECT_HANDLE object);

/* ---- sign.c ---- */

/* Signs with a key in a session, and verifies the signature. again: how to log in for it, NULL
 * where the key does not ask for that. */
int sign_with(struct token *t, CK_SESSION_HANDLE session, const struct key *key,
	      const struct token_again *again, const uint8_t *digest_info, size_t len, uint8_t *sig,
	      size_t siglen, struct err *e);

#endif
