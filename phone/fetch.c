#include "phone/fetch.h"

#include <string.h>

bool fetch_is_missing(const struct err *e)
{
	return !strcmp(e->id, "tftp-not-found") || !strcmp(e->id, "http-not-found");
}

int fetch_file(void *arg, const char *name, struct buf *out, struct err *e)
{
	const struct fetch_servers *s = arg;
	const size_t start = out->len;
	int rc;

	if (!s->http)
		return tftp_get(out, s->tftp, name, e);
	rc = http_get(out, s->http, name, e);
	if (!rc || !s->tftp)
		return rc;
	out->len = start;
	return tftp_get(out, s->tftp, name, e);
}
