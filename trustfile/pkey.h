/* RSA keys in files, to sign with. */
#ifndef TRUSTFILE_PKEY_H
#define TRUSTFILE_PKEY_H

#include "trustfile/seal.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

/* Reads the first private key of a PEM file's content. ask is called for the passphrase of an
 * encrypted one; NULL: such a key is an error. *out is the caller's (EVP_PKEY_free). ERR_FAILED
 * "private-key". */
int pkey_from_pem(EVP_PKEY **out, struct span pem, pem_password_cb *ask, void *arg, struct err *e);

/* A tl_sign_fn; arg is an EVP_PKEY of RSA. Several threads may use one key. ERR_FAILED "sign". */
int pkey_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
	      struct err *e);

#endif
