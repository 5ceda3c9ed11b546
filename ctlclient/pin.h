/*
 * A PIN, from wherever the user says: the one place that knows the order of sources, what the
 * prompt says, and which PINs come from a person.
 */
#ifndef CTLCLIENT_PIN_H
#define CTLCLIENT_PIN_H

#include "common/err.h"
#include "common/secret.h"
#include "pkcs11/token.h"

/* A PIN that is wanted. The first source that is given counts. */
struct pin_ask {
	const struct token_info *info; /* of which token; its counter is in the prompt */
	enum token_user who;
	const char *why;        /* "to sign the CTL", or NULL */
	const char *uri_source; /* pin-source of the URI (RFC 7512: a file: URI or a path, too) */
	const char *source;     /* what stands behind option */
	const char *option;     /* "--pin-source" */
	const char *file;       /* CTL_PIN_FILE's value, or NULL where it does not apply */
};

/* True if a person types it when asked. */
bool pin_is_typed(const struct pin_ask *ask);

/* Reads the present PIN. On success give it to secret_free(). Errors as with secret_read(); a form
 * of pin-source that is not supported is ERR_USAGE "secret-source". */
int pin_read(struct secret *pin, const struct pin_ask *ask, struct err *e);

/* Reads a new PIN (of ask->who; why and the counter are not shown): typed twice by a person, after
 * a word on its length; checked by pin_rules_check(); what speaks against it goes to standard
 * error. old is NULL if it is not known. Errors also ERR_TOKEN "pin-mismatch", ERR_REFUSED
 * "pin-rules". */
int pin_read_new(struct secret *pin, const struct pin_ask *ask, const struct secret *old,
		 struct err *e);

/* Warnings on standard error before a PIN of who is tried: its counter, a PIN that has expired. */
void pin_warn_before(const struct token_info *info, enum token_user who);

#endif
