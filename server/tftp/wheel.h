/*
 * Many timers, one clock: arming and stopping one costs a list operation, whatever their number.
 * Times are milliseconds of a clock that never goes back; a timer runs up to WHEEL_TICK_MS late.
 */
#ifndef SERVER_TFTP_WHEEL_H
#define SERVER_TFTP_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WHEEL_TICK_MS = 20,
	WHEEL_SLOTS = 512, /* a turn is about ten seconds; later timers stay for more turns */
};

/* A member of what it wakes. All zeros: not armed. */
struct wheel_timer {
	struct wheel_timer *prev, *next;
	uint64_t due_ms;
};

struct wheel {
	struct wheel_timer slots[WHEEL_SLOTS]; /* heads of rings */
	uint64_t tick;                         /* all before it have been looked at */
	size_t armed;
};

typedef void wheel_fn(void *arg, struct wheel_timer *t);

void wheel_init(struct wheel *w, uint64_t now_ms);

/* Arms t, again if it is armed already. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ms);

/* Does nothing if t is not armed. */
void wheel_stop(struct wheel *w, struct wheel_timer *t);

/* Calls fn for each timer that is due by now_ms. It is not armed any more then, and fn may arm or
 * stop any timer, this one too. */
void wheel_run(struct wheel *w, uint64_t now_ms, wheel_fn *fn, void *arg);

#endif
