/* DigestInfo (RFC 8017 section 9.2): what CKM_RSA_PKCS is given to sign. */
#ifndef PKCS11_DIGESTINFO_H
#define PKCS11_DIGESTINFO_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/evp.h>

/* Appends the DER DigestInfo of data, hashed with md (EVP_sha1(), EVP_sha256(), ...). */
int digestinfo(struct buf *out, const EVP_MD *md, struct span data, struct err *e);

#endif
