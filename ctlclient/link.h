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

/* ---- the same in single steps, asking nothing and remembering nothing ---- */

/* Fills in the address, and by what the provider is known: ca, or fingerprint, which then points to
 * the room given. Neither, if it was never met. */
int link_pin(struct api_opts *api, uint8_t fingerprint[API_FINGERPRINT_LEN],
	     const struct cluster_opts *opts, struct err *e);

/* Reads the password from where the options, CTL_PASSWORD_FILE or the terminal have it. Give it to
 * secret_free(). */
int link_password(struct secret *password, const struct cluster_opts *opts, struct err *e);

#endif
