/*
 * The desk: the tokens at hand and the PINs for them, as every command of the client uses them.
 * All PKCS#11 calls run on the desk's owner thread (pkcs11/owner.h); PINs are asked for on the
 * caller's.
 */
#ifndef CTLCLIENT_DESK_H
#define CTLCLIENT_DESK_H

#include "common/err.h"
#include "pkcs11/token.h"

#include <openssl/x509.h>
#include <stdbool.h>

enum { DESK_MODULES_MAX = 16 };

struct desk_opts {
	/* --module, each one path or several separated by colons; else CTL_MODULE; none: p11-kit's
	 */
	const char *modules[DESK_MODULES_MAX + 1];
	const char *pin_source; /* --pin-source, else NULL */
	bool allow_final_try;   /* --allow-final-try */
	unsigned token_timeout; /* --token-timeout, else CTL_TOKEN_TIMEOUT, else 0: OWNER_MS */
	bool tells_modules;     /* tells of modules that do not load itself: no warnings then */
	unsigned wait;          /* --wait: seconds for a token to be put in; 0: see desk_loss.h */
	bool quiet; /* who calls talks to the person: nothing on standard error, no wait for a token
		     * that is pulled out */
};

struct desk;

/* Loads the modules. The strings of opts must outlive the desk. */
int desk_open(struct desk **out, const struct desk_opts *opts, struct err *e);
void desk_close(struct desk *d);

const struct desk_opts *desk_opts_of(const struct desk *d);

/* Changes --allow-final-try. */
void desk_allow_final_try(struct desk *d, bool allow);

/* owner_interrupt() for the desk's thread. */
void desk_interrupt(struct desk *d, int fd);

/* Runs fn on the owner's thread; returns what it returned. ERR_TOKEN "token-timeout". */
typedef int desk_fn(struct tokens *ts, void *arg, struct err *e);
int desk_run(struct desk *d, desk_fn *fn, void *arg, struct err *e);

/* A token at hand. */
struct desk_token;

/* Finds the token a URI names: token_find(); with --wait it may be put in first. On success *out is
 * the caller's. */
int desk_token_find(struct desk_token **out, struct desk *d, const char *uri, struct err *e);
void desk_token_free(struct desk_token *t);

/* What the token said of itself when it was found, or at the last desk_token_login(). */
const struct token_info *desk_token_info(const struct desk_token *t);

/* Takes the PIN from source instead of --pin-source and CTL_PIN_FILE; option is what the user typed
 * in front of it ("--ca-pin-source"). A pin-source or pin-value of the URI still goes first. */
void desk_token_pin_from(struct desk_token *t, const char *source, const char *option);

/* The PIN is this one, just set: it is not asked for again. */
int desk_token_pin_is(struct desk_token *t, const struct secret *pin, struct err *e);

/* Reads the PIN: of the URI (pin-value or pin-source), else from --pin-source, else from the file
 * that CTL_PIN_FILE names, else from the terminal. The prompt names the token, why ("to sign the
 * CTL") and the state of its counter. Give it to secret_free(). */
int desk_token_pin(struct secret *pin, const struct desk_token *t, const char *why, struct err *e);

/* True if a person has to type the PIN: neither the URI, nor an option or a variable has it. */
bool desk_token_pin_is_typed(const struct desk_token *t);

/* This PIN is used, as if it stood in the URI, whatever else is given; *pin is taken over. It is
 * wiped when the login fails, and at the latest with t. */
void desk_token_give_pin(struct desk_token *t, struct secret *pin);

/* Reads the PIN and logs in, once. A PIN that a person types is asked for again, twice at most,
 * while the token's counter says neither "low" nor "last". A reader with a PIN pad asks itself; a
 * token that needs no login is left alone. Warnings (counter, a PIN that has expired, the maker's
 * default PIN) go to standard error. why must live as long as t: a token that is lost and put in
 * again is logged in to once more. */
int desk_token_login(struct desk_token *t, const char *why, struct err *e);

/* A key to sign with: of a certificate, or with cert NULL the private half of public. */
struct desk_key {
	struct desk_token *token; /* logged in */
	const X509 *cert;
	EVP_PKEY *public;
};

/* A tl_sign_fn and issue_sign_fn; arg is a struct desk_key. For a key that asks again before each
 * signature the PIN is read again if a person types it, and used again if not; both is said on
 * standard error. */
int desk_key_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		  struct err *e);

/* Runs fn on the owner's thread; returns what it returned. */
typedef int desk_token_fn(struct token *t, void *arg, struct err *e);
int desk_token_run(struct desk_token *t, desk_token_fn *fn, void *arg, struct err *e);

/* As desk_token_run(), for work that can be begun anew: a token that was lost is waited for
 * (desk_loss.h), and logged in to again if it was before. */
int desk_token_retry(struct desk_token *t, desk_token_fn *fn, void *arg, struct err *e);

/* After rc and e of something done with t: if the token was lost, waits for it, and logs in again
 * if it was before. 0: begin anew. Else the kind of the error in e. */
int desk_token_regain(struct desk_token *t, int rc, struct err *e);

/* A certificate someone may sign with. */
struct desk_cert {
	X509 *cert;            /* owned */
	bool on_token;         /* came from a token, else from a file */
	bool software;         /* the token is a known software token */
	char where[600];       /* "token SAST 1, serial 0123, in softhsm2" or the file's path */
	char token_serial[65]; /* as in struct token_info; empty for a file */
};

/* True if text names a token or something on it, false if it is a file's path. */
bool desk_is_uri(const char *text);

/* The certificate that what names: a pkcs11: URI (exactly one certificate on exactly one token) or
 * the path of a PEM or DER file. ERR_TOKEN, ERR_USAGE, ERR_FAILED. */
int desk_cert(struct desk_cert *c, struct desk *d, const char *what, struct err *e);
void desk_cert_free(struct desk_cert *c);

/* The certificate as one on the token that says this of itself; cert is c's from here on. */
void desk_cert_of(struct desk_cert *c, const struct token_info *info, X509 *cert);

/* A token ready to sign with one certificate's key. */
struct desk_signer;

/* Finds the token and its certificate (as desk_cert; a file cannot sign: ERR_USAGE). Does not log
 * in yet. */
int desk_signer_find(struct desk_signer **out, struct desk *d, const char *uri, struct err *e);
const struct desk_cert *desk_signer_cert(const struct desk_signer *s);

/* The signer's token; owned by it. */
struct desk_token *desk_signer_token(struct desk_signer *s);

/* desk_token_login() for the signer's token. */
int desk_signer_login(struct desk_signer *s, const char *why, struct err *e);

/* A tl_sign_fn; arg is the struct desk_signer, logged in. */
int desk_signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e);
void desk_signer_free(struct desk_signer *s);

#endif
