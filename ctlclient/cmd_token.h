/* The commands below "ctlclient token", and how they show tokens and certificates. */
#ifndef CTLCLIENT_CMD_TOKEN_H
#define CTLCLIENT_CMD_TOKEN_H

#include "common/json.h"
#include "ctlclient/desk.h"

#include <stdio.h>

/* All return the exit code. */
int token_cmd_list(int argc, char **argv, void *ctx);
int token_cmd_show(int argc, char **argv, void *ctx);
int token_cmd_init(int argc, char **argv, void *ctx);
int token_cmd_keygen(int argc, char **argv, void *ctx);
int token_cmd_test(int argc, char **argv, void *ctx);
int token_cmd_change_pin(int argc, char **argv, void *ctx);
int token_cmd_unblock(int argc, char **argv, void *ctx);
int token_cmd_csr(int argc, char **argv, void *ctx);
int token_cmd_import_cert(int argc, char **argv, void *ctx);
int token_cmd_export_cert(int argc, char **argv, void *ctx);
int token_cmd_wait(int argc, char **argv, void *ctx);

/* The end of a command: prints the error, if there is one that has not been printed yet; returns
 * the exit code. */
int token_report(int rc, const struct err *e, const char *program);

/* A token with the certificates on it. */
struct token_view {
	struct token_info info;
	struct token_cert *certs; /* n of them, owned */
	size_t n;
};

/* Looks at the token. Runs on the owner's thread. Give v to token_view_free(). */
int token_view_read(struct token_view *v, struct token *t, struct err *e);

/* As token_view_read(), for a token at hand, on the owner's thread. */
int token_view_of(struct token_view *v, struct desk_token *t, struct err *e);
void token_view_free(struct token_view *v);

/* Fills in the certificates of a token listed, on the owner's thread: a token that does not tell
 * them is named on standard error. */
void token_view_certs(struct token_view *v, struct tokens *ts);

/* Tokens as "token list" shows them, and as it prints them in JSON. */
void token_views_print(const struct token_view *views, size_t n);
json_t *token_views_json(const struct token_view *views, size_t n);

/* As JSON; doc/tokens.md describes the keys. NULL if out of memory; else the caller's. */
json_t *token_view_json(const struct token_view *v);
json_t *token_cert_json(const struct token_cert *c);

/* All there is to say, one line each, on standard output. */
void token_print(const struct token_info *info);
void token_print_cert(const struct token_cert *c);

/* Shows c->cert, which was just stored on the token, and fills in the rest of c as the token has
 * it; what it said before is shown where the token does not tell. That is only a warning: stored is
 * stored. Returns the exit code of writing. */
int token_print_stored(struct token_cert *c, struct desk_token *t, bool json);

/* The state of a PIN counter in words, for people and for JSON. */
const char *token_pin_words(enum token_pin_state state);

/* Appends a name as RFC 4514 text that is safe to show. */
void token_name_text(struct buf *b, const X509_NAME *name);

/* Appends the date of a certificate, "2036-11-21". */
void token_date_text(struct buf *b, const ASN1_TIME *date);

/* True if the key is an RSA key of fewer than 2048 bits. */
bool token_key_is_weak(const X509 *cert);

#endif
