/*
 * What makes a PIN a good one. Pure: a PIN and what the token says of itself in, a verdict out.
 */
#ifndef CTLCLIENT_PIN_RULES_H
#define CTLCLIENT_PIN_RULES_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/secret.h"
#include "pkcs11/token.h"

/* The PIN the vendor's tokens were delivered with. */
bool pin_is_default(const struct secret *pin);

/* What forbids a new PIN: a length the token does not take, or being the same as old (NULL: not
 * known). what names it ("PIN", "SO PIN"). ERR_REFUSED "pin-rules". */
int pin_rules_check(const struct secret *pin, const struct secret *old,
		    const struct token_info *info, const char *what, struct err *e);

/* What speaks against a new PIN that is allowed: appends one line for each. Nothing of the PIN is
 * in them. */
void pin_rules_advice(struct buf *lines, const struct secret *pin, const struct token_info *info);

/* Appends the tips, for info's token if it is not NULL. */
void pin_rules_tips(struct buf *b, const struct token_info *info);

/* Appends "4 to 255 characters", or nothing if the token does not say. */
void pin_rules_length(struct buf *b, const struct token_info *info);

#endif
