/*
 * The client certificate that an account may demand besides its password (ctladmin user cert): on a
 * token, as its key is.
 */
#ifndef CTLCLIENT_CLIENT_CERT_H
#define CTLCLIENT_CLIENT_CERT_H

#include "ctlclient/desk.h"
#include "ctlclient/options.h"
#include "server/net/api_client.h"

struct client_cert;

/* Finds the certificate that opts->client_cert names, and logs in to its token, at a desk of its
 * own. *out is NULL if opts names none. Errors: those of desk_signer_find() and
 * desk_signer_login(). */
int client_cert_open(struct client_cert **out, const struct cluster_opts *opts, struct err *e);

/* The same in two steps, for who asks for the PIN in a way of his own. */
int client_cert_find(struct client_cert **out, const struct cluster_opts *opts, struct err *e);
int client_cert_login(struct client_cert *c, struct err *e);

/* Its token; NULL if c is. Belongs to c. */
struct desk_token *client_cert_token(struct client_cert *c);

/* To log in with; NULL if c is, or before the login. */
const struct api_identity *client_cert_identity(const struct client_cert *c);

/* Only when every api that has the identity is closed. */
void client_cert_close(struct client_cert *c);

#endif
