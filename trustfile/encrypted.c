#include "trustfile/encrypted.h"

#include "trustfile/cert.h"
#include "trustfile/tlv.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

enum {
	SCHEME = 0,            /* tags 18 and 22 */
	KEYALGORITHM = 1,      /* AES-128 */
	PAD_BYTE = TF_PADDING, /* not PKCS#7: the byte is not the count */
	WRAPPED_MAX = 512,
};

/* ---- build ---- */

/* One run of AES-128-CBC without padding; appends to out. */
static bool aes_cbc(struct buf *out, struct span in, const uint8_t key[ENC_KEY_LEN],
		    const uint8_t *iv, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *to = buf_room(out, in.len + ENC_BLOCK);
	int n = 0, last = 0;
	const bool good = ctx && to &&
			  EVP_CipherInit_ex2(ctx, EVP_aes_128_cbc(), key, iv, encrypt, NULL) &&
			  EVP_CIPHER_CTX_set_padding(ctx, 0) &&
			  EVP_CipherUpdate(ctx, to, &n, in.data, (int)in.len) &&
			  EVP_CipherFinal_ex(ctx, to + n, &last);

	if (good)
		out->len += (size_t)(n + last);
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static uint16_t padding_of(struct span plain)
{
	return (uint16_t)(ENC_BLOCK - plain.len % ENC_BLOCK);
}

static int encrypt_body(struct buf *body, const struct enc_fixed *f, struct span plain,
			struct err *e)
{
	struct buf padded = {0};
	int rc = 0;

	buf_span(&padded, plain);
	for (uint16_t i = 0; i < padding_of(plain); i++)
		buf_u8(&padded, PAD_BYTE);
	if (padded.bad || body->bad)
		rc = err_nomem(e);
	else if (!aes_cbc(body, buf_view(&padded), f->key, f->iv, 1))
		rc = err_openssl(e, ERR_FAILED, "encrypt", "cannot encrypt the configuration");
	buf_wipe(&padded);
	return rc;
}

static int put_key_info(struct buf *b, struct span wrapped, struct err *e)
{
	enum { BITS_PER_BYTE = 8 };
	struct buf inner = {0};
	int rc;

	tlv_u8(&inner, TF_KEYSCHEME, SCHEME);
	tlv_u16(&inner, TF_KEYSIZE, (uint16_t)(wrapped.len * BITS_PER_BYTE));
	tlv_u8(&inner, TF_KEYALGORITHM, KEYALGORITHM);
	rc = tlv_put(&inner, TF_WRAPPEDKEY, wrapped, e);
	if (!rc && inner.bad)
		rc = err_nomem(e);
	if (!rc)
		rc = tlv_put(b, TF_KEYINFO, buf_view(&inner), e);
	buf_free(&inner);
	return rc;
}

static int put_encryption_info(struct buf *b, const struct enc_fixed *f, struct span plain,
			       struct err *e)
{
	struct buf iv = {0}, inner = {0};
	int rc;

	tlv_u8(&iv, TF_IVSCHEME, SCHEME);
	rc = tlv_put(&iv, TF_IV, span_of(f->iv, ENC_IV_LEN), e);
	tlv_u16(&iv, TF_PADDINGCOUNT, padding_of(plain));
	if (!rc)
		rc = tlv_put(&inner, TF_IVINFO, buf_view(&iv), e);
	if (!rc && f->wrapped.len)
		rc = put_key_info(&inner, f->wrapped, e);
	if (!rc && (iv.bad || inner.bad))
		rc = err_nomem(e);
	if (!rc)
		rc = tlv_put(b, TF_ENCRYPTIONINFO, buf_view(&inner), e);
	buf_free(&iv);
	buf_free(&inner);
	return rc;
}

static int put_inner_digest(struct buf *b, enum tl_digest digest, struct span plain, struct err *e)
{
	struct buf value = {0};
	int rc = tf_digest(&value, digest, &plain, 1, e);

	tlv_u8(b, TF_INNERDIGESTALGORITHM, (uint8_t)digest);
	if (!rc)
		rc = tlv_put(b, TF_INNERDIGEST, buf_view(&value), e);
	if (!rc && b->bad)
		rc = err_nomem(e);
	buf_free(&value);
	return rc;
}

int enc_build_fixed(struct buf *out, const struct enc_plan *plan, const struct enc_fixed *fixed,
		    struct span plain, tl_sign_fn *sign, void *arg, struct err *e)
{
	struct buf behind = {0}, body = {0};
	struct sgn_rest rest = {.kind = plan->manual_key ? TF_ENC_MANUAL : TF_ENC};
	int rc = encrypt_body(&body, fixed, plain, e);

	if (!rc)
		rc = put_encryption_info(&behind, fixed, plain, e);
	if (!rc)
		rc = put_inner_digest(&behind, plan->sgn.digest, plain, e);
	if (!rc) {
		rest.behind = buf_view(&behind);
		rest.body = buf_view(&body);
		rc = sgn_seal(out, &plan->sgn, &rest, sign, arg, e);
	}
	buf_free(&behind);
	buf_free(&body);
	return rc;
}

static int wrap_key(uint8_t wrapped[WRAPPED_MAX], size_t *len, const struct enc_plan *plan,
		    const uint8_t key[ENC_KEY_LEN], struct err *e)
{
	const int bits = cert_rsa_bits(plan->phone);
	EVP_PKEY_CTX *ctx;
	bool good;

	if (!bits || bits > WRAPPED_MAX * 8) {
		err_set(e, ERR_REFUSED, "phone-key",
			"the phone's certificate has no RSA key of at most %d bits, so nothing "
			"can be encrypted for it",
			WRAPPED_MAX * 8);
		return err_hint(e, "issue an LSC with an RSA key to this phone");
	}
	*len = WRAPPED_MAX;
	ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(plan->phone), NULL);
	good = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	       EVP_PKEY_encrypt(ctx, wrapped, len, key, ENC_KEY_LEN) > 0;
	EVP_PKEY_CTX_free(ctx);
	return good ? 0
		    : err_openssl(e, ERR_FAILED, "encrypt", "cannot wrap the key for the phone");
}

