#include "common/log_limit.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { TEXT_MAX = 1024 };

bool log_limit_open(struct log_limit *l, enum log_level level)
{
	struct timespec now;

	if (level > log_level_of(l->log))
		return false;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec != l->second) {
		l->second = now.tv_sec;
		l->lines = 0;
	}
	if (l->lines < l->per_second)
		return true;
	l->left_out++;
	return false;
}

void log_limited(struct log_limit *l, enum log_level level, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!log_limit_open(l, level))
		return;
	l->lines++;
	if (l->left_out)
		log_line(l->log, LOG_LEVEL_WARN, "%u lines like these were left out", l->left_out);
	l->left_out = 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(l->log, level, "%s", text);
}
