/*
 * The thread that owns the tokens. PKCS#11 modules hang, keep thread-local state and do not like
 * company: every call into token.h runs here, one after the other, while the caller waits.
 *
 * The wait ends. A module that gives no sign of life within the time limit is given up: its thread
 * is frozen where it stands (a signal handler that never returns), so that it touches no memory
 * any more, whoever frees it; later calls fail at once with the same error; and when the program
 * ends it ends without asking the module. What the thread had allocated stays allocated. This uses
 * the signal SIGRTMIN + 7 of the process.
 *
 * The thread leaves SIGINT to the others: Ctrl-C ends the program, or is dealt with by who waits.
 */
#ifndef PKCS11_OWNER_H
#define PKCS11_OWNER_H

#include "common/err.h"

enum {
	OWNER_MS = 30000,   /* the usual time limit */
	OWNER_PATIENCE = 10 /* what takes long may take this many times the limit */
};

struct owner;

/* A piece of work: returns 0 or the kind of error in e. */
typedef int owner_fn(void *arg, struct err *e);

/* A module may be silent for that many milliseconds; OWNER_MS if it is 0. */
int owner_start(struct owner **out, unsigned ms, struct err *e);

/* Runs fn(arg, e) on the owner's thread and returns what it returned. Whatever arg points to must
 * live that long. ERR_TOKEN "token-timeout" if a module did not answer, naming it. */
int owner_run(struct owner *o, owner_fn *fn, void *arg, struct err *e);

/* While fd can be read, calls are cut short: one that is running has two seconds to come to its
 * end, and is given up then: ERR_FAILED "interrupted". -1 takes that back. */
void owner_interrupt(struct owner *o, int fd);

/* Ends the thread, unless it was given up, and frees o. */
void owner_stop(struct owner *o);

/* Signs of life, from the functions of this room on the owner's thread; elsewhere they do nothing.
 * The time limit starts anew with each. */

/* This module is called next. */
void owner_module(const char *name);

/* Standard error is redirected for a while, and this descriptor is the true one: it is put back if
 * the thread is given up meanwhile. -1 takes that back. */
void owner_stderr(int fd);

/* This is what is being done ("sign"), until the job ends; patience is 1 or OWNER_PATIENCE. doing
 * must live as long as the program. */
void owner_task(const char *doing, unsigned patience);

#endif
