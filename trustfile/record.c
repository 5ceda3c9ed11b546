#include "trustfile/record.h"

#include "trustfile/cert.h"
#include "trustfile/header.h"

#include <string.h>

enum { HASH_SHA1 = 1 };

/* Forms of a value that are no exact length. */
enum {
	ANY = -1,
	NAME = -2,
	DNS = -3,
};

/* What is known of a tag. Others are skipped. */
static const struct {
	const char *name;
	int form; /* ANY, NAME, DNS, or the exact length */
} rules[TL_RECORD_TAGS] = {
	[TL_RECORDLENGTH] = {"RECORDLENGTH", 2},   [TL_DNSNAME] = {"DNSNAME", DNS},
	[TL_SUBJECTNAME] = {"SUBJECTNAME", NAME},  [TL_FUNCTION] = {"FUNCTION", 2},
	[TL_ISSUERNAME] = {"ISSUERNAME", NAME},    [TL_RECORD_SERIAL] = {"SERIALNUMBER", ANY},
	[TL_PUBLICKEY] = {"PUBLICKEY", ANY},       [TL_RECORD_SIGNATURE] = {"SIGNATURE", ANY},
	[TL_CERTIFICATE] = {"CERTIFICATE", ANY},   [TL_IPADDRESS] = {"IPADDRESS", ANY},
	[TL_CERTHASH] = {"CERTHASH", TL_HASH_LEN}, [TL_HASHALGORITHM] = {"HASHALGORITHM", 1},
};

const char *tl_record_tag_name(uint8_t tag)
{
	return tag < TL_RECORD_TAGS ? rules[tag].name : NULL;
}

/* A DNSNAME of two NULs is what vendor ITLs have. */
static bool is_dns_name(struct span value)
{
	return tf_is_name(value) || (value.len == 2 && !value.data[0] && !value.data[1]);
}

static const char *fault_of(uint8_t tag, struct span value, bool seen)
{
	const int form = rules[tag].form;

	if (seen)
		return "occurs twice";
	if (form >= 0 && value.len != (size_t)form)
		return "has the wrong length";
	if ((form == NAME && !tf_is_name(value)) || (form == DNS && !is_dns_name(value)))
		return "is not text with exactly one NUL, at its end";
	return NULL;
}

static int read_tlvs(struct span value[TL_RECORD_TAGS], struct span raw, size_t at, struct err *e)
{
	struct rd r = rd_of(raw);

	while (r.left) {
		const size_t here = at + raw.len - r.left;
		const uint8_t tag = rd_u8(&r);
		struct span v;
		const char *fault;

		if (tag == TF_PADDING)
			return err_set(e, ERR_REFUSED, "ctl-parse",
				       "record at offset %zu: padding at offset %zu, which records "
				       "must not have",
				       at, here);
		v = rd_take(&r, rd_u16(&r));
		if (r.bad)
			return err_set(
				e, ERR_REFUSED, "ctl-parse",
				"record at offset %zu: tag %u at offset %zu runs past its end", at,
				tag, here);
		if (!tl_record_tag_name(tag))
			continue;
		fault = fault_of(tag, v, value[tag].data);
		if (fault)
			return err_set(e, ERR_REFUSED, "ctl-parse",
				       "record at offset %zu: %s (tag %u at offset %zu) %s", at,
				       rules[tag].name, tag, here, fault);
		value[tag] = v;
	}
	if (!value[TL_FUNCTION].data)
		return err_set(e, ERR_REFUSED, "ctl-parse",
			       "record at offset %zu has no FUNCTION (tag 4)", at);
	return 0;
}

/* Finds out how long the record is. */
static int read_length(struct span *raw, struct span bytes, size_t at, struct err *e)
{
	struct rd r = rd_of(bytes);
	uint16_t len;

	if (bytes.len < TL_RECORD_HEAD || memcmp(bytes.data, "\1\0\2", TF_TLV_HEAD) != 0)
		return err_set(e, ERR_REFUSED, "ctl-parse",
			       "no RECORDLENGTH at offset %zu, where a record should begin", at);
	rd_take(&r, TF_TLV_HEAD);
	len = rd_u16(&r);
	if (len < TL_RECORD_HEAD || len > bytes.len)
		return err_set(e, ERR_REFUSED, "ctl-parse",
			       "record at offset %zu: RECORDLENGTH is %u, but %zu bytes are left",
			       at, len, bytes.len);
	*raw = span_of(bytes.data, len);
	return 0;
}

/* The certificate, and whether PUBLICKEY and CERTHASH agree with it. */
static int read_cert(struct tl_record *r, struct span hash_algorithm, size_t at, struct err *e)
{
	struct buf sha1 = {0};
	int rc = 0;

	if (hash_algorithm.data && hash_algorithm.data[0] != HASH_SHA1)
		return err_set(e, ERR_REFUSED, "ctl-record",
			       "record at offset %zu: HASHALGORITHM is %u; known is 1 (SHA-1)", at,
			       hash_algorithm.data[0]);
	if (!r->der.data)
		return 0;
	if (cert_from_der(&r->cert, r->der, e))
		return err_wrap(e, "record at offset %zu", at);
	cert_sha1(&sha1, r->cert);
	if (sha1.bad)
		rc = err_nomem(e);
	else if (r->pubkey.data && !span_eq(r->pubkey, cert_pubkey(r->cert)))
		rc = err_set(e, ERR_REFUSED, "ctl-record",
			     "record at offset %zu: PUBLICKEY is not the key of CERTIFICATE", at);
	else if (r->hash.data && !span_eq(r->hash, buf_view(&sha1)))
		rc = err_set(e, ERR_REFUSED, "ctl-record",
			     "record at offset %zu: CERTHASH is not the SHA-1 of CERTIFICATE", at);
	buf_free(&sha1);
	return rc;
}

int tl_record_parse(struct tl_record *r, struct span bytes, size_t at, struct err *e)
{
	struct span v[TL_RECORD_TAGS] = {0};
	struct rd role;
	int rc;

	*r = (struct tl_record){0};
	rc = read_length(&r->raw, bytes, at, e);
	if (!rc)
		rc = read_tlvs(v, r->raw, at, e);
	if (rc)
		return rc;

	role = rd_of(v[TL_FUNCTION]);
	r->role = rd_u16(&role);
	r->dns = v[TL_DNSNAME];
	r->subject = v[TL_SUBJECTNAME];
	r->issuer = v[TL_ISSUERNAME];
	r->serial = v[TL_RECORD_SERIAL];
	r->pubkey = v[TL_PUBLICKEY];
	r->signature = v[TL_RECORD_SIGNATURE];
	r->der = v[TL_CERTIFICATE];
	r->ip = v[TL_IPADDRESS];
	r->hash = v[TL_CERTHASH];
	rc = read_cert(r, v[TL_HASHALGORITHM], at, e);
	if (rc)
		tl_record_free(r);
	return rc;
}

void tl_record_free(struct tl_record *r)
{
	X509_free(r->cert);
	r->cert = NULL;
}
