/*
 * The authority's key where capf { key } says: in a file of its own, or on a token. Only what is
 * issued is signed with it; phones connect to STATE/keys/capf.key, so that no handshake waits for a
 * token.
 */
#ifndef SERVER_CAPF_SIGNER_H
#define SERVER_CAPF_SIGNER_H

#include "common/err.h"
#include "common/log.h"

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

struct signer;

/* key is a path or a pkcs11: URI (its PIN by pin-source), cert the path of its certificate. A token
 * that is not there is no error: the log tells, and it is looked for at each signature. Never
 * fork() afterwards. ERR_FAILED "capf-authority" (no certificate, no key), "capf-key-mode" (others
 * can read the file); ERR_REFUSED "file-key". */
int signer_open(struct signer **out, const char *key, const char *cert, const struct log *log,
		struct err *e);
void signer_close(struct signer *s);

/* Borrowed. */
X509 *signer_cert(const struct signer *s);

/* An issuer_sign_fn; arg is the struct signer. Takes long where a token does; any thread, one after
 * the other. ERR_TOKEN: the token does not sign now, but may later. */
int signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		struct err *e);

/* Tries a token that did not sign the last time; the log tells if it is back. Any thread. */
void signer_probe(struct signer *s);

#endif
