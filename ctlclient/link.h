/* The connection to a provider, as the user's options and memory describe it. */
#ifndef CTLCLIENT_LINK_H
#define CTLCLIENT_LINK_H

#include "ctlclient/desk.h"
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

/* ---- the same in single steps, printing nothing and asking nothing ---- */

/* Knows where the provider is and, if it was met before, by what; does not speak with it yet. opts
 * must outlive the link. */
int link_start(struct link **out, const struct cluster_opts *opts, struct err *e);

/* Speaks with the provider, without login, to see whether it is there and who it says it is.
 * ERR_REFUSED "provider-unknown" if it was never met, "provider-certificate" if it was, and shows
 * another certificate now; ERR_FAILED "provider-down". */
int link_meet(struct link *l, struct err *e);

/* SHA-256 of the certificate that the provider showed to link_meet(): API_FINGERPRINT_LEN bytes. */
const uint8_t *link_seen(const struct link *l);

/* Believes that certificate from now on, and remembers it for this user. */
int link_accept(struct link *l, struct err *e);

/* Finds the token of the client certificate that the options name, so that its PIN can be given to
 * it (desk.h) before link_login(); *token is NULL if they name none. It belongs to the link. */
int link_client_token(struct link *l, struct desk_token **token, struct err *e);

/* Uses this password from now on, and the client certificate that the options name
 * (client_cert.h); *password is taken over. */
int link_login(struct link *l, struct secret *password, struct err *e);

/* Fills in the address, and by what the provider is known: ca, or fingerprint, which then points to
 * the room given. Neither, if it was never met. */
int link_pin(struct api_opts *api, uint8_t fingerprint[API_FINGERPRINT_LEN],
	     const struct cluster_opts *opts, struct err *e);

/* Reads the password from where the options, CTL_PASSWORD_FILE or the terminal have it. Give it to
 * secret_free(). */
int link_password(struct secret *password, const struct cluster_opts *opts, struct err *e);

#endif
