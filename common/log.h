/*
 * Log lines of the daemons: on standard error, with the level in front the way the journal
 * understands it (sd-daemon(3)) or, on a terminal, as a word.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

struct log {
	const char *program;  /* borrowed, shown in front of every line */
	enum log_level level; /* lines above it are dropped */
	bool journal;         /* "<6>text" instead of "program: text" */
	/* Takes a line apart in fields, "NAME=value" each: sd_journal_sendv(3). NULL where standard
	 * error is not the journal. */
	int (*send)(const struct iovec *fields, int n);
};

/* What a line tells of, as fields of the journal; ctlproviderd(8) lists them. Members that are
 * NULL, "" or 0 are left out. */
struct log_event {
	const char *event;   /* CTL_EVENT: a slug, "ctl-accepted" */
	const char *node;    /* CTL_NODE: name of the node it is about */
	int64_t generation;  /* CTL_GENERATION */
	const char *user;    /* CTL_USER */
	const char *address; /* CTL_ADDRESS: where it came from */
	const char *reason;  /* CTL_REASON: id of the error */
};

/* Fills in lg for a program: journal style if standard error is connected to the journal
 * (JOURNAL_STREAM, systemd.exec(5)). */
void log_init(struct log *lg, const char *program);

/* The level may change while other threads write lines. */
enum log_level log_level_of(const struct log *lg);
void log_set_level(struct log *lg, enum log_level level);

/* Writes one line. Unprintable bytes in it become "?", so that no stranger's text can forge a
 * second line or steer a terminal. Safe from any thread. Never pass a secret. */
void log_line(const struct log *lg, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As log_line, with fields for the journal. Elsewhere they are left out. */
void log_event(const struct log *lg, enum log_level level, const struct log_event *event,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
