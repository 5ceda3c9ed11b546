#include "phone/account.h"

#include "common/json.h"

#include <stdarg.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

void account_say(const struct account *a, const char *what, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!a)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (a->out)
		fprintf(a->out, "  %-8s %s\n", what, text);
	if (a->steps)
		json_array_append_new(a->steps, json_pack("{s:s, s:o}", "step", what, "text",
							  json_text(span_of(text, strlen(text)))));
}
