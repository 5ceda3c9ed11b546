/* Trust lists as JSON, for scripts. The keys are described in doc/json.md. */
#ifndef CTLCLIENT_CTL_JSON_H
#define CTLCLIENT_CTL_JSON_H

#include "common/json.h"
#include "trustfile/diff.h"
#include "trustfile/list.h"

#include <time.h>

/* The whole list: header, verdict (verified: NULL if tl_verify succeeded, else its error), records.
 * NULL if out of memory; else the caller's. */
json_t *ctl_json(const struct tl *l, const struct err *verified);

/* The difference: {"changes": [...], "signer_changed", "mode_changed"}. */
json_t *ctl_diff_json(const struct tl_diff *d);

/* {"subject", "issuer", "serial"} of who signed l. */
json_t *ctl_signer_json(const struct tl *l);

/* A certificate as PEM, and a time as RFC 3339 in UTC. NULL if out of memory. */
json_t *ctl_json_pem(const X509 *cert);
json_t *ctl_json_time(time_t t);

/* Bytes in base64. NULL if out of memory. */
json_t *ctl_json_base64(struct span s);

#endif
