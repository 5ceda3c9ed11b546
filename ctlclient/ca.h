/*
 * A site's own token authority: it certifies the tokens that may sign lists, so that a provider can
 * demand that signers chain to it. Its key is in a PEM file or on another token.
 */
#ifndef CTLCLIENT_CA_H
#define CTLCLIENT_CA_H

#include "ctlclient/desk.h"
#include "pkcs11/issue.h"

struct ca;

/* Reads the authority's certificate (a file, or a pkcs11: URI), finds its key (a pkcs11: URI, or
 * the path of a PEM file, whose passphrase is read from pin_source if it has one) and makes sure
 * that they belong together and may certify now; logs in to its token. pin_source is what stands
 * behind --ca-pin-source, or NULL. ERR_REFUSED "ca" (not an authority, not valid now, another key),
 * ERR_TOKEN, ERR_USAGE, ERR_FAILED. */
int ca_open(struct ca **out, struct desk *d, const char *cert, const char *key,
	    const char *pin_source, struct err *e);
void ca_close(struct ca *ca);

/* Certifies a signer's key for so many days, as long as the authority's own certificate lasts, and
 * checks the chain. *out is the caller's. */
int ca_certify(X509 **out, struct ca *ca, const X509_NAME *subject, EVP_PKEY *key, unsigned days,
	       struct err *e);

#endif
