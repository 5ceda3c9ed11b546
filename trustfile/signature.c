#include "trustfile/signature.h"

#include "trustfile/cert.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { MODULUS_CODES = 4 };

static const uint16_t modulus_lens[MODULUS_CODES] = {64, 128, 256, 512};

static const EVP_MD *digest_md(enum tl_digest digest)
{
	return digest == TL_SHA512 ? EVP_sha512() : EVP_sha1();
}

size_t tf_modulus_len(uint8_t code)
{
	return code < MODULUS_CODES ? modulus_lens[code] : 0;
}

bool tf_modulus_code(uint8_t *code, size_t len)
{
	for (size_t i = 0; i < MODULUS_CODES; i++) {
		if (modulus_lens[i] == len) {
			*code = (uint8_t)i;
			return true;
		}
	}
	return false;
}

int tf_digest(struct buf *b, enum tl_digest digest, const struct span *parts, size_t n,
	      struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool good = ctx && EVP_DigestInit_ex(ctx, digest_md(digest), NULL);

	for (size_t i = 0; good && i < n; i++)
		good = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len);
	good = good && EVP_DigestFinal_ex(ctx, md, &len);
	EVP_MD_CTX_free(ctx);
	if (!good)
		return err_openssl(e, ERR_FAILED, "digest", "cannot compute a digest");
	buf_put(b, md, len);
	return b->bad ? err_nomem(e) : 0;
}

int tf_digest_file(struct buf *b, enum tl_digest digest, struct span file, size_t sig_at,
		   size_t sig_len, struct err *e)
{
	const size_t behind = sig_at + TF_TLV_HEAD + sig_len;
	const struct span parts[] = {
		span_of(file.data, sig_at),
		span_of(file.data + behind, file.len - behind),
	};

	return tf_digest(b, digest, parts, 2, e);
}

int tf_digest_info(struct buf *b, enum tl_digest digest, struct span value, struct err *e)
{
	X509_SIG *info = X509_SIG_new();
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *octets;
	unsigned char *der = NULL;
	int len = 0, rc = 0;

	if (!info)
		return err_nomem(e);
	X509_SIG_getm(info, &algorithm, &octets);
	if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(digest_md(digest))), V_ASN1_NULL,
			    NULL) &&
	    ASN1_OCTET_STRING_set(octets, value.data, (int)value.len))
		len = i2d_X509_SIG(info, &der);
	if (len > 0)
		buf_put(b, der, (size_t)len);
	if (len <= 0 || b->bad)
		rc = err_nomem(e);
	OPENSSL_free(der);
	X509_SIG_free(info);
	return rc;
}

int tf_signature_check(const X509 *cert, enum tl_digest digest, struct span value,
		       struct span signature, const char *id, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const int bits = cert_rsa_bits(cert);
	EVP_PKEY_CTX *ctx;
	bool good;

	if (!bits)
		return err_set(e, ERR_REFUSED, id,
			       "the signer's certificate has no RSA key; only RSA can sign");
	if ((size_t)(bits + 7) / 8 != signature.len)
		return err_set(e, ERR_REFUSED, id,
			       "the signature is %zu bytes long, but the signer's key has %d bits",
			       signature.len, bits);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	good = ctx && EVP_PKEY_verify_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_signature_md(ctx, digest_md(digest)) > 0 &&
	       EVP_PKEY_verify(ctx, signature.data, signature.len, value.data, value.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good)
		return err_openssl(
			e, ERR_REFUSED, id,
			"the signature does not belong to this file and the signer's key");
	return 0;
}
