/*
 * PINs and passwords: read from where the user says, kept in locked memory, wiped when done.
 */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_MAX = 256 }; /* bytes of a PIN or password, the NUL included */

struct secret {
	char *text; /* NUL-terminated; NULL when empty */
	size_t len; /* without the NUL */
};

/* Reads a secret from source:
 *   prompt      asked for on the terminal without echo, with the given prompt text
 *   env:NAME    an environment variable
 *   file:PATH   the first line of a file
 *   fd:N        the first line of an open file descriptor
 *   askpass     asked for by the program that CTL_ASKPASS, else SSH_ASKPASS names (askpass.h)
 *   askpass:P   asked for by the program P
 *   NULL        prompt if there is a terminal, else askpass if CTL_ASKPASS is set, else an error
 *               that names the other forms
 * A line ends at the first newline, which is not part of it. An empty secret is an error, as is
 * one of SECRET_MAX bytes or more. On success give *s to secret_free(). what names the thing in
 * messages ("PIN", "password"); option is what the user would have typed ("--pin-source").
 * Errors: ERR_USAGE "secret-source", ERR_FAILED "secret-read" or "askpass". */
int secret_read(struct secret *s, const char *source, const char *prompt, const char *what,
		const char *option, struct err *e);

/* A secret that is kept, such as a new password: as secret_read(), but what a person types is asked
 * for twice, since nobody sees a slip. ERR_FAILED "secret-mismatch" if the two differ. */
int secret_read_new(struct secret *s, const char *source, const char *prompt, const char *what,
		    const char *option, struct err *e);

/* True if a person types it at that moment: prompt, askpass and NULL. */
bool secret_is_typed(const char *source);

/* Copies text (len bytes) into locked memory. */
int secret_set(struct secret *s, const char *text, size_t len, struct err *e);

void secret_free(struct secret *s);

/* Keeps secrets out of core images: no dumps, no tracing by others. Call first in main(). */
void secret_harden_process(void);

#endif