int enc_build(struct buf *out, const struct enc_plan *plan, struct span plain, tl_sign_fn *sign,
	      void *arg, struct err *e)
{
	uint8_t wrapped[WRAPPED_MAX];
	struct enc_fixed f = {0};
	size_t len = 0;
	int rc = 0;

	if (RAND_bytes(f.iv, ENC_IV_LEN) != 1 || RAND_priv_bytes(f.key, ENC_KEY_LEN) != 1)
		rc = err_openssl(e, ERR_FAILED, "encrypt", "no random numbers");
	else if (plan->manual_key)
		memcpy(f.key, plan->manual_key, ENC_KEY_LEN);
	else
		rc = wrap_key(wrapped, &len, plan, f.key, e);
	f.wrapped = span_of(wrapped, len);
	if (!rc)
		rc = enc_build_fixed(out, plan, &f, plain, sign, arg, e);
	OPENSSL_cleanse(&f, sizeof(f));
	return rc;
}

/* ---- read ---- */

/* The numbers of the header that decryption depends on. */
static bool header_fits(const struct sgn *s, uint16_t *padding)
{
	const struct span *v = s->header.value;
	struct rd count = rd_of(v[TF_PADDINGCOUNT]), bits = rd_of(v[TF_KEYSIZE]);
	const uint8_t inner = v[TF_INNERDIGESTALGORITHM].data[0];
	const size_t inner_len = inner == TL_SHA1 ? 20 : inner == TL_SHA512 ? 64 : 0;

	*padding = rd_u16(&count);
	if (*padding < 1 || *padding > ENC_BLOCK || v[TF_IV].len != ENC_IV_LEN)
		return false;
	if (!s->payload.len || s->payload.len % ENC_BLOCK || s->payload.len > BUF_MAX / 2)
		return false;
	if (v[TF_IVSCHEME].data[0] != SCHEME || v[TF_INNERDIGEST].len != inner_len)
		return false;
	if (s->kind == TF_ENC_MANUAL)
		return true;
	return v[TF_KEYSCHEME].data[0] == SCHEME && v[TF_KEYALGORITHM].data[0] == KEYALGORITHM &&
	       rd_u16(&bits) == v[TF_WRAPPEDKEY].len * 8;
}

