#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

void log_init(struct log *lg, const char *program)
{
	lg->program = program;
	lg->level = LOG_LEVEL_INFO;
	lg->journal = getenv("JOURNAL_STREAM") != NULL;
}

enum log_level log_level_of(const struct log *lg)
{
	return __atomic_load_n(&lg->level, __ATOMIC_RELAXED);
}

void log_set_level(struct log *lg, enum log_level level)
{
	__atomic_store_n(&lg->level, level, __ATOMIC_RELAXED);
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_DEBUG:
		break;
	}
	return "";
}

void log_line(const struct log *lg, enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	if (level > log_level_of(lg))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';

	if (lg->journal)
		fprintf(stderr, "<%d>%s\n", (int)level, text);
	else
		fprintf(stderr, "%s: %s%s\n", lg->program, level_word(level), text);
}
