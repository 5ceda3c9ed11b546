/*
 * What the files of this room share: PKCS#11 handles behind the types of token.h. Not for others.
 *
 * A module is a stranger: every length it answers is checked against the room that was offered,
 * every list it gives is cut at a limit, and no answer is asked for twice where once will do.
 */
#ifndef PKCS11_CRYPTOKI_H
#define PKCS11_CRYPTOKI_H

#include "pkcs11/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

enum {
	SLOTS_MAX = 256,    /* in one module */
	OBJECTS_MAX = 512,  /* found in one search */
	ID_MAX = 64,        /* CKA_ID: struct token_cert's */
	LABEL_MAX = 255,    /* CKA_LABEL as it is read */
	CERT_MAX = 16384,   /* CKA_VALUE of a certificate */
	MODULUS_MAX = 1024, /* 8192 bits */
};

/* ---- modules.c ---- */

struct module {
	CK_FUNCTION_LIST *fn;
	char name[256]; /* as struct token_info's */
	CK_INFO info;
	unsigned generation; /* how often it was restarted: sessions do not outlive that */
};

struct tokens {
	CK_FUNCTION_LIST **configured; /* p11-kit's list, or NULL if one was named by path */
	struct module *modules;        /* n of them, initialised */
	size_t n;
};

/* Finalises the module and initialises it anew: SoftHSM shows new tokens only then. All sessions
 * of this program with it end. */
int module_restart(struct module *m, struct err *e);

/* ---- rv.c ---- */

/* "CKR_PIN_INCORRECT"; for a value not in the table its number. scratch has 32 bytes. */
const char *rv_name(CK_RV rv, char scratch[32]);

/* True if the answer means that the token, or our session with it, is gone. */
bool rv_is_loss(CK_RV rv);

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
enum uri_detail { URI_SERIAL, URI_MODEL, URI_SLOT };

/* A token seen in a slot of a module. */
struct slot {
	struct module *module;
	CK_SLOT_ID id;
	CK_TOKEN_INFO raw;
	struct token_info info;
	enum uri_detail detail; /* what its URI needs */
};

/* All tokens present in the modules of ts, or in only one of them. *out is an array of
 * *out_n, the caller's; free() it. */
int slots_list(struct slot **out, size_t *out_n, struct tokens *ts, struct module *only,
	       struct err *e);

/* Looks at the token in the slot again. */
CK_RV slot_refresh(struct slot *s);

/* True if both are the same token, in the same slot or another: same serial number and label, or,
 * if it has no serial number, same slot and label. */
bool slot_same_token(const struct slot *a, const struct slot *b);

/* ---- uri.c ---- */

/* RFC 7512. *out is the caller's (p11_kit_uri_free). ERR_USAGE "uri" or "pin-value". */
int uri_parse(P11KitUri **out, const char *text, struct err *e);

/* How well the URI's token part fits: better is larger. */
enum uri_fit { URI_NO, URI_DECORATED, URI_EXACT };
enum uri_fit uri_fits(P11KitUri *uri, const struct slot *s);

/* Writes the URI of the token, and of an object on it if label or else id has data, into out. */
void uri_format(char *out, size_t size, const struct slot *s, enum uri_detail detail,
		struct span label, struct span id);

/* The label or id of the object the URI names; data is NULL if it names none. */
struct span uri_object(P11KitUri *uri);
struct span uri_id(P11KitUri *uri);

/* ---- find.c, session.c ---- */

struct token {
	struct tokens *ts;
	struct slot at;
	P11KitUri *uri;
	char *object;              /* the object the URI names, as text, or NULL */
	CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE while there is none */
	unsigned generation;       /* the module's, when the session was opened */
};

/* Makes sure there is a session (read-only), after a loss with the slot where the token's serial
 * number is now: the login is lost then. ERR_TOKEN "token-removed". */
int session_need(struct token *t, struct err *e);

/* True if there is a session. */
bool session_is_open(const struct token *t);

/* Forgets a session that rv says is lost. */
void session_after(struct token *t, CK_RV rv);

void session_close(struct token *t);

/* A fresh session in place of the present one, after a failure that may have left an operation
 * active in it. The login stays: it ends with the last session. */
void session_renew(struct token *t);

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

/* ---- key.c ---- */

/* The private key that belongs to cert: by CKA_ID, else by modulus. ERR_TOKEN "key-missing". */
int key_find(CK_OBJECT_HANDLE *key, struct token *t, const X509 *cert, struct err *e);

/* ---- sign.c ---- */

/* Signs with a private key given by handle; nothing is verified. */
int sign_with(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
	      const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen, struct err *e);

/* ---- subject.c ---- */

/* A distinguished name from its string form, RFC 4514. *out is the caller's (X509_NAME_free).
 * ERR_USAGE "subject". */
int subject_parse(X509_NAME **out, const char *text, struct err *e);

/* ---- issue.c ---- */

/* What is to be certified, and by whom. */
struct issue {
	const X509_NAME *subject, *issuer;
	EVP_PKEY *key;
	unsigned days; /* from now */
};

/* Signs a DigestInfo with the issuer's key; sig has siglen bytes. */
typedef int issue_sign_fn(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			  size_t siglen, struct err *e);

/* Makes a certificate for a signer of trust lists, signed with RSA and SHA-256 by a key of siglen
 * bytes that only sign(arg) reaches. *out is the caller's (X509_free). */
int cert_issue(X509 **out, const struct issue *what, size_t siglen, issue_sign_fn *sign, void *arg,
	       struct err *e);

#endif
