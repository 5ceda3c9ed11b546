/* The clock that never goes back, for how long something takes: not the time of day. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment in the past; only differences mean something. */
int64_t clock_ms(void);

#endif
