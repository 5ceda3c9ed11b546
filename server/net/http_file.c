#include "server/net/http_file.h"

#include <string.h>
#include <strings.h>

/* Compares weakly: W/"x" is as good as "x" (RFC 9110 section 8.8.3.2). */
bool http_etag_matches(const char *field, const char *etag)
{
	const size_t n = strlen(etag);

	while (field && *field) {
		size_t one;

		field += strspn(field, " \t,");
		if (*field == '*')
			return true;
		if (!strncmp(field, "W/", 2))
			field += 2;
		one = strcspn(field, " \t,");
		if (one == n && !strncmp(field, etag, n))
			return true;
		field += one;
	}
	return false;
}

/* Digits up to what is not one; false if there are none, or too many. */
static bool take_number(const char **at, uint64_t *n)
{
	const size_t digits = strspn(*at, "0123456789");

	if (!digits || digits > 18)
		return false;
	*n = 0;
	for (size_t i = 0; i < digits; i++)
		*n = *n * 10 + (uint64_t)((*at)[i] - '0');
	*at += digits;
	return true;
}

/* "-500": so many at the end. */
static enum http_range suffix(const char *at, uint64_t size, uint64_t *from, uint64_t *len)
{
	uint64_t n;

	if (!take_number(&at, &n) || *at)
		return HTTP_RANGE_ALL;
	if (!n || !size)
		return HTTP_RANGE_BAD;
	*len = n < size ? n : size;
	*from = size - *len;
	return HTTP_RANGE_PART;
}

enum http_range http_range_parse(const struct http_range_ask *ask, uint64_t *at, uint64_t *len)
{
	static const char unit[] = "bytes=";
	const char *p = ask->range;
	uint64_t last = UINT64_MAX - 1;

	/* If-Range takes the very same version, no weak one. */
	if (!p || strncasecmp(p, unit, sizeof(unit) - 1) != 0 ||
	    (ask->if_range && strcmp(ask->if_range, ask->etag) != 0))
		return HTTP_RANGE_ALL;
	p += sizeof(unit) - 1;
	if (*p == '-')
		return suffix(p + 1, ask->size, at, len);
	if (!take_number(&p, at) || *p++ != '-' || (*p && (!take_number(&p, &last) || *p)) ||
	    last < *at)
		return HTTP_RANGE_ALL;
	if (*at >= ask->size)
		return HTTP_RANGE_BAD;
	*len = (last < ask->size ? last + 1 : ask->size) - *at;
	return HTTP_RANGE_PART;
}
