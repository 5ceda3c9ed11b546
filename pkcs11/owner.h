/*
 * The thread that owns the tokens. PKCS#11 modules hang, keep thread-local state and do not like
 * company: every call into token.h runs here, one after the other, while the caller waits.
 */
#ifndef PKCS11_OWNER_H
#define PKCS11_OWNER_H

#include "common/err.h"

struct owner;

/* A piece of work: returns 0 or the kind of error in e. */
typedef int owner_fn(void *arg, struct err *e);

int owner_start(struct owner **out, struct err *e);

/* Runs fn(arg, e) on the owner's thread and returns what it returned. Whatever arg points to must
 * live that long. */
int owner_run(struct owner *o, owner_fn *fn, void *arg, struct err *e);

/* Ends the thread and frees o. */
void owner_stop(struct owner *o);

#endif
