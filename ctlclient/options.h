/* Options that several commands share, as argp(3) children. */
#ifndef CTLCLIENT_OPTIONS_H
#define CTLCLIENT_OPTIONS_H

#include "ctlclient/desk.h"

#include <argp.h>
#include <stdatomic.h>
#include <stdbool.h>

/* --module, --pin-source, --allow-final-try, --token-timeout, --wait: the child's input is a struct
 * desk_opts, zeroed. --module falls back to CTL_MODULE. */
extern const struct argp options_desk;

/* How to reach the provider. */
struct cluster_opts {
	const char *server;            /* --server, CTL_PROVIDER */
	const char *user;              /* --user, CTL_USER */
	const char *password_source;   /* --password-source, CTL_PASSWORD_FILE */
	const char *ca;                /* --ca, CTL_CA */
	const char *fingerprint;       /* --fingerprint */
	const char *client_cert;       /* --client-cert, CTL_CLIENT_CERT */
	const char *client_pin_source; /* --client-pin-source, else what desk says */
	const struct desk_opts *desk;  /* for the token with it; NULL: CTL_MODULE's */
	const atomic_bool *cancel;     /* as in struct api_opts; not an option */
	bool json;                     /* --json */
	bool optional;                 /* set before parsing: server and user may be missing */
};

/* The input is a struct cluster_opts, zeroed; the environment fills what was not given. */
extern const struct argp options_cluster;

#endif
