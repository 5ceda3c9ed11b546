/*
 * The key that signs what phones download: the node's TFTP key, in a file or on a token.
 */
#ifndef SERVER_CONFIG_FILE_KEY_H
#define SERVER_CONFIG_FILE_KEY_H

#include "common/conf.h"

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_KEY_PRINT = 32 }; /* bytes of SHA-256 */

struct file_key;

struct file_key_where {
	const char *key; /* path of a PEM file, or a pkcs11: URI (PIN and module as it says) */
	const char
		*cert; /* path of its certificate; with a URI it may be NULL: that on the token */
};

/* Opens the key, once for the whole process. A token is logged in to here, and belongs to a thread
 * of its own from now on; never fork() after that. ERR_FAILED "file-key" (a file cannot be read, or
 * is no key), ERR_REFUSED "file-key" (not RSA of a size that phones take, or certificate and key do
 * not belong together), those of token_find() and token_login(). */
int file_key_open(struct file_key **out, const struct file_key_where *where, struct err *e);
void file_key_close(struct file_key *k);

/* Makes a certificate for a key that has none yet: an authority's, signed by the key itself
 * (days from now). where->cert is not looked at. On success *cert is the caller's
 * (X509_free). ERR_FAILED "file-key", "certificate"; ERR_REFUSED "file-key"
 * (not RSA of 1024 or 2048 bits); those of token_key(), token_login() and token_sign_key(). */
int file_key_certify(X509 **cert, const struct file_key_where *where, const X509_NAME *subject,
		     unsigned days, struct err *e);

/* That of this node: what tftp { key } and certificate say, else STATE/keys/ccm.key; *out is NULL
 * if there is no such file, as nothing has to be signed in a non-secure cluster. */
int file_key_of_node(struct file_key **out, const struct conf *conf, struct err *e);

/* Reads key and certificate again if their files have changed. While the two are no pair (they are
 * replaced one after the other), the old ones stay. Any thread. */
void file_key_refresh(struct file_key *k);

/* Key and certificate as they are now: a thread's own copy of the references. */
struct file_signer {
	X509 *cert;
	uint8_t print[FILE_KEY_PRINT]; /* its SHA-256 */
	EVP_PKEY *key;                 /* NULL: on the token */
	struct file_key *from;
};

void file_signer_take(struct file_signer *s, struct file_key *k);
void file_signer_drop(struct file_signer *s);

/* A tl_sign_fn; arg is the struct file_signer. With a key on a token threads wait for each other.
 * The signature has been verified when this returns 0: by token_sign(), or by OpenSSL, which checks
 * what the Chinese remainder theorem gave. ERR_FAILED "sign", those of token_sign(). */
int file_signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e);

#endif
