#include "common/err.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void
set_text(struct err *e, enum err_kind kind, const char *id, const char *fmt, va_list ap)
{
	e->kind = kind;
	snprintf(e->id, sizeof(e->id), "%s", id);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	e->hint[0] = '\0';
}

int err_set(struct err *e, enum err_kind kind, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, kind, id, fmt, ap);
	va_end(ap);
	return (int)kind;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return (int)e->kind;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[ERR_WHAT_MAX];
	va_list ap;
	size_t n;

	memcpy(old, e->what, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	n = strlen(e->what);
	snprintf(e->what + n, sizeof(e->what) - n, ": %s", old);
	return (int)e->kind;
}

int err_nomem(struct err *e)
{
	return err_set(e, ERR_FAILED, "out-of-memory", "out of memory");
}

int err_openssl(struct err *e, enum err_kind kind, const char *id, const char *fmt, ...)
{
	const unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	set_text(e, kind, id, fmt, ap);
	va_end(ap);
	if (reason) {
		n = strlen(e->what);
		snprintf(e->what + n, sizeof(e->what) - n, ": %s", reason);
	}
	ERR_clear_error();
	return (int)kind;
}

void err_print(const struct err *e, const char *program)
{
	fprintf(stderr, "%s: %s\n", program, e->what);
	if (e->hint[0])
		fprintf(stderr, "%*s  %s\n", (int)strlen(program), "", e->hint);
}
