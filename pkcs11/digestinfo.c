#include "pkcs11/digestinfo.h"

#include <openssl/x509.h>

int digestinfo(struct buf *out, const EVP_MD *md, struct span data, struct err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_len = 0;
	X509_SIG *info = X509_SIG_new();
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *digest;
	uint8_t *der = NULL;
	int len = -1;

	if (info && EVP_Digest(data.data, data.len, hash, &hash_len, md, NULL) == 1) {
		X509_SIG_getm(info, &algorithm, &digest);
		if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL,
				    NULL) &&
		    ASN1_OCTET_STRING_set(digest, hash, (int)hash_len))
			len = i2d_X509_SIG(info, &der);
	}
	if (len > 0)
		buf_put(out, der, (size_t)len);
	OPENSSL_free(der);
	X509_SIG_free(info);
	if (len <= 0)
		return err_openssl(e, ERR_FAILED, "digest", "cannot make the DigestInfo");
	return out->bad ? err_nomem(e) : 0;
}
