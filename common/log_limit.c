#include "common/log_limit.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { TEXT_MAX = 1024 };

static bool may_write(struct log_limit *l)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec != l->second) {
		l->second = now.tv_sec;
		l->lines = 0;
	}
	if (l->lines >= l->per_second) {
		l->left_out++;
		return false;
	}
	l->lines++;
	return true;
}

void log_limited(struct log_limit *l, enum log_level level, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (level > log_level_of(l->log) || !may_write(l))
		return;
	if (l->left_out)
		log_line(l->log, LOG_LEVEL_WARN, "%u lines like these were left out", l->left_out);
	l->left_out = 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(l->log, level, "%s", text);
}
