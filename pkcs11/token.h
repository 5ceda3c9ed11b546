/*
 * Security tokens through PKCS#11: find, describe, initialise, make keys, sign.
 *
 * Tokens and objects are named by RFC 7512 URIs; a token once found is known by module and serial
 * number, because slots are renumbered and labels get decorated. One thread owns a struct tokens
 * and everything that comes from it (see owner.h). Never fork() after tokens_open().
 */
#ifndef PKCS11_TOKEN_H
#define PKCS11_TOKEN_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/secret.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* The modules: loaded and initialised. */
struct tokens;

/* Loads the module at the path given, or several (separated by colons), or with NULL p11-kit's
 * configured modules (trust modules are left out). Where one does not load the others go on, and
 * tokens_unloaded() tells. ERR_TOKEN "no-module" if none of those named loads (that is the last
 * one's; the others are named on standard error); where p11-kit has none configured, whoever looks
 * for a token is told so (a URI may name a module of its own: module-path). Close with
 * tokens_close(), which also finalises. */
int tokens_open(struct tokens **out, const char *module_paths, struct err *e);
void tokens_close(struct tokens *ts);

/* The module-path of a URI as a new string, for tokens_open() of a service that needs no other
 * module; NULL if there is none. free() it. */
char *token_uri_module(const char *uri);

/* The modules that did not load or start in tokens_open(): *n errors, each names one and says why.
 * Good as long as ts. */
const struct err *tokens_unloaded(const struct tokens *ts, size_t *n);

/* What tokens_list() or token_find() could not look at when it was called last: *n errors, each
 * names the module, or the slot and its reader, the function that failed, and its answer. Good
 * until the next call with ts. */
const struct err *tokens_unread(const struct tokens *ts, size_t *n);

enum token_pin_state {
	TOKEN_PIN_OK,
	TOKEN_PIN_COUNT_LOW, /* CKF_USER_PIN_COUNT_LOW: a wrong PIN was given before */
	TOKEN_PIN_FINAL_TRY, /* CKF_USER_PIN_FINAL_TRY: the next wrong PIN locks it */
	TOKEN_PIN_LOCKED,    /* CKF_USER_PIN_LOCKED */
	TOKEN_PIN_UNSET,     /* no user PIN has been set */
};

/* What a token says of itself. Texts are without their padding and as text_printable() shows them
 * (common/text.h): what is not printable as \xNN, hence the room. */
struct token_info {
	char label[129], manufacturer[129], model[65], serial[65];
	char module[256]; /* path or name of its module */
	unsigned long slot;
	bool initialized, login_required, pin_pad, write_protected;
	enum token_pin_state pin, so_pin; /* so_pin: UNSET is never said */
	bool pin_to_be_changed;           /* the token wants the PIN changed first */
	bool fixed; /* it cannot be pulled out of its slot; known in events of watch.h only */
	unsigned long pin_min, pin_max; /* length of a PIN; 0: it does not say */
	char uri[512];                  /* ready to paste: names this token and no other */
};

/* All tokens present, initialised or not (SoftHSM shows one empty slot more). *out is an array of
 * *out_n, the caller's; free() it. A slot or a module in trouble does not hide the others:
 * tokens_unread() tells. ERR_TOKEN "slots" if nothing but trouble was found. */
int tokens_list(struct tokens *ts, struct token_info **out, size_t *out_n, struct err *e);

/* A certificate on a token that has, or seems to have, a private key of the same CKA_ID. */
struct token_cert {
	X509 *cert;      /* owned */
	char label[256]; /* CKA_LABEL, as text_printable() shows it */
	uint8_t id[64];  /* CKA_ID */
	size_t id_len;
	char uri[768]; /* ready to paste */
};

/* One token, found. */
struct token;

/* Finds the one token (and object, if the URI names one) that uri matches. A module-path in it is
 * loaded if need be, and only tokens in that module fit; a module-name leaves out the others. No
 * message shows a pin-value. ERR_USAGE "uri" if it does not parse; ERR_TOKEN "no-module",
 * "token-missing", or "token-ambiguous" (both are named in the hint). On success *out is the
 * caller's. */
int token_find(struct token **out, struct tokens *ts, const char *uri, struct err *e);
void token_free(struct token *t);

const struct token_info *token_info(const struct token *t);

/* The pin-source attribute of the URI the token was found by, or NULL. */
const char *token_pin_source(const struct token *t);

/* Moves the URI's pin-value into *pin, which stays empty if there is none (or it was fetched
 * before). Give it to secret_free(). */
void token_take_pin_value(struct token *t, struct secret *pin);

/* The object label in that URI as text, or NULL. */
const char *token_object(const struct token *t);

