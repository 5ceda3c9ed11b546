/* Points in time as text. */
#ifndef SERVER_PROVIDER_WHEN_H
#define SERVER_PROVIDER_WHEN_H

#include <jansson.h>
#include <stdint.h>
#include <time.h>

enum { WHEN_MAX = 32 };

/* RFC 3339 in UTC: "2026-11-24T10:00:00Z". Returns text. */
static inline const char *when_text(char text[WHEN_MAX], int64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
	return text;
}

/* The same as a string value. */
static inline json_t *json_when(int64_t seconds)
{
	char text[WHEN_MAX];

	return json_string(when_text(text, seconds));
}

#endif
