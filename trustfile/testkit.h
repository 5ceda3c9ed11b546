/* What the tests of this room share: vectors, keys, and lists made to measure. */
#ifndef TRUSTFILE_TESTKIT_H
#define TRUSTFILE_TESTKIT_H

#include "common/bytes.h"
#include "trustfile/list.h"
#include "trustfile/pkey.h"

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>
#include <openssl/evp.h>

struct test_key {
	EVP_PKEY *key;
	X509 *cert;
};

/* A file below trustfile/, such as "vectors/tlv/ctl-sha1.tlv"; fails the test if there is none. */
struct buf test_file(const char *path);

/* vectors/keys/NAME.pem. Give it to test_key_free(). */
struct test_key test_key_load(const char *name);

/* A new key with a self-signed certificate: RSA of so many bits, or a curve such as "P-256". */
struct test_key test_key_rsa(unsigned bits, const char *cn);
struct test_key test_key_ec(const char *curve, const char *cn);

/* A certificate for key in the given name (one string per part, "OU=x"), signed by the key. */
X509 *test_cert(EVP_PKEY *key, const char *const parts[], size_t n);

void test_key_free(struct test_key *k);

/*
 * A list from a description, correctly signed by signer unless the description itself prevents
 * that. Blanks separate the words:
 *   TT:HEX       a TLV of tag TT with the value HEX (which may be empty)
 *   TT'text'     ... with text and a NUL
 *   TT{...}      ... with the words inside as value
 *   TTc TTk TTs TTh  ... with the signer's certificate, its public key, signature, or SHA-1; in
 *                capitals: those of other
 *   R{...}       a record, RECORDLENGTH made up
 *   S            the SIGNATURE TLV
 *   P            padding to a multiple of 4
 *   |            the end of the header: if HEADERLENGTH is zero it is filled in
 *   !HEX         just these bytes
 * The signature is SHA-1, or SHA-512 if sha512 is set, over all but the first S.
 */
struct buf test_list(const char *description, const struct test_key *signer,
		     const struct test_key *other, bool sha512);

/* The header and the record of a list that is in order; tests change parts of them. */
#define TEST_START "01:0102 02:0000 "
#define TEST_SIGNER "03{04'CN=T' 05:11 06'CN=I'} "
#define TEST_INFO "07{08:01 09{0a:00 0b:01}} "
#define TEST_END "0e'CTLFile.tlv' 0f:5f5e1000 "
#define TEST_HEADER TEST_START TEST_SIGNER TEST_INFO "S " TEST_END "P | "
#define TEST_SAST "R{02'' 03'CN=T' 04:0000 05'CN=I' 06:11 07k 09c 0a:00000000} "

#endif
