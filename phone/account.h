/* What a phone tells of what it does and why: for people line by line, for scripts as JSON. */
#ifndef PHONE_ACCOUNT_H
#define PHONE_ACCOUNT_H

#include <jansson.h>
#include <stdio.h>

struct account {
	FILE *out;     /* NULL: nowhere */
	json_t *steps; /* an array that gets {step, text} for each; NULL: none */
};

/* Tells one step: what is done ("asks for", "refuses") and with what, and why. Text of strangers
 * must be printable already. a may be NULL. */
void account_say(const struct account *a, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
