/*
 * The certificates of a phone itself, with their private keys, in its folder: lsc.pem and lsc.key
 * (locally significant, from CAPF), mic.pem and mic.key (made in at the factory). All of them PEM,
 * 0600.
 */
#ifndef PHONE_OWN_CERT_H
#define PHONE_OWN_CERT_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum own_kind { OWN_LSC, OWN_MIC };

enum { OWN_HASH_MAX = 33 }; /* 32 hexadecimal digits and a NUL */

struct own_cert {
	X509 *cert; /* owned; NULL: the phone has none of that kind */
	EVP_PKEY *key;
	char hash[OWN_HASH_MAX]; /* MD5 of the DER, lower case: as certHash of configurations; "" */
};

/* Reads what the folder dir has of that kind; a missing certificate is no error and leaves c empty.
 * ERR_FAILED "own-certificate" if a file cannot be read, or certificate and key are no pair. On
 * success give c to own_cert_free(). */
int own_cert_load(struct own_cert *c, const char *dir, enum own_kind kind, struct err *e);

/* Writes certificate and key, making the folder if need be. If it is broken off in between, the two
 * are no pair, and own_cert_load() says so. */
int own_cert_save(const char *dir, enum own_kind kind, const X509 *cert, const EVP_PKEY *key,
		  struct err *e);

/* Removes both; that they are not there is no error. */
int own_cert_remove(const char *dir, enum own_kind kind, struct err *e);

/* "LSC", "MIC". */
const char *own_cert_word(enum own_kind kind);

void own_cert_free(struct own_cert *c);

#endif
