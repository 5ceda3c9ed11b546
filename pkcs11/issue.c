#include "pkcs11/cryptoki.h"

#include "pkcs11/digestinfo.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <time.h>

/*
 * OpenSSL signs a certificate only with a key it has. Ours stays on the token, so the certificate
 * is put together from its parts: RFC 5280 section 4.1.
 */

enum { SERIAL_BYTES = 16, DAY = 24 * 60 * 60, X509_V3 = 2 };

typedef struct {
	ASN1_INTEGER *version;
	ASN1_INTEGER *serial;
	X509_ALGOR *algorithm;
	X509_NAME *issuer;
	X509_VAL *validity;
	X509_NAME *subject;
	X509_PUBKEY *key;
	STACK_OF(X509_EXTENSION) * extensions;
} TBS;

typedef struct {
	TBS *tbs;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
} CERT;

/* clang-format off */
ASN1_SEQUENCE(TBS) = {
	ASN1_EXP(TBS, version, ASN1_INTEGER, 0),
	ASN1_SIMPLE(TBS, serial, ASN1_INTEGER),
	ASN1_SIMPLE(TBS, algorithm, X509_ALGOR),
	ASN1_SIMPLE(TBS, issuer, X509_NAME),
	ASN1_SIMPLE(TBS, validity, X509_VAL),
	ASN1_SIMPLE(TBS, subject, X509_NAME),
	ASN1_SIMPLE(TBS, key, X509_PUBKEY),
	ASN1_EXP_SEQUENCE_OF(TBS, extensions, X509_EXTENSION, 3),
} static_ASN1_SEQUENCE_END(TBS)

ASN1_SEQUENCE(CERT) = {
	ASN1_SIMPLE(CERT, tbs, TBS),
	ASN1_SIMPLE(CERT, algorithm, X509_ALGOR),
	ASN1_SIMPLE(CERT, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(CERT)
	/* clang-format on */

	/* Positive and of full length: no leading zero for anybody to keep or to drop. */
	static bool set_serial(ASN1_INTEGER * serial)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *n = NULL;
	bool ok = RAND_bytes(bytes, sizeof(bytes)) == 1;

	bytes[0] = (bytes[0] & 0x7f) | 0x40;
	if (ok)
		n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, serial);
	BN_free(n);
	return ok;
}

static bool set_algorithm(X509_ALGOR *a)
{
	return X509_ALGOR_set0(a, OBJ_nid2obj(NID_sha256WithRSAEncryption), V_ASN1_NULL, NULL);
}

static bool set_validity(X509_VAL *v, unsigned days)
{
	const time_t now = time(NULL);

	return ASN1_TIME_set(v->notBefore, now) && ASN1_TIME_adj(v->notAfter, now, (int)days, 0);
}

static bool add_extension(TBS *tbs, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	const bool ok = x && X509v3_add_ext(&tbs->extensions, x, -1);

	X509_EXTENSION_free(x);
	return ok;
}

static bool fill(CERT *c, const struct issue *what)
{
	TBS *tbs = c->tbs;

	return ASN1_INTEGER_set(tbs->version, X509_V3) && set_serial(tbs->serial) &&
	       set_algorithm(tbs->algorithm) && set_algorithm(c->algorithm) &&
	       X509_NAME_set(&tbs->issuer, what->issuer) &&
	       X509_NAME_set(&tbs->subject, what->subject) &&
	       set_validity(tbs->validity, what->days) && X509_PUBKEY_set(&tbs->key, what->key) &&
	       add_extension(tbs, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(tbs, NID_key_usage, "critical,digitalSignature,nonRepudiation");
}

static int sign(CERT *c, size_t siglen, issue_sign_fn *sign_digest_info, void *arg, struct err *e)
{
	struct buf info = {0};
	uint8_t sig[MODULUS_MAX];
	uint8_t *tbs = NULL;
	const int len = ASN1_item_i2d((ASN1_VALUE *)c->tbs, &tbs, ASN1_ITEM_rptr(TBS));
	int rc;

	if (len <= 0 || siglen > sizeof(sig))
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot encode the certificate");
	else
		rc = digestinfo(&info, EVP_sha256(), span_of(tbs, (size_t)len), e);
	if (!rc)
		rc = sign_digest_info(arg, info.data, info.len, sig, siglen, e);
	if (!rc && !ASN1_STRING_set(c->signature, sig, (int)siglen))
		rc = err_nomem(e);
	/* All bits count: RFC 5280 section 4.1.1.3. */
	c->signature->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	c->signature->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	OPENSSL_free(tbs);
	buf_free(&info);
	return rc;
}

static X509 *as_x509(const CERT *c)
{
	uint8_t *der = NULL;
	const int len = ASN1_item_i2d((const ASN1_VALUE *)c, &der, ASN1_ITEM_rptr(CERT));
	const uint8_t *p = der;
	X509 *x = len > 0 ? d2i_X509(NULL, &p, len) : NULL;

	OPENSSL_free(der);
	return x;
}

int cert_issue(X509 **out, const struct issue *what, size_t siglen, issue_sign_fn *sign_digest_info,
	       void *arg, struct err *e)
{
	CERT *c = (CERT *)ASN1_item_new(ASN1_ITEM_rptr(CERT));
	X509 *x = NULL;
	int rc;

	if (!c || !fill(c, what)) {
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot make the certificate");
		goto out;
	}
	rc = sign(c, siglen, sign_digest_info, arg, e);
	if (rc)
		goto out;
	x = as_x509(c);
	if (!x) {
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot encode the certificate");
		goto out;
	}
	*out = x;
out:
	ASN1_item_free((ASN1_VALUE *)c, ASN1_ITEM_rptr(CERT));
	return rc;
}