/* True if the token is there: looks for it by serial number in all slots of its module. */
bool token_is_present(const struct token *t);

/* Drops every handle. The next use looks for the token again by serial number; the login is gone.
 */
void token_let_go(struct token *t);

/* The certificates on the token, as far as the URI (object, id) admits them: needs no login. *out
 * is an array of *out_n, the caller's; give it to token_certs_free(). */
int token_certs(struct token *t, struct token_cert **out, size_t *out_n, struct err *e);
void token_certs_free(struct token_cert *list, size_t n);

/* Looks for c->cert among all certificates on the token, whatever object the URI names, and fills
 * in the rest of c: needs no login. c->cert stays the caller's. ERR_TOKEN "certificate-missing". */
int token_cert_find(struct token_cert *c, struct token *t, struct err *e);

/* The one signing certificate the URI names: exactly one of token_certs(). ERR_TOKEN
 * "certificate-missing" or "certificate-ambiguous". *out is the caller's (X509_free). */
int token_signing_cert(X509 **out, struct token *t, struct err *e);

/* Whose PIN: the user's signs, that of the security officer (SO, on cards also the PUK) unlocks. */
enum token_user { TOKEN_USER, TOKEN_SO };

/* "PIN" or "SO PIN"; and what its counter says in info. */
const char *token_pin_name(enum token_user who);
enum token_pin_state token_pin_counter(const struct token_info *info, enum token_user who);

/* What the counter in info says of trying a PIN: 0, or ERR_TOKEN "pin-locked" or "pin-final-try"
 * (unless allow_final_try). */
int token_pin_allowed(const struct token_info *info, enum token_user who, bool allow_final_try,
		      struct err *e);

/* Looks at the token again; 0 if a PIN may be tried. ERR_TOKEN "pin-locked", "pin-final-try"
 * (unless allow_final_try), "token-removed". */
int token_login_check(struct token *t, bool allow_final_try, struct err *e);

/* Logs in as the user. ERR_TOKEN "pin-wrong" (what the counter says now is in the text),
 * "pin-locked", "pin-final-try" (refused before trying unless allow_final_try), "token-removed".
 * A NULL pin is asked for by the reader
 * itself (info.pin_pad). One attempt per call; never repeated by itself. */
int token_login(struct token *t, const struct secret *pin, bool allow_final_try, struct err *e);

/* Changes a PIN: one attempt with the old one. Both NULL: the reader's PIN pad asks for them.
 * ERR_TOKEN "pin-wrong" (the old one), "pin-locked", "pin-final-try" (refused before trying unless
 * allow_final_try), "pin-rules" (the token does not take the new one), "pin-change",
 * "token-removed". A login of t has ended afterwards. */
int token_change_pin(struct token *t, enum token_user who, const struct secret *old,
		     const struct secret *new, bool allow_final_try, struct err *e);

/* As the SO, gives a token whose PIN is locked, lost or not set a new one (C_InitPIN). Errors as
 * with token_change_pin(); here the counter and the final try are those of the SO PIN. */
int token_unblock(struct token *t, const struct secret *so_pin, const struct secret *pin,
		  bool allow_final_try, struct err *e);

/* Signs a DigestInfo with the private key that belongs to cert (same CKA_ID as its certificate
 * object, or the same modulus), CKM_RSA_PKCS. sig has siglen bytes, the length of the modulus.
 * Logged in before, unless the token needs no login. ERR_TOKEN "key-missing",
 * "login-needed", "always-authenticate", "token-removed", "sign". The signature has been verified
 * with cert when this returns 0. */
int token_sign(struct token *t, const X509 *cert, const uint8_t *digest_info, size_t len,
	       uint8_t *sig, size_t siglen, struct err *e);

/* The login for one signature that a key with CKA_ALWAYS_AUTHENTICATE asks for. */
struct token_again {
	const struct secret *pin; /* NULL: the reader asks */
	bool allow_final_try;
};

/* As token_sign(), with the private key whose public half is key, and for a key that asks again
 * (token_sign() says "always-authenticate") with the PIN for it; again is NULL for other keys.
 * Errors also as with token_login(). */
int token_sign_key(struct token *t, EVP_PKEY *key, const struct token_again *again,
		   const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		   struct err *e);

/* The token to initialise, without touching it: by serial, or by slot if serial is NULL, or, with
 * serial NULL and slot TOKEN_ANY_SLOT, the only one that is not initialised. ERR_TOKEN
 * "token-missing", "token-ambiguous". */
enum { TOKEN_ANY_SLOT = -1 };
int token_init_target(struct token_info *info, struct tokens *ts, const char *serial, long slot,
		      struct err *e);

