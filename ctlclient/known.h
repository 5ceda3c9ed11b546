/*
 * Providers met before: their certificates' fingerprints, in the user's own file (as ssh keeps its
 * known hosts). $XDG_CONFIG_HOME/ctlsuite/known_providers, else ~/.config/ctlsuite/...
 */
#ifndef CTLCLIENT_KNOWN_H
#define CTLCLIENT_KNOWN_H

#include "common/err.h"
#include "common/hostport.h"
#include "server/net/api_client.h"

#include <stdbool.h>

/* Looks server up; *found tells whether fingerprint was filled in. A missing file is no error, a
 * damaged line is ERR_FAILED "known-providers". */
int known_get(const struct hostport *server, uint8_t fingerprint[API_FINGERPRINT_LEN], bool *found,
	      struct err *e);

/* Remembers (or replaces) a fingerprint. */
int known_put(const struct hostport *server, const uint8_t fingerprint[API_FINGERPRINT_LEN],
	      struct err *e);

#endif
