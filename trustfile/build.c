#include "trustfile/build.h"

#include "trustfile/cert.h"
#include "trustfile/header.h"
#include "trustfile/record.h"

#include <string.h>

/* A file before it is signed: what stands in front of the SIGNATURE TLV and what behind. */
struct draft {
	struct buf front, behind;
	uint16_t sig_len;
};

/* The three texts by which a list names its signer. */
struct signer {
	struct buf name, serial, issuer;
};

static int put_tlv(struct buf *b, uint8_t tag, struct span value, struct err *e)
{
	if (value.len > UINT16_MAX)
		return err_set(e, ERR_REFUSED, "too-long",
			       "a value of %zu bytes (tag %u) does not fit; %d do", value.len, tag,
			       UINT16_MAX);
	buf_u8(b, tag);
	buf_u16(b, (uint16_t)value.len);
	buf_span(b, value);
	return 0;
}

static void put_u8(struct buf *b, uint8_t tag, uint8_t v)
{
	buf_u8(b, tag);
	buf_u16(b, 1);
	buf_u8(b, v);
}

static void put_u16(struct buf *b, uint8_t tag, uint16_t v)
{
	buf_u8(b, tag);
	buf_u16(b, 2);
	buf_u16(b, v);
}

/* Fills in a length that was written as zero. */
static int patch_u16(struct buf *b, size_t at, size_t value, const char *what, struct err *e)
{
	if (value > UINT16_MAX)
		return err_set(e, ERR_REFUSED, "too-long", "%s of %zu bytes does not fit; %d do",
			       what, value, UINT16_MAX);
	if (!b->bad) {
		b->data[at] = (uint8_t)(value >> 8);
		b->data[at + 1] = (uint8_t)value;
	}
	return 0;
}

static int name_of(struct buf *b, const X509_NAME *name, struct err *e)
{
	const int rc = cert_name(b, name, e);

	buf_u8(b, 0);
	return rc;
}

static int put_name(struct buf *b, uint8_t tag, const X509_NAME *name, struct err *e)
{
	struct buf text = {0};
	int rc = name_of(&text, name, e);

	if (!rc)
		rc = put_tlv(b, tag, buf_view(&text), e);
	buf_free(&text);
	return rc;
}

static int put_certificate(struct buf *b, const X509 *cert, struct err *e)
{
	struct buf der = {0};
	int rc;

	cert_der(&der, cert);
	rc = der.bad ? err_nomem(e) : put_tlv(b, TL_CERTIFICATE, buf_view(&der), e);
	buf_free(&der);
	return rc;
}

static int put_cert_serial(struct buf *b, const X509 *cert, struct err *e)
{
	struct buf serial = {0};
	int rc;

	cert_serial(&serial, cert);
	rc = serial.bad ? err_nomem(e) : put_tlv(b, TL_RECORD_SERIAL, buf_view(&serial), e);
	buf_free(&serial);
	return rc;
}

/* Tags 2 to 10 without RECORDLENGTH. */
static int put_fields(struct buf *b, const struct tl_entry *entry, struct err *e)
{
	const X509 *cert = entry->bare ? NULL : entry->cert;
	int rc = put_tlv(b, TL_DNSNAME, span_of(entry->dns, strlen(entry->dns) + 1), e);

	if (!rc && cert)
		rc = put_name(b, TL_SUBJECTNAME, X509_get_subject_name(cert), e);
	put_u16(b, TL_FUNCTION, entry->role);
	if (!rc && cert)
		rc = put_name(b, TL_ISSUERNAME, X509_get_issuer_name(cert), e);
	if (!rc && cert)
		rc = put_cert_serial(b, cert, e);
	if (!rc && cert)
		rc = put_tlv(b, TL_PUBLICKEY, cert_pubkey(cert), e);
	if (!rc && cert)
		rc = put_certificate(b, cert, e);
	if (!rc && entry->has_ip)
		rc = put_tlv(b, TL_IPADDRESS, span_of(entry->ip, TL_IP_LEN), e);
	return rc;
}

static int put_record(struct buf *b, const struct tl_entry *entry, struct err *e)
{
	const size_t start = b->len;
	int rc;

	if (entry->raw.data) {
		buf_span(b, entry->raw);
		return 0;
	}
	if (!entry->bare && !entry->cert)
		return err_set(e, ERR_REFUSED, "no-certificate",
			       "the entry for \"%s\" has no certificate", entry->dns);
	put_u16(b, TL_RECORDLENGTH, 0);
	rc = put_fields(b, entry, e);
	if (rc)
		return rc;
	return patch_u16(b, start + TF_TLV_HEAD, b->len - start, "a record", e);
}

