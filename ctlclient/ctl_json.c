#include "ctlclient/ctl_json.h"

#include "common/base64.h"
#include "ctlclient/words.h"
#include "trustfile/cert.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* json_object_set_new() takes the value over in any case, and a NULL value is an error it reports:
 * that is how running out of memory shows. */
static bool set(json_t *o, const char *key, json_t *value)
{
	return json_object_set_new(o, key, value) == 0;
}

static json_t *digest_hex(struct span s, const EVP_MD *md)
{
	uint8_t out[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!EVP_Digest(s.data ? s.data : (const uint8_t *)"", s.len, out, &n, md, NULL))
		return NULL;
	return json_hex(span_of(out, n));
}

static json_t *time_text(const struct tm *tm)
{
	char text[32];

	return strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", tm) ? json_string(text) : NULL;
}

json_t *ctl_json_time(time_t t)
{
	struct tm tm;

	return gmtime_r(&t, &tm) ? time_text(&tm) : NULL;
}

static json_t *asn1_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? time_text(&tm) : json_null();
}

json_t *ctl_json_pem(const X509 *cert)
{
	BIO *mem = BIO_new(BIO_s_mem());
	json_t *v = NULL;
	char *data;
	long n;

	if (mem && PEM_write_bio_X509(mem, cert)) {
		n = BIO_get_mem_data(mem, &data);
		v = json_stringn(data, (size_t)n);
	}
	BIO_free(mem);
	return v;
}

json_t *ctl_json_base64(struct span s)
{
	struct buf text = {0};
	json_t *v;

	base64_put(&text, s, BASE64_PLAIN);
	v = buf_cstr(&text) ? json_stringn((const char *)text.data, text.len) : NULL;
	buf_free(&text);
	return v;
}

