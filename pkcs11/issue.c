#include "pkcs11/issue.h"

#include "pkcs11/digestinfo.h"

#include <openssl/asn1t.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <time.h>

/*
 * OpenSSL signs a certificate only with a key it has. Ours stays on the token, so the certificate
 * is put together from its parts: RFC 5280 section 4.1.
 */

enum { SERIAL_BYTES = 16, SIG_MAX = 1024, X509_V3 = 2 };

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

/* What an authority certifies does not outlive it. */
static bool set_validity(X509_VAL *v, const struct issue *what)
{
	const ASN1_TIME *end = what->issuer ? X509_get0_notAfter(what->issuer) : NULL;
	const time_t now = time(NULL);

	if (!ASN1_TIME_set(v->notBefore, now) ||
	    !ASN1_TIME_adj(v->notAfter, now, (int)what->days, 0))
		return false;
	return !end || ASN1_TIME_compare(v->notAfter, end) <= 0 ||
	       ASN1_STRING_copy(v->notAfter, end);
}

/* ---- extensions ---- */

/* Takes x over. */
static bool add(TBS *tbs, X509_EXTENSION *x)
{
	const bool ok = x && X509v3_add_ext(&tbs->extensions, x, -1);

	X509_EXTENSION_free(x);
	return ok;
}

static bool add_text(TBS *tbs, int nid, const char *value)
{
	return add(tbs, X509V3_EXT_conf_nid(NULL, NULL, nid, value));
}

/* RFC 5280 section 4.2.1.2, method 1. */
static ASN1_OCTET_STRING *key_id(EVP_PKEY *key)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	X509_PUBKEY *public = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE];
	const uint8_t *bits;
	unsigned hash_len = 0;
	int len;
	bool ok;

	ok = id && X509_PUBKEY_set(&public, key) &&
	     X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, public) &&
	     EVP_Digest(bits, (size_t)len, hash, &hash_len, EVP_sha1(), NULL) &&
	     ASN1_OCTET_STRING_set(id, hash, (int)hash_len);
	X509_PUBKEY_free(public);
	if (ok)
		return id;
	ASN1_OCTET_STRING_free(id);
	return NULL;
}

static bool add_subject_key_id(TBS *tbs, EVP_PKEY *key)
{
	ASN1_OCTET_STRING *id = key_id(key);
	const bool ok = id && add(tbs, X509V3_EXT_i2d(NID_subject_key_identifier, 0, id));

	ASN1_OCTET_STRING_free(id);
	return ok;
}

/* The issuer's own, where its certificate has one: chains are built by comparing the two. */
static bool add_authority_key_id(TBS *tbs, const X509 *issuer)
{
	const ASN1_OCTET_STRING *said = X509_get0_subject_key_id((X509 *)issuer);
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	bool ok = false;

	if (aki) {
		aki->keyid = said ? ASN1_OCTET_STRING_dup(said) : key_id(X509_get0_pubkey(issuer));
		ok = aki->keyid && add(tbs, X509V3_EXT_i2d(NID_authority_key_identifier, 0, aki));
	}
	AUTHORITY_KEYID_free(aki);
	return ok;
}

