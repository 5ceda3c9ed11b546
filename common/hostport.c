#include "common/hostport.h"

#include <stdlib.h>
#include <string.h>

static int bad(const char *text, const char *why, struct err *e)
{
	err_set(e, ERR_USAGE, "hostport", "\"%s\" is not HOST or HOST:PORT: %s", text, why);
	return err_hint(e, "write an IPv6 address in brackets: [2001:db8::1]:2444");
}

int hostport_parse(struct hostport *hp, const char *text, uint16_t default_port, struct err *e)
{
	const char *host = text;
	const char *end;
	const char *port = NULL;

	if (*text == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (!end)
			return bad(text, "no closing bracket", e);
		if (end[1] == ':')
			port = end + 2;
		else if (end[1])
			return bad(text, "text behind the bracket", e);
	} else {
		end = strchr(text, ':');
		if (end && strchr(end + 1, ':'))
			return bad(text, "more than one colon", e);
		if (end)
			port = end + 1;
		else
			end = text + strlen(text);
	}
	if (end == host || end - host >= HOST_MAX)
		return bad(text, "empty or too long a host", e);
	memcpy(hp->host, host, (size_t)(end - host));
	hp->host[end - host] = '\0';

	hp->port = default_port;
	if (port) {
		char *rest;
		const unsigned long n = strtoul(port, &rest, 10);

		if (*port < '0' || *port > '9' || *rest || n < 1 || n > 65535)
			return bad(text, "the port is not a number from 1 to 65535", e);
		hp->port = (uint16_t)n;
	}
	return 0;
}
