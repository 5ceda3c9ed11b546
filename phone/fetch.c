#include "phone/fetch.h"

#include "common/conf.h"

#include <stdlib.h>
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

	rc = s->http ? http_get(out, s->http, name, e) : ERR_FAILED;
	if (rc && s->tftp) {
		out->len = start;
		rc = tftp_get(out, s->tftp, name, e);
	}
	/* What the page of a 404 says is no file. */
	if (rc)
		out->len = start;
	return rc;
}

int fetch_setup(struct fetch_setup *f, const char *tftp, const char *http, uint32_t blksize,
		struct err *e)
{
	int rc = 0;

	*f = (struct fetch_setup){
		.tftp = {.blksize = blksize, .max = FETCH_MAX},
		.http = {.max = FETCH_MAX},
	};
	if (!tftp && !http)
		tftp = getenv("CTL_TFTP");
	if (!tftp && !http)
		http = getenv("CTL_HTTP");
	if (!tftp && !http) {
		err_set(e, ERR_USAGE, "tftp-server", "no TFTP server is named");
		return err_hint(e, "give --tftp HOST[:PORT] or --http URL, or set CTL_TFTP");
	}
	if (tftp)
		rc = hostport_parse(&f->tftp.server, tftp, PORT_TFTP, e);
	if (!rc && http)
		rc = http_get_server(&f->http, http, e);
	f->servers.tftp = tftp ? &f->tftp : NULL;
	f->servers.http = http ? &f->http : NULL;
	return rc;
}
