#include "phone/prove.h"

#include <openssl/rsa.h>

/* RSA: the bare digest in a PKCS #1 type 1 block, no DigestInfo; hence no digest is set. */
static int sign(struct buf *out, EVP_PKEY *key, const EVP_MD *md, const struct buf *data,
		struct err *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = (size_t)EVP_PKEY_get_size(key);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned dn = 0;
	uint8_t *to = buf_room(out, n);
	bool good = ctx && to && EVP_Digest(data->data, data->len, digest, &dn, md, NULL) &&
		    EVP_PKEY_sign_init(ctx) == 1;

	if (good && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		good = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	good = good && EVP_PKEY_sign(ctx, to, &n, digest, dn) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good)
		return err_openssl(e, ERR_FAILED, "capf-proof",
				   "the phone cannot sign with a key of %d bits",
				   EVP_PKEY_get_bits(key));
	out->len += n;
	return 0;
}

static int sign_auth(struct prove *out, const struct enroll_proof *p, const struct prove_with *by,
		     struct err *e)
{
	struct buf data = {0};
	int rc;

	buf_span(&data, p->device);
	buf_u8(&data, 0);
	buf_span(&data, by->der);
	rc = data.bad ? err_nomem(e) : sign(&out->signed_data, by->key, EVP_sha1(), &data, e);
	if (!rc)
		rc = sign(&out->sha2, by->key, EVP_sha512(), &data, e);
	buf_free(&data);
	return rc;
}

static int sign_sudi(struct prove *out, uint32_t session, const struct prove_with *sudi,
		     struct err *e)
{
	struct buf data = {0};
	int rc;

	/* Little-endian, here and only here. */
	for (int i = 0; i < 4; i++)
		buf_u8(&data, (uint8_t)(session >> (8 * i)));
	buf_span(&data, sudi->der);
	rc = data.bad ? err_nomem(e) : sign(&out->sudi_sha1, sudi->key, EVP_sha1(), &data, e);
	if (!rc)
		rc = sign(&out->sudi_sha512, sudi->key, EVP_sha512(), &data, e);
	buf_free(&data);
	return rc;
}

int prove(struct prove *out, struct enroll_proof *p, uint32_t session, const struct prove_with *by,
	  const struct prove_with *sudi, struct err *e)
{
	int rc;

	*out = (struct prove){0};
	rc = sign_auth(out, p, by, e);
	if (rc)
		return rc;
	p->certificate = by->der;
	p->signed_data = buf_view(&out->signed_data);
	p->sha2 = (struct capf_sha2){CAPF_SHA512, buf_view(&out->sha2)};
	if (!sudi->der.len)
		return 0;
	rc = sign_sudi(out, session, sudi, e);
	if (!rc)
		p->sudi = (struct capf_sudi){sudi->der, buf_view(&out->sudi_sha1),
					     buf_view(&out->sudi_sha512)};
	return rc;
}

void prove_free(struct prove *p)
{
	buf_free(&p->signed_data);
	buf_free(&p->sha2);
	buf_free(&p->sudi_sha1);
	buf_free(&p->sudi_sha512);
}