/* Initialises that token (C_InitToken, then the user PIN; everything on it is lost), in whatever
 * slot it is by now, and no other. Its slot counts only where it has no serial number, or shares
 * it. ERR_TOKEN "token-missing", "token-ambiguous", "pin-wrong" (SO PIN, or a PIN of a length the
 * token does not take), "init"; ERR_USAGE "label". *info describes it afterwards. The module is
 * restarted, so that it shows the new token: sessions with other tokens in it end, and those log in
 * again. */
int token_init(struct tokens *ts, const struct token_info *target, const char *label,
	       const struct secret *so_pin, const struct secret *pin, struct token_info *info,
	       struct err *e);

/* What keygen makes. */
struct token_keygen {
	const char *label;   /* of key and certificate */
	unsigned bits;       /* 1024, 2048 or 4096 */
	unsigned days;       /* validity of the certificate, from now */
	const char *subject; /* "CN=...,OU=...,O=..." (RFC 4514, most specific first) */
	bool authority;      /* certifies others (ISSUE_AUTHORITY) instead of signing lists */
};

/* Makes an RSA key pair on the token (private, sensitive, not extractable), self-signs a
 * certificate for it with the key on the token and stores it beside the key with the same CKA_ID.
 * Logged in before. On success *cert is the caller's. If any step fails the key made is removed
 * again; if that cannot be done because the token was pulled out ("token-removed"), then when it is
 * called the next time for this t. ERR_TOKEN "keygen", also if the label or id is taken; ERR_USAGE
 * "subject", "key-size", "days", "label", "uri" (an id too long). */
int token_keygen(struct token *t, const struct token_keygen *spec, X509 **cert, struct err *e);

/* The same in two steps, for a certificate that somebody else signs in between: the key pair,
 * which has to be kept or dropped before t is freed. spec must live until then. */
struct token_new_key;
int token_key_make(struct token_new_key **out, struct token *t, const struct token_keygen *spec,
		   struct err *e);

/* Its public half and its owner's name: borrowed. */
EVP_PKEY *token_new_key_public(const struct token_new_key *k);
const X509_NAME *token_new_key_subject(const struct token_new_key *k);

/* Stores the certificate beside the key, and frees k; removes the key if that fails. */
int token_new_key_keep(struct token_new_key *k, X509 *cert, struct err *e);

/* Removes the key from the token, and frees k. NULL does nothing. */
void token_new_key_drop(struct token_new_key *k);

/* A private key on a token, whether or not there is a certificate for it. */
struct token_key {
	EVP_PKEY *public; /* owned */
	char label[256];  /* CKA_LABEL, as text_printable() shows it */
	uint8_t id[64];   /* CKA_ID */
	size_t id_len;
};

/* The one private RSA key that the URI names (object, id). Logged in before. ERR_TOKEN
 * "login-needed", "key-missing", "key-ambiguous". Give *out to token_key_free(). */
int token_key(struct token_key *out, struct token *t, struct err *e);
void token_key_free(struct token_key *k);

/* Stores a certificate for a private key that is on the token, with the key's CKA_ID. Logged in
 * before. Certificates of the same key that are there already are ERR_TOKEN "certificate-exists",
 * unless replace says to take them out; the very same certificate is no error. label is CKA_LABEL;
 * NULL: that of the certificate replaced, else of the key. *replaced tells how many were taken out.
 * ERR_TOKEN "key-missing" if its key is not on the token, "import"; ERR_USAGE "uri" if the URI
 * names another key. */
int token_import_cert(struct token *t, X509 *cert, const char *label, bool replace,
		      size_t *replaced, struct err *e);

/* What the token says of the ways to sign that matter here. */
struct token_mechanism {
	const char *name;       /* "CKM_RSA_PKCS" */
	bool works;             /* the token can do it: sign, or make keys */
	unsigned long min, max; /* key sizes, as the module counts them: bits, as a rule */
};

enum { TOKEN_MECHANISMS = 5 };
int token_mechanisms(struct token *t, struct token_mechanism out[TOKEN_MECHANISMS], struct err *e);

/* Facts about a private key, for "token test". Logged in before. */
struct token_key_facts {
	unsigned bits;
	bool private_, sensitive, extractable, never_extractable, local, sign, always_authenticate;
	bool shows_modulus; /* so that it is known to be the certificate's before it signs */
};
int token_key_facts(struct token *t, const X509 *cert, struct token_key_facts *facts,
		    struct err *e);

/* True if the module is one known to keep its keys in software (SoftHSM): named as such wherever
 * the token shows. */
bool token_is_software(const struct token_info *info);

#endif
