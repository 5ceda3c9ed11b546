/* PINs that were typed into the command line, as the pin-value of a URI. */
#ifndef CTLCLIENT_PIN_ARGS_H
#define CTLCLIENT_PIN_ARGS_H

#include <stddef.h>

enum { PIN_ARGS_MAX = 16 }; /* more than that many are left as they are */

struct pin_args {
	char *copies[PIN_ARGS_MAX]; /* n of them */
	size_t n;
};

/* Takes them out of the sight of ps(1): an argument with a pin-value is copied for us and blanked
 * where the system shows it. Whoever looked before has seen it. p starts as {0}; call first in
 * main(). */
void pin_args_hide(struct pin_args *p, int argc, char **argv);

/* Wipes and frees the copies. Call last in main(). */
void pin_args_wipe(struct pin_args *p);

#endif
