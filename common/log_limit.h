/*
 * Log lines that strangers can cause: at most so many in a second, so that nobody fills the disk by
 * sending nonsense. How many were left out is said when the second is over and the next line comes.
 */
#ifndef COMMON_LOG_LIMIT_H
#define COMMON_LOG_LIMIT_H

#include "common/log.h"

#include <stdint.h>

/* Start it as {.log = lg, .per_second = n}. One thread's own. */
struct log_limit {
	const struct log *log;
	unsigned per_second;
	unsigned lines;    /* written in this second */
	unsigned left_out; /* since the last line that was written */
	int64_t second;
};

/* As log_line(). Lines that the log's level drops do not count. */
void log_limited(struct log_limit *l, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether log_limited() would write such a line now: for lines whose text takes work. If not, the
 * line counts as left out. */
bool log_limit_open(struct log_limit *l, enum log_level level);

#endif