static bool add_extensions(TBS *tbs, const struct issue *what)
{
	if (what->kind == ISSUE_AUTHORITY)
		return add_text(tbs, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		       add_text(tbs, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		       add_subject_key_id(tbs, what->key);
	if (!add_text(tbs, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_text(tbs, NID_key_usage, "critical,digitalSignature,nonRepudiation"))
		return false;
	return !what->issuer ||
	       (add_subject_key_id(tbs, what->key) && add_authority_key_id(tbs, what->issuer));
}

static bool fill(CERT *c, const struct issue *what)
{
	const X509_NAME *issuer =
		what->issuer ? X509_get_subject_name(what->issuer) : what->subject;
	TBS *tbs = c->tbs;

	return ASN1_INTEGER_set(tbs->version, X509_V3) && set_serial(tbs->serial) &&
	       set_algorithm(tbs->algorithm) && set_algorithm(c->algorithm) &&
	       X509_NAME_set(&tbs->issuer, issuer) && X509_NAME_set(&tbs->subject, what->subject) &&
	       set_validity(tbs->validity, what) && X509_PUBKEY_set(&tbs->key, what->key) &&
	       add_extensions(tbs, what);
}

/* ---- signature ---- */

/* Takes over to_sign (len bytes of OpenSSL's memory; NULL if it could not be encoded). */
static int sign(ASN1_BIT_STRING *out, uint8_t *to_sign, int len, const struct issue_by *by,
		struct err *e)
{
	const size_t siglen = (size_t)EVP_PKEY_get_size(by->key);
	struct buf info = {0};
	uint8_t sig[SIG_MAX];
	int rc;

	if (len <= 0 || siglen > sizeof(sig))
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot encode the certificate");
	else
		rc = digestinfo(&info, EVP_sha256(), span_of(to_sign, (size_t)len), e);
	if (!rc)
		rc = by->sign(by->arg, info.data, info.len, sig, siglen, e);
	if (!rc && !ASN1_STRING_set(out, sig, (int)siglen))
		rc = err_nomem(e);
	/* All bits count: RFC 5280 section 4.1.1.3. */
	out->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	out->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	OPENSSL_free(to_sign);
	buf_free(&info);
	return rc;
}

static int does_not_fit(struct err *e)
{
	return err_openssl(e, ERR_TOKEN, "sign", "a signature was made that does not fit its key");
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

int cert_issue(X509 **out, const struct issue *what, const struct issue_by *by, struct err *e)
{
	CERT *c = (CERT *)ASN1_item_new(ASN1_ITEM_rptr(CERT));
	uint8_t *tbs = NULL;
	X509 *x = NULL;
	int len;
	int rc;

	if (!c || !fill(c, what)) {
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot make the certificate");
		goto out;
	}
	len = ASN1_item_i2d((ASN1_VALUE *)c->tbs, &tbs, ASN1_ITEM_rptr(TBS));
	rc = sign(c->signature, tbs, len, by, e);
	if (rc)
		goto out;
	x = as_x509(c);
	if (!x)
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot encode the certificate");
	else if (X509_verify(x, by->key) != 1)
		rc = does_not_fit(e);
out:
	ASN1_item_free((ASN1_VALUE *)c, ASN1_ITEM_rptr(CERT));
	if (rc)
		X509_free(x);
	else
		*out = x;
	return rc;
}

/* ---- requests ---- */

static bool fill_request(X509_REQ *req, const X509_NAME *subject, EVP_PKEY *key)
{
	X509_ALGOR *algorithm = X509_ALGOR_new();
	const bool ok = algorithm && set_algorithm(algorithm) &&
			X509_REQ_set1_signature_algo(req, algorithm) &&
			X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
			X509_REQ_set_subject_name(req, subject) && X509_REQ_set_pubkey(req, key);

	X509_ALGOR_free(algorithm);
	return ok;
}

/* req owns the signature afterwards, whatever the outcome. */
static int sign_request(X509_REQ *req, const struct issue_by *by, struct err *e)
{
	ASN1_BIT_STRING *signature = ASN1_BIT_STRING_new();
	uint8_t *info = NULL;
	int len;
	int rc;

	if (!signature)
		return err_nomem(e);
	X509_REQ_set0_signature(req, signature);
	len = i2d_re_X509_REQ_tbs(req, &info);
	rc = sign(signature, info, len, by, e);
	if (!rc && X509_REQ_verify(req, by->key) != 1)
		rc = does_not_fit(e);
	return rc;
}

static int put_request(struct buf *out, X509_REQ *req, struct err *e)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!pem || !PEM_write_bio_X509_REQ(pem, req)) {
		BIO_free(pem);
		return err_openssl(e, ERR_FAILED, "certificate", "cannot encode the request");
	}
	n = BIO_get_mem_data(pem, &text);
	buf_put(out, text, (size_t)n);
	BIO_free(pem);
	return out->bad ? err_nomem(e) : 0;
}

int request_issue(struct buf *out, const X509_NAME *subject, const struct issue_by *by,
		  struct err *e)
{
	X509_REQ *req = X509_REQ_new();
	int rc;

	if (!req || !fill_request(req, subject, by->key))
		rc = err_openssl(e, ERR_FAILED, "certificate", "cannot make the request");
	else
		rc = sign_request(req, by, e);
	if (!rc)
		rc = put_request(out, req, e);
	X509_REQ_free(req);
	return rc;
}
