#include "trustfile/cert.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum { DER_SEQUENCE = 0x30 };

int cert_from_der(X509 **out, struct span der, struct err *e)
{
	const unsigned char *p = der.data;
	X509 *x = der.len && der.len <= INT_MAX ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	struct buf again = {0};
	int rc = 0;

	if (!x)
		return err_openssl(e, ERR_REFUSED, "ctl-record", "the certificate does not decode");
	/* What is not DER has another hash here than for one who encodes it again. */
	cert_der(&again, x);
	if (again.bad)
		rc = err_nomem(e);
	else if (!span_eq(buf_view(&again), der))
		rc = err_set(e, ERR_REFUSED, "ctl-record",
			     "the certificate is not exactly one in DER (%zu of %zu bytes)",
			     again.len, der.len);
	buf_free(&again);
	if (rc)
		X509_free(x);
	else
		*out = x;
	return rc;
}

/* Instead of OpenSSL's own, which would ask on the terminal. */
static int no_password(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1;
}

int cert_from_file_bytes(X509 **out, struct span content, struct err *e)
{
	BIO *bio = NULL;
	X509 *x = NULL;

	if (content.len && content.len <= INT_MAX)
		bio = BIO_new_mem_buf(content.data, (int)content.len);
	if (bio && content.data[0] == DER_SEQUENCE)
		x = d2i_X509_bio(bio, NULL);
	else if (bio)
		x = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!x)
		return err_openssl(e, ERR_FAILED, "certificate", "no certificate in PEM or DER");
	*out = x;
	return 0;
}

void cert_der(struct buf *b, const X509 *x)
{
	const int len = i2d_X509(x, NULL);
	uint8_t *to = len > 0 ? buf_room(b, (size_t)len) : NULL;

	if (!to) {
		b->bad = true;
		return;
	}
	i2d_X509(x, &to);
	b->len += (size_t)len;
}

void cert_pem(struct buf *b, const X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	const long n = bio && PEM_write_bio_X509(bio, x) ? BIO_get_mem_data(bio, &text) : 0;

	if (n > 0)
		buf_put(b, text, (size_t)n);
	else
		b->bad = true;
	BIO_free(bio);
}

static int name_part(struct buf *b, const char *key, const ASN1_STRING *value, struct err *e)
{
	unsigned char *text = NULL;
	const int len = ASN1_STRING_to_UTF8(&text, value);
	int rc = 0;

	if (len < 0)
		rc = err_openssl(e, ERR_REFUSED, "certificate-name",
				 "the value of %s in the certificate's name is not text", key);
	else if (memchr(text, 0, (size_t)len))
		rc = err_set(e, ERR_REFUSED, "certificate-name",
			     "the value of %s in the certificate's name holds a NUL", key);
	else
		buf_printf(b, "%s=%.*s", key, len, (const char *)text);
	OPENSSL_free(text);
	return rc;
}

int cert_name(struct buf *b, const X509_NAME *name, struct err *e)
{
	static const struct {
		int nid;
		const char *key;
	} types[] = {
		{NID_commonName, "CN"},          {NID_organizationalUnitName, "OU"},
		{NID_organizationName, "O"},     {NID_localityName, "L"},
		{NID_stateOrProvinceName, "ST"}, {NID_countryName, "C"},
	};
	const size_t start = b->len;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int at = -1;

		while ((at = X509_NAME_get_index_by_NID(name, types[i].nid, at)) >= 0) {
			const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, at);
			int rc;

			if (b->len > start)
				buf_u8(b, ';');
			rc = name_part(b, types[i].key, X509_NAME_ENTRY_get_data(entry), e);
			if (rc) {
				b->len = start;
				return rc;
			}
		}
	}
	return b->bad ? err_nomem(e) : 0;
}

void cert_serial(struct buf *b, const X509 *x)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	struct span s = span_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));

	while (s.len && !s.data[0]) {
		s.data++;
		s.len--;
	}
	if (s.len)
		buf_span(b, s);
	else
		buf_u8(b, 0);
}

static struct span bits_of(const ASN1_BIT_STRING *bits)
{
	return bits ? span_of(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits))
		    : span_of(NULL, 0);
}

struct span cert_pubkey(const X509 *x)
{
	return bits_of(X509_get0_pubkey_bitstr(x));
}

struct span cert_signature(const X509 *x)
{
	const ASN1_BIT_STRING *bits = NULL;

	X509_get0_signature(&bits, NULL, x);
	return bits_of(bits);
}

static void fingerprint(struct buf *b, const X509 *x, const EVP_MD *md)
{
	unsigned len = 0;
	uint8_t *to = buf_room(b, EVP_MAX_MD_SIZE);

	if (!to || !X509_digest(x, md, to, &len))
		b->bad = true;
	else
		b->len += len;
}

void cert_sha1(struct buf *b, const X509 *x)
{
	fingerprint(b, x, EVP_sha1());
}

void cert_sha256(struct buf *b, const X509 *x)
{
	fingerprint(b, x, EVP_sha256());
}

int cert_rsa_bits(const X509 *x)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(key) : 0;
}

void cert_key_text(struct buf *b, const X509 *x)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	char group[64];
	const char *nist, *type;

	if (!key) {
		buf_str(b, "unreadable key");
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		buf_printf(b, "RSA %d", EVP_PKEY_get_bits(key));
	} else if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL)) {
		nist = EC_curve_nid2nist(OBJ_txt2nid(group));
		buf_printf(b, "EC %s", nist ? nist : group);
	} else {
		type = EVP_PKEY_get0_type_name(key);
		buf_printf(b, "%s %d", type ? type : "key", EVP_PKEY_get_bits(key));
	}
}
