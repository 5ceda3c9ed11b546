#include "trustfile/build.h"

#include "trustfile/cert.h"
#include "trustfile/header.h"
#include "trustfile/record.h"
#include "trustfile/tlv.h"

#include <string.h>

static int put_name(struct buf *b, uint8_t tag, const X509_NAME *name, struct err *e)
{
	struct buf text = {0};
	int rc = cert_name(&text, name, e);

	buf_u8(&text, 0);
	if (!rc)
		rc = tlv_put(b, tag, buf_view(&text), e);
	buf_free(&text);
	return rc;
}

static int put_certificate(struct buf *b, const X509 *cert, struct err *e)
{
	struct buf der = {0};
	int rc;

	cert_der(&der, cert);
	rc = der.bad ? err_nomem(e) : tlv_put(b, TL_CERTIFICATE, buf_view(&der), e);
	buf_free(&der);
	return rc;
}

static int put_cert_serial(struct buf *b, const X509 *cert, struct err *e)
{
	struct buf serial = {0};
	int rc;

	cert_serial(&serial, cert);
	rc = serial.bad ? err_nomem(e) : tlv_put(b, TL_RECORD_SERIAL, buf_view(&serial), e);
	buf_free(&serial);
	return rc;
}

/* Tags 2 to 10 without RECORDLENGTH. */
static int put_fields(struct buf *b, const struct tl_entry *entry, struct err *e)
{
	const X509 *cert = entry->bare ? NULL : entry->cert;
	int rc = tlv_put(b, TL_DNSNAME, span_of(entry->dns, strlen(entry->dns) + 1), e);

	if (!rc && cert)
		rc = put_name(b, TL_SUBJECTNAME, X509_get_subject_name(cert), e);
	tlv_u16(b, TL_FUNCTION, entry->role);
	if (!rc && cert)
		rc = put_name(b, TL_ISSUERNAME, X509_get_issuer_name(cert), e);
	if (!rc && cert)
		rc = put_cert_serial(b, cert, e);
	if (!rc && cert)
		rc = tlv_put(b, TL_PUBLICKEY, cert_pubkey(cert), e);
	if (!rc && cert)
		rc = put_certificate(b, cert, e);
	if (!rc && entry->has_ip)
		rc = tlv_put(b, TL_IPADDRESS, span_of(entry->ip, TL_IP_LEN), e);
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
	tlv_u16(b, TL_RECORDLENGTH, 0);
	rc = put_fields(b, entry, e);
	if (rc)
		return rc;
	return tlv_patch_u16(b, start + TF_TLV_HEAD, b->len - start, "a record", e);
}

/* Whether the entry is the SAST record of the signer, and if so what to call it. */
static int signer_from_cert(struct tf_words *s, bool *found, const struct tl_entry *entry,
			    const X509 *signer, struct err *e)
{
	*found = entry->role == TL_SAST && !entry->bare && entry->cert &&
		 !X509_cmp(entry->cert, signer);
	return *found ? tf_words_of(s, signer, e) : 0;
}

/* The names in an old record cannot be computed anew: they are copied from it. */
static int signer_from_raw(struct tf_words *s, bool *found, const struct tl_entry *entry,
			   const X509 *signer, struct err *e)
{
	struct tl_record old;
	const int rc = tl_record_parse(&old, entry->raw, 0, e);

	if (rc)
		return err_wrap(e, "a record to be copied");
	*found = old.role == TL_SAST && old.cert && !X509_cmp(old.cert, signer) &&
		 old.subject.data && old.issuer.data && old.serial.data;
	if (*found)
		tf_words_copy(s, old.subject, old.serial, old.issuer);
	tl_record_free(&old);
	return 0;
}

static int signer_find(struct tf_words *s, const struct tl_plan *plan, struct err *e)
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

/* A list without signature and header: what is to be sealed. */
struct parts {
	struct tf_words words;
	struct buf records;
};

static int parts_make(struct parts *p, const struct tl_plan *plan, struct err *e)
{
	int rc = signer_find(&p->words, plan, e);

	for (size_t i = 0; !rc && i < plan->n; i++)
		rc = put_record(&p->records, &plan->entries[i], e);
	if (!rc && p->records.bad)
		rc = err_nomem(e);
	return rc;
}

static void parts_free(struct parts *p)
{
	tf_words_free(&p->words);
	buf_free(&p->records);
}

static int seal(struct buf *out, const struct tl_plan *plan, tl_sign_fn *sign, void *arg,
		struct err *e)
{
	struct parts p = {0};
	struct tf_seal s = {
		.version = TF_VERSION_LIST,
		.signer = plan->signer,
		.words = &p.words,
		.digest = plan->digest,
		.filename = plan->filename,
		.timestamp = plan->timestamp,
	};
	int rc = parts_make(&p, plan, e);

	s.body = buf_view(&p.records);
	if (!rc)
		rc = tf_seal(out, &s, sign, arg, e);
	parts_free(&p);
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
	struct buf file = {0};
	int rc = seal(&file, plan, sign, arg, e);

	if (!rc)
		rc = check(buf_view(&file), plan->filename, e);
	if (!rc) {
		buf_span(out, buf_view(&file));
		rc = out->bad ? err_nomem(e) : 0;
	}
	buf_free(&file);
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
	return seal(out, plan, sign_nothing, NULL, e);
}
