/*
 * What trust lists take from an X.509 certificate: names as text, serial number, key and
 * signature as raw bytes. Source for all of it: doc/formats.md, "Names", "Serial numbers" and
 * "PUBLICKEY and EC certificates".
 */
#ifndef TRUSTFILE_CERT_H
#define TRUSTFILE_CERT_H

#include "common/bytes.h"
#include "common/err.h"

#include <openssl/x509.h>

/* Decodes exactly one DER certificate with nothing behind it. On success *out is the caller's
 * (X509_free). ERR_REFUSED "ctl-record". */
int cert_from_der(X509 **out, struct span der, struct err *e);

/* Reads the first certificate of a file's content, PEM or DER. ERR_FAILED "certificate". */
int cert_from_file_bytes(X509 **out, struct span content, struct err *e);

/* Appends the complete DER encoding. */
void cert_der(struct buf *b, const X509 *x);

/* Appends it in PEM form (RFC 7468), or sets b->bad. */
void cert_pem(struct buf *b, const X509 *x);

/* Appends a name in server form, "CN=..;OU=..;O=..;L=..;ST=..;C=..", each occurrence of the six
 * types a part of its own, other types left out, values as UTF-8 without quotes or escapes, no
 * NUL at the end. ERR_REFUSED "certificate-name" if a value holds a NUL or is not text. */
int cert_name(struct buf *b, const X509_NAME *name, struct err *e);

/* Appends the serial number: big-endian magnitude, no leading 00, zero is one byte 00. */
void cert_serial(struct buf *b, const X509 *x);

/* The contents of the subjectPublicKey BIT STRING (RSAPublicKey DER, or the EC point) and of
 * signatureValue, without the unused-bits byte. Views into x. */
struct span cert_pubkey(const X509 *x);
struct span cert_signature(const X509 *x);

/* Appends SHA-1 (20 bytes) or SHA-256 (32 bytes) of the DER encoding. */
void cert_sha1(struct buf *b, const X509 *x);
void cert_sha256(struct buf *b, const X509 *x);

/* RSA modulus length in bits; 0 if the key is not RSA. */
int cert_rsa_bits(const X509 *x);

/* Short text of the kind of key: "RSA 2048", "EC P-256", or what OpenSSL calls it. */
void cert_key_text(struct buf *b, const X509 *x);

#endif
