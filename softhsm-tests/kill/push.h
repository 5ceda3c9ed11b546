/* A client that commits a list, on a thread of its own. */
#ifndef SOFTHSM_TESTS_KILL_PUSH_H
#define SOFTHSM_TESTS_KILL_PUSH_H

#include "common/bytes.h"
#include "common/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct push {
	struct span list;
	int64_t generation; /* the one the list is made from */
	pthread_t thread;
	atomic_bool done;
	int rc; /* 0: accepted */
	struct err e;
};

/* Begins; the provider, the account and how to know them are those of the environment
 * (CTL_PROVIDER, CTL_CA, CTL_USER, CTL_PASSWORD_FILE). */
int push_begin(struct push *p, struct span list, int64_t generation, struct err *e);

/* Waits for the answer, and returns rc. */
int push_end(struct push *p);

#endif
