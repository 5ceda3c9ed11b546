/* The certificate that issues phones' certificates, where capf { key } has its key. */
#ifndef SERVER_ADMIN_CAPF_AUTHORITY_H
#define SERVER_ADMIN_CAPF_AUTHORITY_H

#include "server/store/store.h"

#include <openssl/x509.h>

enum { CAPF_CHAIN_MAX = 8 }; /* certificates of a third-party authority */

/* Makes it, signed by the key itself, or takes the one in file unless that is NULL; writes
 * STATE/keys/capf-issuer.crt, and hands it to the cluster. What issued before stays known. key is a
 * path or a pkcs11: URI. ERR_FAILED "role" (not the node with CAPF); ERR_REFUSED "capf-authority"
 * (no authority's certificate, or not valid now), "file-key"; those of file_key_certify(). */
int capf_authority_make(const char *state, struct store *s, const char *key, const char *file,
			struct err *e);

/* A third-party authority issues from now on: n certificates, DER, it and those above it; with 0
 * none does. One that did before stays known. ERR_FAILED "role". */
int capf_authority_external(struct store *s, const struct buf *ders, size_t n, struct err *e);

/* The subject of the certificate present, with another common name. On success *out is the caller's
 * (X509_NAME_free). ERR_FAILED "certificate". */
int capf_authority_subject(X509_NAME **out, const struct store_cert *present, const char *cn,
			   struct err *e);

#endif
