/* The certificate that issues phones' certificates, where capf { key } has its key. */
#ifndef SERVER_ADMIN_CAPF_AUTHORITY_H
#define SERVER_ADMIN_CAPF_AUTHORITY_H

#include "server/store/store.h"

/* Makes it, signed by the key itself, or takes the one in file unless that is NULL; writes
 * STATE/keys/capf-issuer.crt, and hands it to the cluster. What issued before stays known. key is a
 * path or a pkcs11: URI. ERR_FAILED "role" (not the node with CAPF); ERR_REFUSED "capf-authority"
 * (no authority's certificate, or not valid now), "file-key"; those of file_key_certify(). */
int capf_authority_make(const char *state, struct store *s, const char *key, const char *file,
			struct err *e);

#endif
