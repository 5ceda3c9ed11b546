#include "server/admin/make_cert.h"

#include "trustfile/cert.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

enum {
	RSA_BITS = 2048, /* phones take no more */
	SERIAL_BYTES = 16,
	NAME_MAX_CHARS = 64,
	/* A clock that is a little behind should not find the certificate not yet valid. */
	BACKDATE_S = 3600,
};

static int failed(struct err *e, const char *what)
{
	return err_openssl(e, ERR_FAILED, "certificate", "cannot make a certificate: %s", what);
}

/* ---- subject, serial number, validity ---- */

static int add_name(X509_NAME *name, const char *type, const char *value, struct err *e)
{
	const size_t n = strlen(value);

	if (!n || n > NAME_MAX_CHARS)
		return err_set(e, ERR_USAGE, "subject",
			       "%s \"%s\" does not fit into a certificate: it needs 1 to %d "
			       "characters",
			       type, value, NAME_MAX_CHARS);
	if (!X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value,
					(int)n, -1, 0))
		return err_openssl(e, ERR_USAGE, "subject",
				   "%s \"%s\" does not fit into a certificate", type, value);
	return 0;
}

static int set_subject(X509 *x, const struct make_cert *spec, struct err *e)
{
	X509_NAME *name = X509_get_subject_name(x);

	if (add_name(name, "CN", spec->common_name, e) ||
	    add_name(name, "O", spec->organization, e) || add_name(name, "OU", spec->unit, e))
		return (int)e->kind;
	if (spec->issuer)
		name = X509_get_subject_name(spec->issuer);
	return X509_set_issuer_name(x, name) ? 0 : failed(e, "issuer");
}

static int set_serial(X509 *x, struct err *e)
{
	uint8_t bytes[SERIAL_BYTES];
	ASN1_INTEGER *serial = NULL;
	BIGNUM *n = NULL;
	int rc = 0;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return failed(e, "no random numbers");
	/* Positive, and always of the same length. */
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	serial = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	if (!serial || !X509_set_serialNumber(x, serial))
		rc = failed(e, "serial number");
	ASN1_INTEGER_free(serial);
	BN_free(n);
	return rc;
}

static int set_validity(X509 *x, int years, struct err *e)
{
	const time_t now = time(NULL);

	if (!ASN1_TIME_set(X509_getm_notBefore(x), now - BACKDATE_S) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), years * 365, 0, NULL))
		return failed(e, "validity");
	return 0;
}

/* ---- extensions ---- */

static int add_extension(X509 *x, int nid, const char *value, struct err *e)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int rc = 0;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || !X509_add_ext(x, ext, -1))
		rc = failed(e, OBJ_nid2sn(nid));
	X509_EXTENSION_free(ext);
	return rc;
}

static int add_alt_names(X509 *x, const char *const *names, struct err *e)
{
	uint8_t scratch[sizeof(struct in6_addr)];
	struct buf list = {0};
	const char *text;
	int rc;

	for (size_t i = 0; names[i]; i++) {
		const bool is_ip = inet_pton(AF_INET, names[i], scratch) == 1 ||
				   inet_pton(AF_INET6, names[i], scratch) == 1;

		buf_printf(&list, "%s%s:%s", i ? "," : "", is_ip ? "IP" : "DNS", names[i]);
	}
	text = buf_cstr(&list);
	rc = text ? add_extension(x, NID_subject_alt_name, text, e) : err_nomem(e);
	buf_free(&list);
	return rc;
}

static int add_extensions(X509 *x, const struct make_cert *spec, struct err *e)
{
	static const struct {
		const char *constraints, *usage, *extended;
	} by_kind[] = {
		[MAKE_TLS] = {"critical,CA:FALSE", "critical,digitalSignature",
			      "serverAuth,clientAuth"},
		[MAKE_CCM] = {"critical,CA:FALSE",
			      "critical,digitalSignature,keyEncipherment,dataEncipherment",
			      "serverAuth,clientAuth"},
		[MAKE_CAPF] = {"critical,CA:TRUE,pathlen:0",
			       "critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign",
			       "serverAuth"},
	};

	if (add_extension(x, NID_basic_constraints, by_kind[spec->kind].constraints, e) ||
	    add_extension(x, NID_key_usage, by_kind[spec->kind].usage, e) ||
	    add_extension(x, NID_ext_key_usage, by_kind[spec->kind].extended, e) ||
	    add_extension(x, NID_subject_key_identifier, "hash", e))
		return (int)e->kind;
	return add_alt_names(x, spec->names, e);
}

/* ---- all of it ---- */

static int make_x509(X509 *x, EVP_PKEY *key, const struct make_cert *spec, struct err *e)
{
	if (!X509_set_version(x, X509_VERSION_3) || !X509_set_pubkey(x, key))
		return failed(e, "key");
	if (set_serial(x, e) || set_validity(x, spec->years, e) || set_subject(x, spec, e) ||
	    add_extensions(x, spec, e))
		return (int)e->kind;
	return X509_sign(x, spec->issuer ? spec->issuer_key : key, EVP_sha256())
		       ? 0
		       : failed(e, "signature");
}

int make_cert(EVP_PKEY **key, X509 **cert, const struct make_cert *spec, struct err *e)
{
	EVP_PKEY *k = spec->kind == MAKE_TLS ? EVP_EC_gen("P-256") : EVP_RSA_gen(RSA_BITS);
	X509 *x = X509_new();
	int rc;

	if (k && x)
		rc = make_x509(x, k, spec, e);
	else
		rc = failed(e, "no key");
	if (rc) {
		EVP_PKEY_free(k);
		X509_free(x);
		return rc;
	}
	*key = k;
	*cert = x;
	return 0;
}

/* ---- as text ---- */

static int take_bio(struct buf *b, BIO *bio, int written, struct err *e)
{
	char *text;
	long n = written ? BIO_get_mem_data(bio, &text) : 0;

	if (n > 0)
		buf_put(b, text, (size_t)n);
	BIO_free(bio);
	return n > 0 && !b->bad ? 0 : failed(e, "PEM");
}

int make_cert_key_pem(struct buf *b, const EVP_PKEY *key, struct err *e)
{
	/* Secure memory: it is wiped when it is freed. */
	BIO *bio = BIO_new(BIO_s_secmem());

	return take_bio(b, bio,
			bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL),
			e);
}

int make_cert_pem(struct buf *b, const X509 *cert, struct err *e)
{
	cert_pem(b, cert);
	return b->bad ? failed(e, "PEM") : 0;
}
