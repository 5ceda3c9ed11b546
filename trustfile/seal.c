#include "trustfile/seal.h"

#include "trustfile/cert.h"
#include "trustfile/header.h"
#include "trustfile/tlv.h"

#include <string.h>

/* A header before it is signed: what stands in front of the SIGNATURE TLV and what behind. */
struct draft {
	struct buf front, behind;
	uint16_t sig_len;
};

static int name_of(struct buf *b, const X509_NAME *name, struct err *e)
{
	const int rc = cert_name(b, name, e);

	buf_u8(b, 0);
	return rc;
}

int tf_words_of(struct tf_words *w, const X509 *cert, struct err *e)
{
	int rc = name_of(&w->name, X509_get_subject_name(cert), e);

	if (!rc)
		rc = name_of(&w->issuer, X509_get_issuer_name(cert), e);
	cert_serial(&w->serial, cert);
	return rc;
}

void tf_words_copy(struct tf_words *w, struct span name, struct span serial, struct span issuer)
{
	buf_span(&w->name, name);
	buf_span(&w->serial, serial);
	buf_span(&w->issuer, issuer);
}

void tf_words_free(struct tf_words *w)
{
	buf_free(&w->name);
	buf_free(&w->serial);
	buf_free(&w->issuer);
}

static int put_signer_id(struct buf *b, const struct tf_words *w, struct err *e)
{
	struct buf inner = {0};
	int rc = tlv_put(&inner, TF_SIGNERNAME, buf_view(&w->name), e);

	if (!rc)
		rc = tlv_put(&inner, TF_SERIALNUMBER, buf_view(&w->serial), e);
	if (!rc)
		rc = tlv_put(&inner, TF_CANAME, buf_view(&w->issuer), e);
	if (!rc && (inner.bad || w->name.bad || w->serial.bad || w->issuer.bad))
		rc = err_nomem(e);
	if (!rc)
		rc = tlv_put(b, TF_SIGNERID, buf_view(&inner), e);
	buf_free(&inner);
	return rc;
}

static int put_signature_info(struct buf *b, enum tl_digest digest, uint8_t modulus, struct err *e)
{
	struct buf inner = {0}, info = {0};
	int rc;

	tlv_u8(&inner, TF_SIGNATUREALGORITHM, 0);
	tlv_u8(&inner, TF_SIGNATUREMODULUS, modulus);
	tlv_u8(&info, TF_DIGESTALGORITHM, (uint8_t)digest);
	rc = tlv_put(&info, TF_SIGNATUREALGOINFO, buf_view(&inner), e);
	if (!rc)
		rc = tlv_put(b, TF_SIGNATUREINFO, buf_view(&info), e);
	if (!rc && (inner.bad || info.bad))
		rc = err_nomem(e);
	buf_free(&inner);
	buf_free(&info);
	return rc;
}

/* The size of the signer's modulus, as a code and in bytes. */
static int signer_key(uint8_t *code, uint16_t *len, const struct tf_seal *s, struct err *e)
{
	const int bits = cert_rsa_bits(s->signer);
	struct buf key = {0};

	*len = (uint16_t)((bits + 7) / 8);
	if (!bits) {
		cert_key_text(&key, s->signer);
		err_set(e, ERR_REFUSED, "signer-key",
			"the signer's key is %s; only an RSA key can sign what phones download",
			buf_cstr(&key) ? (const char *)key.data : "not RSA");
		buf_free(&key);
		return err_hint(e, "an EC certificate may be listed, but not sign");
	}
	if (!tf_modulus_code(code, *len)) {
		err_set(e, ERR_REFUSED, "signer-key",
			"the signer's key has %d bits, and the format has no code for that size",
			bits);
		return err_hint(e, "the sizes are 1024, 2048 and 4096; phones take 2048 at most");
	}
	if (s->digest == TL_SHA512 && *len < TL_SIG_SHA512_MIN)
		return err_set(e, ERR_REFUSED, "signer-key",
			       "the signer's key of %d bits is too short for SHA-512", bits);
	return 0;
}

/* What stands in front of SIGNATURE: tags 1, 2, 3 and 7. HEADERLENGTH is still zero. */
static int put_front(struct draft *d, const struct tf_seal *s, struct err *e)
{
	uint8_t modulus = 0;
	int rc = signer_key(&modulus, &d->sig_len, s, e);

	tlv_u16(&d->front, TF_VERSION, (uint16_t)s->version);
	tlv_u16(&d->front, TF_HEADERLENGTH, 0);
	if (!rc)
		rc = put_signer_id(&d->front, s->words, e);
	if (!rc)
		rc = put_signature_info(&d->front, s->digest, modulus, e);
	return rc;
}

/* The rest of the header, padded; and HEADERLENGTH, now that it is known. */
static int put_behind(struct draft *d, const struct tf_seal *s, struct err *e)
{
	enum { HEADERLENGTH_AT = 8, ALIGN = 4 };
	size_t len;
	int rc = tlv_put(&d->behind, TF_FILENAME, span_of(s->filename, strlen(s->filename) + 1), e);

	if (rc)
		return rc;
	buf_u8(&d->behind, TF_TIMESTAMP);
	buf_u16(&d->behind, sizeof(s->timestamp));
	buf_u32(&d->behind, s->timestamp);
	buf_span(&d->behind, s->behind);
	len = d->front.len + TF_TLV_HEAD + d->sig_len + d->behind.len;
	for (; len % ALIGN; len++)
		buf_u8(&d->behind, TF_PADDING);
	rc = tlv_patch_u16(&d->front, HEADERLENGTH_AT, len, "a header", e);
	return !rc && (d->front.bad || d->behind.bad) ? err_nomem(e) : rc;
}

/* Appends SIGNATURE, made by the callback. */
static int put_signature(struct buf *b, const struct draft *d, const struct tf_seal *s,
			 tl_sign_fn *sign, void *arg, struct err *e)
{
	const struct span parts[] = {buf_view(&d->front), buf_view(&d->behind), s->body};
	struct buf value = {0}, info = {0};
	uint8_t sig[TL_SIG_MAX];
	int rc = tf_digest(&value, s->digest, parts, 3, e);

	if (!rc)
		rc = tf_digest_info(&info, s->digest, buf_view(&value), e);
	if (!rc)
		rc = sign(arg, info.data, info.len, sig, d->sig_len, e);
	if (!rc)
		rc = tlv_put(b, TF_SIGNATURE, span_of(sig, d->sig_len), e);
	buf_free(&value);
	buf_free(&info);
	return rc;
}

int tf_seal(struct buf *out, const struct tf_seal *s, tl_sign_fn *sign, void *arg, struct err *e)
{
	const size_t start = out->len;
	struct draft d = {0};
	int rc = put_front(&d, s, e);

	if (!rc)
		rc = put_behind(&d, s, e);
	if (rc)
		goto out;
	/* Once, and not bit by bit. */
	(void)buf_room(out, d.front.len + TF_TLV_HEAD + d.sig_len + d.behind.len + s->body.len);
	buf_span(out, buf_view(&d.front));
	rc = put_signature(out, &d, s, sign, arg, e);
	buf_span(out, buf_view(&d.behind));
	buf_span(out, s->body);
	if (!rc && out->bad)
		rc = err_nomem(e);
	if (rc && !out->bad)
		out->len = start;
out:
	buf_free(&d.front);
	buf_free(&d.behind);
	return rc;
}
