/* "role=ccm+tftp,host=pub,ip=192.0.2.1,cert=pub.pem": a server as typed on the command line. */
#ifndef CTLCLIENT_SERVER_SPEC_H
#define CTLCLIENT_SERVER_SPEC_H

#include "ctlclient/draft.h"

/* Reads text into s: host is required; ip is optional (IPv4 address, dotted; a host that is one
 * needs no ip); cert, a PEM or DER file, is required unless cert_optional. ERR_USAGE "server-spec",
 * or the errors of reading the file. On success s->cert (NULL without cert) is the caller's. */
int server_spec_parse(struct draft_server *s, const char *text, bool cert_optional, struct err *e);

#endif
