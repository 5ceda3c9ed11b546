/*
 * Guessing passwords is made slow: a delay that grows with the failures of one user name from one
 * address. Nobody else has to wait for them. In memory, bounded; on the event loop only; the time
 * is handed in.
 */
#ifndef SERVER_PROVIDER_THROTTLE_H
#define SERVER_PROVIDER_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	THROTTLE_FIRST_MS = 250,
	THROTTLE_MOST_MS = 30 * 1000,
	THROTTLE_ANSWER_MOST_MS = 2000, /* a failing answer is held back no longer than this */
	THROTTLE_FORGET_MS = 15 * 60 * 1000,
	THROTTLE_AT_ONCE = 16, /* attempts that may be under way at once without a failure before */
};

struct throttle;

/* most: how many pairs of user and address are remembered. NULL if out of memory. */
struct throttle *throttle_new(size_t most);
void throttle_free(struct throttle *t);

/* The delay after so many failures in a row, in milliseconds: 0, 250, 500, ... THROTTLE_MOST_MS. */
unsigned throttle_delay_ms(unsigned failures);

/* Asks to try a password, at now_ms milliseconds of a steady clock. 0 if it may be tried; it counts
 * as under way then, until throttle_result(). Otherwise the milliseconds to wait first. */
unsigned throttle_ask(struct throttle *t, const char *user, const char *address, int64_t now_ms);

/* As throttle_ask, for a login that is known to be good: it is no attempt, and is not counted. Only
 * the delay that failures of others have earned holds for it as well. */
unsigned throttle_wait(struct throttle *t, const char *user, const char *address, int64_t now_ms);

/* The attempt did not take place after all. */
void throttle_cancel(struct throttle *t, const char *user, const char *address);

/* Tells how it went. Returns how long to hold back the answer, in milliseconds. */
unsigned throttle_result(struct throttle *t, const char *user, const char *address, bool good,
			 int64_t now_ms);

#endif
