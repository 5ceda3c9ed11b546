/* "HOST", "HOST:PORT", "[v6]:PORT". */
#ifndef COMMON_HOSTPORT_H
#define COMMON_HOSTPORT_H

#include "common/err.h"

#include <stdint.h>

enum { HOST_MAX = 254 }; /* a name of 253 characters (RFC 1035 section 2.3.4) and its NUL */

struct hostport {
	char host[HOST_MAX];
	uint16_t port;
};

/* Takes text apart; a missing port becomes default_port. ERR_USAGE "hostport" if it is not of
 * the forms above. Names are not looked up here. */
int hostport_parse(struct hostport *hp, const char *text, uint16_t default_port, struct err *e);

#endif
