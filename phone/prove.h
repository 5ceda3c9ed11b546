/* How a phone proves that it has the key of a certificate: the signatures of AUTH_RESPONSE. */
#ifndef PHONE_PROVE_H
#define PHONE_PROVE_H

#include "phone/enroll_session.h"

#include <openssl/evp.h>

/* A certificate and its key. */
struct prove_with {
	struct span der; /* empty: there is none */
	EVP_PKEY *key;
};

/* The signatures, owned. */
struct prove {
	struct buf signed_data, sha2, sudi_sha1, sudi_sha512;
};

/* Fills certificate, signed_data, sha2 and sudi of p, whose device is set, for that session. by is
 * shown as CERTIFICATE; sudi, an RSA one, in SUDI_DATA unless it is empty. ERR_FAILED "capf-proof"
 * (a key too small to sign with). Views in p are of w and out, which prove_free() ends. */
int prove(struct prove *out, struct enroll_proof *p, uint32_t session, const struct prove_with *by,
	  const struct prove_with *sudi, struct err *e);
void prove_free(struct prove *p);

#endif
