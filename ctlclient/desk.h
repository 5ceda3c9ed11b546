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

struct desk_opts {
	const char *module;     /* --module, else CTL_MODULE, else NULL: p11-kit's modules */
	const char *pin_source; /* --pin-source, else NULL */
	bool allow_final_try;   /* --allow-final-try */
};

struct desk;

/* Loads the modules. The strings of opts must outlive the desk. */
int desk_open(struct desk **out, const struct desk_opts *opts, struct err *e);
void desk_close(struct desk *d);

/* Runs fn on the owner's thread; returns what it returned. */
typedef int desk_fn(struct tokens *ts, void *arg, struct err *e);
int desk_run(struct desk *d, desk_fn *fn, void *arg, struct err *e);

/* A token at hand. */
struct desk_token;

/* Finds the token a URI names: token_find(). On success *out is the caller's. */
int desk_token_find(struct desk_token **out, struct desk *d, const char *uri, struct err *e);
void desk_token_free(struct desk_token *t);

/* What the token said of itself when it was found, or at the last desk_token_login(). */
const struct token_info *desk_token_info(const struct desk_token *t);

/* Reads the PIN (pin-source of the URI first, then --pin-source, then CTL_PIN_FILE, then the
 * terminal; the prompt names the token, why ("to sign the CTL") and the state of its counter) and
 * logs in, once. A reader with a PIN pad asks itself; a token that needs no login is left alone.
 * Warnings (counter low, the maker's default PIN) go to standard error. */
int desk_token_login(struct desk_token *t, const char *why, struct err *e);

/* Runs fn on the owner's thread; returns what it returned. */
typedef int desk_token_fn(struct token *t, void *arg, struct err *e);
int desk_token_run(struct desk_token *t, desk_token_fn *fn, void *arg, struct err *e);

/* A certificate someone may sign with. */
struct desk_cert {
	X509 *cert;            /* owned */
	bool on_token;         /* came from a token, else from a file */
	bool software;         /* the token is a known software token */
	char where[600];       /* "token SAST 1, serial 0123, in softhsm2" or the file's path */
	char token_serial[65]; /* as in struct token_info; empty for a file */
};

/* The certificate that what names: a pkcs11: URI (exactly one certificate on exactly one token) or
 * the path of a PEM or DER file. ERR_TOKEN, ERR_USAGE, ERR_FAILED. */
int desk_cert(struct desk_cert *c, struct desk *d, const char *what, struct err *e);
void desk_cert_free(struct desk_cert *c);

/* A token ready to sign with one certificate's key. */
struct desk_signer;

/* Finds the token and its certificate (as desk_cert; a file cannot sign: ERR_USAGE). Does not log
 * in yet. */
int desk_signer_find(struct desk_signer **out, struct desk *d, const char *uri, struct err *e);
const struct desk_cert *desk_signer_cert(const struct desk_signer *s);

/* desk_token_login() for the signer's token. */
int desk_signer_login(struct desk_signer *s, const char *why, struct err *e);

/* A tl_sign_fn; arg is the struct desk_signer, logged in. */
int desk_signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e);
void desk_signer_free(struct desk_signer *s);

#endif
