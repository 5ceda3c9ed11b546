#include "trustfile/pkey.h"

#include <limits.h>
#include <openssl/rsa.h>

/* Instead of OpenSSL's own, which would ask on the terminal. */
static int no_password(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1;
}

int pkey_from_pem(EVP_PKEY **out, struct span pem, pem_password_cb *ask, void *arg, struct err *e)
{
	BIO *bio = pem.len && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
	EVP_PKEY *key =
		bio ? PEM_read_bio_PrivateKey(bio, NULL, ask ? ask : no_password, arg) : NULL;

	BIO_free(bio);
	if (!key)
		return err_openssl(e, ERR_FAILED, "private-key", "no private key in PEM%s",
				   ask ? "" : " without a passphrase");
	*out = key;
	return 0;
}

int pkey_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
	      struct err *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(arg, NULL);
	size_t n = siglen;
	const bool good = ctx && EVP_PKEY_sign_init(ctx) > 0 &&
			  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
			  EVP_PKEY_sign(ctx, sig, &n, digest_info, len) > 0 && n == siglen;

	EVP_PKEY_CTX_free(ctx);
	return good ? 0 : err_openssl(e, ERR_FAILED, "sign", "cannot sign");
}
