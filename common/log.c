#include "common/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 1024,
	FIELD_MAX_BYTES = LINE_MAX_BYTES + 32, /* with its name in front */
	FIELDS_MAX = 9,
};

/* JOURNAL_STREAM is "device:inode" of the stream that the service manager made; standard error may
 * have been turned elsewhere since. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && !fstat(fd, &st) &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_init(struct log *lg, const char *program)
{
	lg->program = program;
	lg->level = LOG_LEVEL_INFO;
	lg->journal = is_journal(STDERR_FILENO);
	lg->send = NULL;
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

/* One line, whatever a stranger has put into it. */
__attribute__((format(printf, 3, 0))) static void line_text(char *text, size_t size,
							    const char *fmt, va_list ap)
{
	vsnprintf(text, size, fmt, ap);
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void write_line(const struct log *lg, enum log_level level, const char *text)
{
	if (lg->journal)
		fprintf(stderr, "<%d>%s\n", (int)level, text);
	else
		fprintf(stderr, "%s: %s%s\n", lg->program, level_word(level), text);
}

void log_line(const struct log *lg, enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	if (level > log_level_of(lg))
		return;
	va_start(ap, fmt);
	line_text(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(lg, level, text);
}

/* ---- with fields ---- */

struct fields {
	struct iovec list[FIELDS_MAX];
	char texts[FIELDS_MAX][FIELD_MAX_BYTES];
	int n;
};

/* A field of the journal is one line, too: a newline in its value would begin another one. */
__attribute__((format(printf, 2, 3))) static void add_field(struct fields *f, const char *fmt, ...)
{
	char *text = f->texts[f->n];
	va_list ap;

	va_start(ap, fmt);
	line_text(text, FIELD_MAX_BYTES, fmt, ap);
	va_end(ap);
	f->list[f->n++] = (struct iovec){text, strlen(text)};
}

static void add_text(struct fields *f, const char *name, const char *value)
{
	if (value && *value)
		add_field(f, "%s=%s", name, value);
}

static bool send_fields(const struct log *lg, enum log_level level, const struct log_event *event,
			const char *text)
{
	struct fields f = {.n = 0};

	if (!lg->send)
		return false;
	add_field(&f, "MESSAGE=%s", text);
	add_field(&f, "PRIORITY=%d", (int)level);
	add_text(&f, "SYSLOG_IDENTIFIER", lg->program);
	add_text(&f, "CTL_EVENT", event->event);
	add_text(&f, "CTL_NODE", event->node);
	if (event->generation)
		add_field(&f, "CTL_GENERATION=%" PRId64, event->generation);
	add_text(&f, "CTL_USER", event->user);
	add_text(&f, "CTL_ADDRESS", event->address);
	add_text(&f, "CTL_REASON", event->reason);
	return lg->send(f.list, f.n) >= 0;
}

void log_event(const struct log *lg, enum log_level level, const struct log_event *event,
	       const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	if (level > log_level_of(lg))
		return;
	va_start(ap, fmt);
	line_text(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!send_fields(lg, level, event, text))
		write_line(lg, level, text);
}
