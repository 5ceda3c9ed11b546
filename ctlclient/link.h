/* The connection to a provider, as the user's options and memory describe it. */
#ifndef CTLCLIENT_LINK_H
#define CTLCLIENT_LINK_H

#include "ctlclient/options.h"
#include "server/net/api_client.h"

struct link;

/* Makes sure of the provider first: by --ca, --fingerprint, or what was remembered. A provider
 * never met is shown with its fingerprint; on a terminal the user may accept and it is remembered,
 * elsewhere that is ERR_REFUSED "provider-unknown". Then reads the password. opts must outlive the
 * link. */
int link_open(struct link **out, const struct cluster_opts *opts, struct err *e);
void link_close(struct link *l);

/* The API with the login; owned by the link. */
struct api *link_api(struct link *l);

#endif