/* Plain text that has the digest the header says. Appends to out, or wipes what it appended. */
static bool decrypt_body(struct buf *out, const struct sgn *s, const uint8_t key[ENC_KEY_LEN],
			 uint16_t padding)
{
	const struct span *v = s->header.value;
	const size_t start = out->len;
	struct buf value = {0};
	struct span plain;
	struct err e;
	bool good = aes_cbc(out, s->payload, key, v[TF_IV].data, 0);

	if (!good)
		return false;
	out->len -= padding;
	plain = span_of(out->data + start, out->len - start);
	good = !tf_digest(&value, v[TF_INNERDIGESTALGORITHM].data[0], &plain, 1, &e) &&
	       value.len == v[TF_INNERDIGEST].len &&
	       !CRYPTO_memcmp(value.data, v[TF_INNERDIGEST].data, value.len);
	buf_free(&value);
	if (!good) {
		OPENSSL_cleanse(out->data + start, s->payload.len);
		out->len = start;
	}
	return good;
}

static int refuse(struct err *e)
{
	err_set(e, ERR_REFUSED, "enc-decrypt", "the configuration does not decrypt");
	return err_hint(e,
			"it was encrypted for another key: compare certHash in the phone's plain "
			"configuration with its certificate");
}

/* A key that does not unwrap is replaced by a random one, so that nobody who watches learns which
 * step said no. */
static void unwrap_key(uint8_t key[ENC_KEY_LEN], const struct sgn *s, EVP_PKEY *phone)
{
	const struct span wrapped = s->header.value[TF_WRAPPEDKEY];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(phone, NULL);
	uint8_t plain[WRAPPED_MAX];
	size_t len = sizeof(plain);
	bool good;

	if (RAND_priv_bytes(key, ENC_KEY_LEN) != 1)
		memset(key, 0, ENC_KEY_LEN);
	good = ctx && EVP_PKEY_get_size(phone) <= WRAPPED_MAX && EVP_PKEY_decrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	       EVP_PKEY_decrypt(ctx, plain, &len, wrapped.data, wrapped.len) > 0 &&
	       len == ENC_KEY_LEN;
	if (good)
		memcpy(key, plain, ENC_KEY_LEN);
	OPENSSL_cleanse(plain, sizeof(plain));
	EVP_PKEY_CTX_free(ctx);
}

int enc_open(struct buf *out, const struct sgn *s, EVP_PKEY *phone, struct err *e)
{
	uint8_t key[ENC_KEY_LEN];
	uint16_t padding;
	bool good;

	if (s->kind != TF_ENC || !header_fits(s, &padding))
		return refuse(e);
	unwrap_key(key, s, phone);
	good = decrypt_body(out, s, key, padding);
	OPENSSL_cleanse(key, sizeof(key));
	ERR_clear_error();
	return good ? 0 : refuse(e);
}

int enc_open_manual(struct buf *out, const struct sgn *s, const uint8_t *key, struct err *e)
{
	uint16_t padding;

	if (s->kind != TF_ENC_MANUAL || !header_fits(s, &padding) ||
	    !decrypt_body(out, s, key, padding))
		return refuse(e);
	return 0;
}

/* ---- RC4 ---- */

int enc_rc4(struct buf *out, struct span in, const uint8_t key[ENC_RC4_KEY_LEN], struct err *e)
{
	/* A context of its own: nothing else of this process may be tempted by the provider. */
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *legacy = lib ? OSSL_PROVIDER_load(lib, "legacy") : NULL;
	EVP_CIPHER *rc4 = legacy ? EVP_CIPHER_fetch(lib, "RC4", NULL) : NULL;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *to = buf_room(out, in.len + 1);
	int n = 0;
	const bool good = rc4 && ctx && to && EVP_CipherInit_ex2(ctx, rc4, NULL, NULL, 1, NULL) &&
			  EVP_CIPHER_CTX_set_key_length(ctx, ENC_RC4_KEY_LEN) > 0 &&
			  EVP_CipherInit_ex2(ctx, NULL, key, NULL, 1, NULL) &&
			  EVP_CipherUpdate(ctx, to, &n, in.data, (int)in.len);

	if (good)
		out->len += (size_t)n;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(rc4);
	if (legacy)
		OSSL_PROVIDER_unload(legacy);
	OSSL_LIB_CTX_free(lib);
	return good ? 0 : err_openssl(e, ERR_FAILED, "rc4", "OpenSSL here cannot do RC4");
}
