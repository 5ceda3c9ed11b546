/* Keys and certificates, as a rule self-signed, for the services of a node. */
#ifndef SERVER_ADMIN_MAKE_CERT_H
#define SERVER_ADMIN_MAKE_CERT_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum make_cert_kind {
	MAKE_TLS,  /* EC P-256, for a TLS server that only programs of ours and browsers talk to */
	MAKE_CCM,  /* RSA 2048, which every phone can verify: signs files, serves TLS */
	MAKE_CAPF, /* RSA 2048, a CA that issues certificates to phones */
};

struct make_cert {
	enum make_cert_kind kind;
	/* CN, O and OU: phones want all three. 64 characters each at most (RFC 5280, appendix A.1)
	 */
	const char *common_name, *organization, *unit;
	const char *const *names; /* for subjectAltName, up to a NULL: host names or addresses */
	int years;                /* of validity, from now */
	/* Who signs: a certificate with its key, or NULL for the new key itself. */
	const X509 *issuer;
	EVP_PKEY *issuer_key;
};

/* Makes both. On success *key and *cert are the caller's (EVP_PKEY_free, X509_free). ERR_USAGE
 * "subject" if a name does not fit into a certificate; ERR_FAILED "certificate". */
int make_cert(EVP_PKEY **key, X509 **cert, const struct make_cert *spec, struct err *e);

/* Appends them as PEM (the key as PKCS#8, unencrypted: buf_wipe() it). ERR_FAILED. */
int make_cert_key_pem(struct buf *b, const EVP_PKEY *key, struct err *e);
int make_cert_pem(struct buf *b, const X509 *cert, struct err *e);

#endif
