/* The minimal configuration that goes in the clear beside an encrypted one. Source: doc/formats.md,
 * "Encrypted configurations". */
#ifndef CTLCLIENT_MINIMAL_CONFIG_H
#define CTLCLIENT_MINIMAL_CONFIG_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/x509.h>

/* Appends the minimal configuration to the whole one (SEP<MAC>.cnf.xml) of a phone with that
 * certificate: four elements are copied with all they contain, as far as they are there.
 * ERR_REFUSED "config-xml" if full is no such file; it is a stranger's: no document type, nothing
 * fetched. */
int minimal_config(struct buf *out, struct span full, const X509 *phone, struct err *e);

#endif