/* Whether the entry is the SAST record of the signer, and if so what to call it. */
static int signer_from_cert(struct signer *s, bool *found, const struct tl_entry *entry,
			    const X509 *signer, struct err *e)
{
	int rc;

	*found = entry->role == TL_SAST && !entry->bare && entry->cert &&
		 !X509_cmp(entry->cert, signer);
	if (!*found)
		return 0;
	rc = name_of(&s->name, X509_get_subject_name(signer), e);
	if (!rc)
		rc = name_of(&s->issuer, X509_get_issuer_name(signer), e);
	cert_serial(&s->serial, signer);
	return rc;
}

/* The names in an old record cannot be computed anew: they are copied from it. */
static int signer_from_raw(struct signer *s, bool *found, const struct tl_entry *entry,
			   const X509 *signer, struct err *e)
{
	struct tl_record old;
	const int rc = tl_record_parse(&old, entry->raw, 0, e);

	if (rc)
		return err_wrap(e, "a record to be copied");
	*found = old.role == TL_SAST && old.cert && !X509_cmp(old.cert, signer) &&
		 old.subject.data && old.issuer.data && old.serial.data;
	if (*found) {
		buf_span(&s->name, old.subject);
		buf_span(&s->issuer, old.issuer);
		buf_span(&s->serial, old.serial);
	}
	tl_record_free(&old);
	return 0;
}

static int signer_find(struct signer *s, const struct tl_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct tl_entry *entry = &plan->entries[i];
		bool found = false;
		const int rc = entry->raw.data
				       ? signer_from_raw(s, &found, entry, plan->signer, e)
				       : signer_from_cert(s, &found, entry, plan->signer, e);

		if (rc || found)
			return rc;
	}
	err_set(e, ERR_REFUSED, "signer-not-listed",
		"the signer's certificate is not among the SAST records of the new list");
	return err_hint(e,
			"a list must contain its signer as SAST, or phones could never update it");
}

static void signer_free(struct signer *s)
{
	buf_free(&s->name);
	buf_free(&s->serial);
	buf_free(&s->issuer);
}

static int put_signer_id(struct buf *b, const struct signer *s, struct err *e)
{
	struct buf inner = {0};
	int rc = put_tlv(&inner, TF_SIGNERNAME, buf_view(&s->name), e);

	if (!rc)
		rc = put_tlv(&inner, TF_SERIALNUMBER, buf_view(&s->serial), e);
	if (!rc)
		rc = put_tlv(&inner, TF_CANAME, buf_view(&s->issuer), e);
	if (!rc && (inner.bad || s->name.bad || s->serial.bad || s->issuer.bad))
		rc = err_nomem(e);
	if (!rc)
		rc = put_tlv(b, TF_SIGNERID, buf_view(&inner), e);
	buf_free(&inner);
	return rc;
}

static int put_signature_info(struct buf *b, enum tl_digest digest, uint8_t modulus, struct err *e)
{
	struct buf inner = {0}, info = {0};
	int rc;

	put_u8(&inner, TF_SIGNATUREALGORITHM, 0);
	put_u8(&inner, TF_SIGNATUREMODULUS, modulus);
	put_u8(&info, TF_DIGESTALGORITHM, (uint8_t)digest);
	rc = put_tlv(&info, TF_SIGNATUREALGOINFO, buf_view(&inner), e);
	if (!rc)
		rc = put_tlv(b, TF_SIGNATUREINFO, buf_view(&info), e);
	if (!rc && (inner.bad || info.bad))
		rc = err_nomem(e);
	buf_free(&inner);
	buf_free(&info);
	return rc;
}

