/* The outcome of a boot for scripts. */
#ifndef PHONE_REPORT_H
#define PHONE_REPORT_H

#include "common/json.h"
#include "phone/boot.h"

/* One document: device, status, result, trusted, reason {id, text, hint} or null, mode; of the list
 * in force: signer {name, issuer, serial}, sha256, file, each null without one; offered {name,
 * size, sha256, signer}: what the server had, or null. failed is NULL if nothing went wrong. NULL
 * if out of memory. */
json_t *report_json(const struct boot *b, const struct err *failed);

#endif
