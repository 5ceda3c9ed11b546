#include "server/capf/issue.h"

#include "pkcs11/digestinfo.h"
#include "server/capf/der.h"
#include "server/net/capf_message.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	TBS_VERSION_3 = 2,
	EXPLICIT_0 = 0xa0, /* version */
	EXPLICIT_3 = 0xa3, /* extensions */
	TAG_URI = 0x86,
};

static const uint8_t rsa_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
				     0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
				       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_cn[] = {0x55, 0x04, 0x03};
static const uint8_t oid_alt_name[] = {0x55, 0x1d, 0x11};

/* basicConstraints CA:FALSE, critical; keyUsage digitalSignature and keyEncipherment, critical;
 * extendedKeyUsage serverAuth, clientAuth, ipsecEndSystem: the same in every LSC. */
static const uint8_t extensions[] = {
	0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00, 0x30,
	0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x05, 0xa0,
	0x30, 0x27, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x20, 0x30, 0x1e, 0x06, 0x08, 0x2b, 0x06,
	0x01, 0x05, 0x05, 0x07, 0x03, 0x01, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03,
	0x02, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x05};

/* ---- the issuer ---- */

static bool is_inherited(struct rd attribute)
{
	/* L, ST, C, O, OU: 2.5.4.x */
	static const uint8_t arcs[] = {6, 7, 8, 10, 11};
	const struct rd oid = der_enter(&attribute, DER_OID);

	if (oid.bad || oid.left != 3 || oid.p[0] != 0x55 || oid.p[1] != 0x04)
		return false;
	return memchr(arcs, oid.p[2], sizeof(arcs)) != NULL;
}