/* The size of the signer's modulus, as a code and in bytes. */
static int signer_key(uint8_t *code, uint16_t *len, const struct tl_plan *plan, struct err *e)
{
	const int bits = cert_rsa_bits(plan->signer);
	struct buf key = {0};

	*len = (uint16_t)((bits + 7) / 8);
	if (!bits) {
		cert_key_text(&key, plan->signer);
		err_set(e, ERR_REFUSED, "signer-key",
			"the signer's key is %s; only an RSA key can sign a trust list",
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
	if (plan->digest == TL_SHA512 && *len < TL_SIG_SHA512_MIN)
		return err_set(e, ERR_REFUSED, "signer-key",
			       "the signer's key of %d bits is too short for SHA-512", bits);
	return 0;
}

/* What stands in front of SIGNATURE: tags 1, 2, 3 and 7. HEADERLENGTH is still zero. */
static int put_front(struct draft *d, const struct tl_plan *plan, struct err *e)
{
	struct signer s = {0};
	uint8_t modulus = 0;
	int rc = signer_key(&modulus, &d->sig_len, plan, e);

	if (!rc)
		rc = signer_find(&s, plan, e);
	put_u16(&d->front, TF_VERSION, 0x0102);
	put_u16(&d->front, TF_HEADERLENGTH, 0);
	if (!rc)
		rc = put_signer_id(&d->front, &s, e);
	if (!rc)
		rc = put_signature_info(&d->front, plan->digest, modulus, e);
	signer_free(&s);
	return rc;
}

/* The rest of the header, padded; and HEADERLENGTH, now that it is known. */
static int put_behind(struct draft *d, const struct tl_plan *plan, struct err *e)
{
	enum { HEADERLENGTH_AT = 8, ALIGN = 4 };
	size_t len;
	int rc = put_tlv(&d->behind, TF_FILENAME,
			 span_of(plan->filename, strlen(plan->filename) + 1), e);

	if (rc)
		return rc;
	buf_u8(&d->behind, TF_TIMESTAMP);
	buf_u16(&d->behind, sizeof(plan->timestamp));
	buf_u32(&d->behind, plan->timestamp);
	len = d->front.len + TF_TLV_HEAD + d->sig_len + d->behind.len;
	for (; len % ALIGN; len++)
		buf_u8(&d->behind, TF_PADDING);
	return patch_u16(&d->front, HEADERLENGTH_AT, len, "a header", e);
}

static int draft_make(struct draft *d, const struct tl_plan *plan, struct err *e)
{
	int rc = put_front(d, plan, e);

	if (!rc)
		rc = put_behind(d, plan, e);
	for (size_t i = 0; !rc && i < plan->n; i++)
		rc = put_record(&d->behind, &plan->entries[i], e);
	if (!rc && (d->front.bad || d->behind.bad))
		rc = err_nomem(e);
	return rc;
}

static void draft_free(struct draft *d)
{
	buf_free(&d->front);
	buf_free(&d->behind);
}

static int draft_digest(struct buf *b, const struct draft *d, enum tl_digest digest, struct err *e)
{
	const struct span parts[] = {buf_view(&d->front), buf_view(&d->behind)};

	return tf_digest(b, digest, parts, 2, e);
}

/* Appends SIGNATURE, made by the callback. */
static int put_signature(struct buf *b, const struct draft *d, enum tl_digest digest,
			 tl_sign_fn *sign, void *arg, struct err *e)
{
	struct buf value = {0}, info = {0};
	uint8_t sig[TL_SIG_MAX];
	int rc = draft_digest(&value, d, digest, e);

	if (!rc)
		rc = tf_digest_info(&info, digest, buf_view(&value), e);
	if (!rc)
		rc = sign(arg, info.data, info.len, sig, d->sig_len, e);
	if (!rc)
		rc = put_tlv(b, TF_SIGNATURE, span_of(sig, d->sig_len), e);
	buf_free(&value);
	buf_free(&info);
	return rc;
}

/* A list that we would not accept ourselves never leaves the house. */
static int check(struct span file, const char *filename, struct err *e)
{
	struct tl *l = NULL;
	int rc = tl_parse(&l, file, e);

	if (!rc)
		rc = tl_verify(l, filename, e);
	tl_free(l);
	return rc ? err_wrap(e, "the new list fails its own check") : 0;
}

int tl_build(struct buf *out, const struct tl_plan *plan, tl_sign_fn *sign, void *arg,
	     struct err *e)
{
	struct draft d = {0};
	struct buf file = {0};
	int rc = draft_make(&d, plan, e);

	if (rc)
		goto out;
	buf_span(&file, buf_view(&d.front));
	rc = put_signature(&file, &d, plan->digest, sign, arg, e);
	if (rc)
		goto out;
	buf_span(&file, buf_view(&d.behind));
	rc = file.bad ? err_nomem(e) : check(buf_view(&file), plan->filename, e);
	if (rc)
		goto out;
	buf_span(out, buf_view(&file));
	rc = out->bad ? err_nomem(e) : 0;
out:
	buf_free(&file);
	draft_free(&d);
	return rc;
}

/* Zeros where the signature will be. */
static int sign_nothing(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			size_t siglen, struct err *e)
{
	(void)arg;
	(void)digest_info;
	(void)len;
	(void)e;
	memset(sig, 0, siglen);
	return 0;
}

int tl_build_preview(struct buf *out, const struct tl_plan *plan, struct err *e)
{
	struct draft d = {0};
	int rc = draft_make(&d, plan, e);

	if (rc)
		goto out;
	buf_span(out, buf_view(&d.front));
	rc = put_signature(out, &d, plan->digest, sign_nothing, NULL, e);
	if (rc)
		goto out;
	buf_span(out, buf_view(&d.behind));
	rc = out->bad ? err_nomem(e) : 0;
out:
	draft_free(&d);
	return rc;
}
