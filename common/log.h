/*
 * Log lines of the daemons: on standard error, with the level in front the way the journal
 * understands it (sd-daemon(3)) or, on a terminal, as a word.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

struct log {
	const char *program;  /* borrowed, shown in front of every line */
	enum log_level level; /* lines above it are dropped */
	bool journal;         /* "<6>text" instead of "program: text" */
};

/* Fills in lg for a program: journal style if standard error goes to the journal. */
void log_init(struct log *lg, const char *program);

/* The level may change while other threads write lines. */
enum log_level log_level_of(const struct log *lg);
void log_set_level(struct log *lg, enum log_level level);

/* Writes one line. Unprintable bytes in it become "?", so that no stranger's text can forge a
 * second line or steer a terminal. Safe from any thread. Never pass a secret. */
void log_line(const struct log *lg, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
