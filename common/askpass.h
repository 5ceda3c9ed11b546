/*
 * A program that asks the person for a secret in a way of its own (ssh-askpass and its kin): the
 * prompt is its only argument, the answer its first line of output, exit code 0 means answered.
 *
 * It is started with posix_spawn(3) and never with fork(2): this may happen after PKCS#11 modules
 * were initialised, and a forked child would have their state, threads missing, and run the fork
 * handlers that p11-kit and modules have registered. A spawned child runs no handler and no code of
 * this program before it becomes the other one, and it inherits no descriptor but the standard
 * ones.
 */
#ifndef COMMON_ASKPASS_H
#define COMMON_ASKPASS_H

#include "common/err.h"

#include <sys/types.h>

struct askpass {
	pid_t pid;
	int fd; /* what it says: to be read by the caller */
};

/* Starts program, looked for in PATH if its name has no slash. End with askpass_end(). ERR_FAILED
 * "askpass". */
int askpass_start(struct askpass *a, const char *program, const char *prompt, struct err *e);

/* Waits for its end. ERR_FAILED "askpass" if it did not end with exit code 0: cancelled, as a rule.
 */
int askpass_end(struct askpass *a, const char *program, struct err *e);

#endif