/* Each in a set of its own, whatever the issuer's name did with them. */
static bool inherit(struct buf *out, struct rd name)
{
	struct rd sets = der_enter(&name, DER_SEQUENCE);

	while (sets.left && !sets.bad) {
		struct rd set = der_enter(&sets, DER_SET);

		while (set.left && !set.bad) {
			struct span whole;
			const struct rd attribute = der_next(&set, &whole);

			if (is_inherited(attribute))
				der_put(out, DER_SET, whole);
		}
	}
	return !sets.bad && !out->bad;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

int issuer_init(struct issuer *i, X509 *cert, const struct issuer_key *by, struct err *e)
{
	EVP_PKEY *key = by->key ? by->key : X509_get0_pubkey(cert);
	const int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
	const unsigned char *name;
	size_t n;

	*i = (struct issuer){0};
	if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
		return err_set(e, ERR_FAILED, "capf-authority",
			       "the authority's key is neither RSA nor EC");
	if (by->key && X509_check_private_key(cert, key) != 1)
		return err_openssl(e, ERR_FAILED, "capf-authority",
				   "the authority's key is not that of its certificate");
	if (!X509_NAME_get0_der(X509_get_subject_name(cert), &name, &n))
		return err_openssl(e, ERR_FAILED, "capf-authority",
				   "the authority's certificate has no subject");
	buf_put(&i->name, name, n);
	if (i->name.bad || !inherit(&i->attributes, rd_of(span_of(name, n))))
		return err_nomem(e);
	i->algorithm = type == EVP_PKEY_RSA ? span_of(rsa_sha256, sizeof(rsa_sha256))
					    : span_of(ecdsa_sha256, sizeof(ecdsa_sha256));
	i->not_after = seconds_of(X509_get0_notAfter(cert));
	EVP_PKEY_up_ref(key);
	i->by = *by;
	i->by.key = key;
	return 0;
}

void issuer_free(struct issuer *i)
{
	buf_free(&i->name);
	buf_free(&i->attributes);
	EVP_PKEY_free(i->by.key);
	*i = (struct issuer){0};
}

/* ---- the certificate ---- */

static void put_version(struct buf *b)
{
	static const uint8_t v3[] = {DER_INTEGER, 1, TBS_VERSION_3};

	der_put(b, EXPLICIT_0, span_of(v3, sizeof(v3)));
}

static void put_serial(struct buf *b, const uint8_t serial[ISSUE_SERIAL_LEN])
{
	const size_t start = der_begin(b, DER_INTEGER);
	size_t i = 0;

	while (i < ISSUE_SERIAL_LEN - 1 && !serial[i])
		i++;
	if (serial[i] & 0x80)
		buf_u8(b, 0);
	buf_put(b, serial + i, ISSUE_SERIAL_LEN - i);
	der_end(b, start);
}

static void put_validity(struct buf *b, const struct issuer *i, const struct issue *what)
{
	const size_t start = der_begin(b, DER_SEQUENCE);

	der_time(b, what->not_before);
	der_time(b, what->not_after < i->not_after ? what->not_after : i->not_after);
	der_end(b, start);
}

static void put_subject(struct buf *b, const struct issuer *i, struct span device)
{
	const size_t name = der_begin(b, DER_SEQUENCE);
	const size_t set = der_begin(b, DER_SET);
	const size_t attribute = der_begin(b, DER_SEQUENCE);

	der_put(b, DER_OID, span_of(oid_cn, sizeof(oid_cn)));
	der_put(b, DER_UTF8, device);
	der_end(b, attribute);
	der_end(b, set);
	buf_span(b, buf_view(&i->attributes));
	der_end(b, name);
}

/* The device's name as a URI without a scheme: what phones expect. */
static void put_alt_name(struct buf *b, struct span device)
{
	const size_t extension = der_begin(b, DER_SEQUENCE);
	size_t octets, names;

	der_put(b, DER_OID, span_of(oid_alt_name, sizeof(oid_alt_name)));
	octets = der_begin(b, DER_OCTET_STRING);
	names = der_begin(b, DER_SEQUENCE);
	der_put(b, TAG_URI, device);
	der_end(b, names);
	der_end(b, octets);
	der_end(b, extension);
}

static void put_extensions(struct buf *b, struct span device)
{
	const size_t tag = der_begin(b, EXPLICIT_3);
	const size_t list = der_begin(b, DER_SEQUENCE);

	buf_put(b, extensions, sizeof(extensions));
	put_alt_name(b, device);
	der_end(b, list);
	der_end(b, tag);
}

/* TBSCertificate of RFC 5280 section 4.1. */
static void put_tbs(struct buf *b, const struct issuer *i, const struct issue *what)
{
	const size_t start = der_begin(b, DER_SEQUENCE);

	put_version(b);
	put_serial(b, what->serial);
	buf_span(b, i->algorithm);
	buf_span(b, buf_view(&i->name));
	put_validity(b, i, what);
	put_subject(b, i, what->device);
	buf_span(b, what->spki);
	put_extensions(b, what->device);
	der_end(b, start);
}

/* With a key that is at hand. */
static int sign_here(struct buf *signature, EVP_PKEY *key, struct span tbs, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(key);
	uint8_t *to = buf_room(signature, n);
	const bool good = ctx && to &&
			  EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
			  EVP_DigestSign(ctx, to, &n, tbs.data, tbs.len) == 1;

	EVP_MD_CTX_free(ctx);
	if (!good)
		return err_openssl(e, ERR_FAILED, "capf-authority",
				   "the authority's key does not sign");
	signature->len += n;
	return 0;
}

static int sign_elsewhere(struct buf *signature, const struct issuer_key *by, struct span tbs,
			  struct err *e)
{
	const size_t n = (size_t)EVP_PKEY_get_size(by->key);
	uint8_t *to = buf_room(signature, n);
	struct buf info = {0};
	int rc = to ? digestinfo(&info, EVP_sha256(), tbs, e) : err_nomem(e);

	if (!rc)
		rc = by->sign(by->arg, info.data, info.len, to, n, e);
	if (!rc)
		signature->len += n;
	buf_free(&info);
	return rc;
}

int issuer_seal(const struct issuer *i, struct span tbs, struct buf *der, struct err *e)
{
	struct buf signature = {0};
	size_t start, bits;
	int rc = i->by.sign ? sign_elsewhere(&signature, &i->by, tbs, e)
			    : sign_here(&signature, i->by.key, tbs, e);

	if (!rc) {
		start = der_begin(der, DER_SEQUENCE);
		buf_span(der, tbs);
		buf_span(der, i->algorithm);
		bits = der_begin(der, DER_BIT_STRING);
		buf_u8(der, 0);
		buf_span(der, buf_view(&signature));
		der_end(der, bits);
		der_end(der, start);
	}
	buf_free(&signature);
	return !rc && der->bad ? err_nomem(e) : rc;
}

int issue_certificate(const struct issuer *i, const struct issue *what, struct buf *der,
		      struct err *e)
{
	struct buf tbs = {0};
	int rc;

	if (!what->device.len || what->device.len > CAPF_CN_MAX)
		return err_set(e, ERR_REFUSED, "capf-name",
			       "the device's name has %zu characters; a certificate takes %d",
			       what->device.len, CAPF_CN_MAX);
	if (i->not_after <= what->not_before) {
		err_set(e, ERR_FAILED, "capf-authority", "the authority's certificate has expired");
		return err_hint(e, "make a new one: \"ctladmin node renew-cert capf\"");
	}
	put_tbs(&tbs, i, what);
	rc = tbs.bad ? err_nomem(e) : issuer_seal(i, buf_view(&tbs), der, e);
	buf_free(&tbs);
	return rc;
}

void issue_serial(char *text, struct span der)
{
	struct rd all = rd_of(der);
	struct rd certificate = der_enter(&all, DER_SEQUENCE);
	struct rd tbs = der_enter(&certificate, DER_SEQUENCE);
	struct span n;

	der_enter(&tbs, EXPLICIT_0);
	n = der_positive(&tbs);
	*text = '\0';
	for (size_t i = 0; !tbs.bad && n.len <= ISSUE_SERIAL_MAX && i < n.len; i++)
		snprintf(text + 2 * i, 3, "%02x", n.data[i]);
}