static json_t *certificate_json(const struct tl_record *r)
{
	struct buf key = {0};
	json_t *o = json_object();
	bool ok;

	cert_key_text(&key, r->cert);
	ok = o && set(o, "key", key.bad ? NULL : json_text(buf_view(&key))) &&
	     set(o, "sha1", digest_hex(r->der, EVP_sha1())) &&
	     set(o, "sha256", digest_hex(r->der, EVP_sha256())) &&
	     set(o, "not_before", asn1_time(X509_get0_notBefore(r->cert))) &&
	     set(o, "not_after", asn1_time(X509_get0_notAfter(r->cert))) &&
	     set(o, "pem", ctl_json_pem(r->cert));
	buf_free(&key);
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *ip_json(struct span ip)
{
	if (!ip.data)
		return json_null();
	if (ip.len == TL_IP_LEN)
		return json_sprintf("%u.%u.%u.%u", ip.data[0], ip.data[1], ip.data[2], ip.data[3]);
	return json_hex(ip);
}

static json_t *name_or_null(struct span name)
{
	return name.data ? json_text(tl_text(name)) : json_null();
}

static json_t *record_json(const struct tl *l, size_t i)
{
	const struct tl_record *r = &l->records[i];
	char scratch[16];
	json_t *o = json_object();

	if (o && set(o, "number", json_integer((json_int_t)i + 1)) &&
	    set(o, "role", json_string(tl_role_name(r->role, scratch))) &&
	    set(o, "role_number", json_integer(r->role)) &&
	    set(o, "length", json_integer((json_int_t)r->raw.len)) &&
	    set(o, "dns_name", name_or_null(r->dns)) && set(o, "ip_address", ip_json(r->ip)) &&
	    set(o, "subject", name_or_null(r->subject)) &&
	    set(o, "issuer", name_or_null(r->issuer)) &&
	    set(o, "serial", r->serial.data ? json_hex(r->serial) : json_null()) &&
	    set(o, "signed_this_list", json_boolean(tl_signer_in(l, l, true) == r)) &&
	    set(o, "certificate", r->cert ? certificate_json(r) : json_null()))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *records_json(const struct tl *l)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < l->n; i++) {
		if (json_array_append_new(list, record_json(l, i))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *ctl_signer_json(const struct tl *l)
{
	json_t *o = json_object();

	if (o && set(o, "subject", json_text(tl_text(l->signer_name))) &&
	    set(o, "issuer", json_text(tl_text(l->signer_issuer))) &&
	    set(o, "serial", json_hex(l->signer_serial)))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *reason_json(const struct err *verified)
{
	return verified ? json_pack("{s:s, s:o}", "id", verified->id, "text",
				    json_chars(verified->what))
			: json_null();
}

/* What the signature covers, as whoever signed it read it. */
static bool set_signed_digest(json_t *o, const struct tl *l)
{
	struct buf digest = {0};
	struct buf words = {0};
	struct err ignored;
	bool ok = !tl_signed_digest(&digest, l, &ignored);

	words_put(&words, buf_view(&digest), digest.len + 1, "");
	if (words.len)
		words.len--; /* the newline */
	ok = ok && buf_cstr(&words) && set(o, "signed_digest", json_hex(buf_view(&digest))) &&
	     set(o, "words", json_string(buf_cstr(&words)));
	buf_free(&digest);
	buf_free(&words);
	return ok;
}

json_t *ctl_json(const struct tl *l, const struct err *verified)
{
	json_t *o = json_object();

	if (o && set(o, "filename", json_text(tl_text(l->filename))) &&
	    set(o, "size", json_integer((json_int_t)l->raw.len)) &&
	    set(o, "md5", digest_hex(l->raw, EVP_md5())) &&
	    set(o, "sha1", digest_hex(l->raw, EVP_sha1())) &&
	    set(o, "sha256", digest_hex(l->raw, EVP_sha256())) &&
	    set(o, "version", json_sprintf("%u.%u", l->version[0], l->version[1])) &&
	    set(o, "header_length", json_integer(l->header_len)) &&
	    set(o, "timestamp", json_integer((json_int_t)l->timestamp)) &&
	    set(o, "time", ctl_json_time(l->timestamp)) &&
	    set(o, "security_mode", json_string(tl_is_nonsecure(l) ? "nonsecure" : "mixed")) &&
	    set(o, "digest", json_string(l->digest == TL_SHA1 ? "sha1" : "sha512")) &&
	    set_signed_digest(o, l) && set(o, "signer", ctl_signer_json(l)) &&
	    set(o, "signature", json_hex(l->signature)) &&
	    set(o, "verified", json_boolean(!verified)) &&
	    set(o, "reason", reason_json(verified)) && set(o, "records", records_json(l)))
		return o;
	json_decref(o);
	return NULL;
}

static const char *change_word(enum tl_change_kind kind)
{
	switch (kind) {
	case TL_ADDED:
		return "added";
	case TL_REMOVED:
		return "removed";
	case TL_RECERTIFIED:
		return "recertified";
	case TL_READDRESSED:
		return "readdressed";
	case TL_BARED:
		return "certificate-removed";
	case TL_CERTIFIED:
		return "certificate-added";
	}
	return "changed";
}

static json_t *change_json(const struct tl_change *c)
{
	const struct tl_record *r = c->after ? c->after : c->before;
	char scratch[16];
	json_t *o = json_object();

	if (o && set(o, "change", json_string(change_word(c->kind))) &&
	    set(o, "role", json_string(tl_role_name(r->role, scratch))) &&
	    set(o, "dns_name", name_or_null(r->dns)) && set(o, "ip_address", ip_json(r->ip)) &&
	    set(o, "subject", name_or_null(r->subject)) &&
	    set(o, "serial", r->serial.data ? json_hex(r->serial) : json_null()))
		return o;
	json_decref(o);
	return NULL;
}

json_t *ctl_diff_json(const struct tl_diff *d)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < d->n; i++) {
		if (json_array_append_new(list, change_json(&d->changes[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:o, s:b, s:b}", "changes", list, "signer_changed", d->signer_changed,
			 "mode_changed", d->mode_changed);
}
