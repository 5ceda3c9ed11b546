#include "server/capf/proof.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* What one look at a certificate needs. */
struct view {
	struct proof_cert *out;
	X509 *cert;
	struct span device;
	const struct proof_trust *trust;
	const struct proof_rules *rules;
};

static int no_proof(struct err *e, const char *why)
{
	ERR_clear_error();
	return err_set(e, ERR_REFUSED, "capf-proof", "the phone's certificate proves nothing: %s",
		       why);
}

/* ---- the certificate ---- */

/* Once: this is the dearest step. */
static int decode(X509 **cert, struct span der, struct err *e)
{
	const unsigned char *p = der.data;

	if (der.len > PROOF_CERT_MAX)
		return no_proof(e, "it is larger than certificates of phones are");
	*cert = d2i_X509(NULL, &p, (long)der.len);
	if (!*cert)
		return no_proof(e, "it is no certificate");
	return p == der.data + der.len ? 0 : no_proof(e, "something follows it");
}

/* The only common name in it; empty if there is none, or two, or one that hides something. */
static struct span common_name(X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *s;
	struct span cn;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return span_of(NULL, 0);
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	cn = span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	return cn.len && memchr(cn.data, '\0', cn.len) ? span_of(NULL, 0) : cn;
}

/* An LSC is called like the device, a MIC MODEL-DEVICE. */
static bool names_device(struct span cn, struct span device, enum proof_kind kind)
{
	if (cn.len < device.len || !device.len)
		return false;
	if (memcmp(cn.data + cn.len - device.len, device.data, device.len) != 0)
		return false;
	if (cn.len == device.len)
		return true;
	return kind == PROOF_MIC && cn.data[cn.len - device.len - 1] == '-';
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static void put_serial(char text[PROOF_SERIAL_MAX], X509 *cert)
{
	static const char digits[] = "0123456789abcdef";
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const uint8_t *data = ASN1_STRING_get0_data(serial);
	const size_t n = (size_t)ASN1_STRING_length(serial);
	size_t at = 0;

	for (size_t i = 0; i < n && at + 2 < PROOF_SERIAL_MAX; i++) {
		text[at++] = digits[data[i] >> 4];
		text[at++] = digits[data[i] & 0xf];
	}
	text[at] = '\0';
}

static void describe(struct proof_cert *c, X509 *cert)
{
	put_serial(c->serial, cert);
	c->not_before = seconds_of(X509_get0_notBefore(cert));
	c->not_after = seconds_of(X509_get0_notAfter(cert));
}

/* ---- whom it comes from ---- */

static X509 *named(X509 *const *list, size_t n, X509 *cert)
{
	for (size_t i = 0; i < n; i++)
		if (!X509_NAME_cmp(X509_get_subject_name(list[i]), X509_get_issuer_name(cert)))
			return list[i];
	return NULL;
}

static bool signed_by_one(X509 *const *list, size_t n, X509 *cert)
{
	for (size_t i = 0; i < n; i++) {
		if (X509_NAME_cmp(X509_get_subject_name(list[i]), X509_get_issuer_name(cert)) != 0)
			continue;
		if (X509_verify(cert, X509_get0_pubkey(list[i])) == 1)
			return true;
	}
	return false;
}

static int check_issuer(struct view *v, struct err *e)
{
	const struct proof_trust *t = v->trust;
	char name[256];
	bool known;

	v->out->kind = signed_by_one(t->own, t->nown, v->cert) ? PROOF_LSC : PROOF_MIC;
	known = v->out->kind == PROOF_LSC || signed_by_one(t->makers, t->nmakers, v->cert);
	ERR_clear_error();
	if (known)
		return 0;
	X509_NAME_oneline(X509_get_issuer_name(v->cert), name, sizeof(name));
	err_set(e, ERR_REFUSED, "capf-issuer", "the phone's certificate was issued by %s, %s", name,
		named(t->own, t->nown, v->cert) || named(t->makers, t->nmakers, v->cert)
			? "and the signature is not that authority's"
			: "which is neither this CAPF nor a manufacturer in the trust store");
	return err_hint(e, "add the manufacturer's authority to the trust store, or choose "
			   "another authentication mode");
}

/* Phones of the first generations have SHA-1 under their certificates; nothing older will do. */
static int check_strength(X509 *cert, struct err *e)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	int digest = NID_undef;

	if (!key)
		return err_openssl(e, ERR_REFUSED, "capf-weak",
				   "the phone's certificate holds no key that can be used");
	OBJ_find_sigid_algs(X509_get_signature_nid(cert), &digest, NULL);
	if (digest == NID_undef || digest == NID_md5 || digest == NID_md2 || digest == NID_md4)
		return err_set(e, ERR_REFUSED, "capf-weak",
			       "the phone's certificate is signed with a digest that is broken");
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ||
	    (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	     EVP_PKEY_get_bits(key) >= PROOF_RSA_BITS_MIN))
		return 0;
	return err_set(e, ERR_REFUSED, "capf-weak",
		       "the phone's key is neither EC nor RSA of %d bits or more: it cannot prove "
		       "anything with it",
		       PROOF_RSA_BITS_MIN);
}

static int check_dates(const struct view *v, struct err *e)
{
	const bool mic = v->out->kind == PROOF_MIC;

	if (v->out->not_after >= v->rules->now ||
	    (mic ? v->rules->expired_mic : v->rules->expired_lsc))
		return 0;
	err_set(e, ERR_REFUSED, "capf-expired", "the phone's %s has expired", mic ? "MIC" : "LSC");
	return err_hint(e, "choose another authentication mode, or allow it: capf { %s }",
			mic ? "expired-mic" : "expired-lsc");
}

static int check_name(const struct view *v, struct err *e)
{
	if (v->rules->any_name || names_device(common_name(v->cert), v->device, v->out->kind))
		return 0;
	return err_set(e, ERR_REFUSED, "capf-name",
		       "the phone's %s belongs to another device than %.*s",
		       v->out->kind == PROOF_MIC ? "MIC" : "LSC", (int)v->device.len,
		       (const char *)v->device.data);
}

static int check_cert(struct view *v, struct span der, struct err *e)
{
	int rc = decode(&v->cert, der, e);

	if (!rc)
		rc = check_issuer(v, e);
	if (!rc)
		rc = check_strength(v->cert, e);
	if (rc)
		return rc;
	v->out->der = der;
	describe(v->out, v->cert);
	rc = check_dates(v, e);
	return rc ? rc : check_name(v, e);
}

/* ---- signatures ---- */

static bool digest_parts(uint8_t out[EVP_MAX_MD_SIZE], unsigned *n, const EVP_MD *md,
			 const struct span parts[2])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const bool good = ctx && EVP_DigestInit_ex(ctx, md, NULL) &&
			  EVP_DigestUpdate(ctx, parts[0].data, parts[0].len) &&
			  EVP_DigestUpdate(ctx, parts[1].data, parts[1].len) &&
			  EVP_DigestFinal_ex(ctx, out, n);

	EVP_MD_CTX_free(ctx);
	return good;
}

/* RSA: a PKCS #1 type 1 block that holds the digest and nothing else, all of it looked at; hence no
 * digest is set, which would ask for a DigestInfo. EC: plain ECDSA. */
static bool holds(X509 *cert, const EVP_MD *md, const struct span parts[2], struct span signature)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool good = ctx && digest_parts(digest, &n, md, parts) && EVP_PKEY_verify_init(ctx) == 1;

	if (good && rsa)
		good = signature.len == (size_t)EVP_PKEY_get_size(key) &&
		       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	good = good && EVP_PKEY_verify(ctx, signature.data, signature.len, digest, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static int check_auth(X509 *cert, const struct capf_message *m, const struct capf_sha2 *sha2,
		      struct span der, struct err *e)
{
	/* The name as it was sent, NUL and all. */
	const struct span parts[2] = {m->value[CAPF_DEVICE_NAME], der};
	const EVP_MD *md = sha2->digest == CAPF_SHA512   ? EVP_sha512()
			   : sha2->digest == CAPF_SHA256 ? EVP_sha256()
							 : NULL;

	if (!md)
		return no_proof(e, "SHA2_SIGNED_DATA is over an unknown digest");
	if (!holds(cert, EVP_sha1(), parts, m->value[CAPF_SIGNED_DATA]))
		return no_proof(e, "SIGNED_DATA was not made with its key");
	if (!holds(cert, md, parts, sha2->signature))
		return no_proof(e, "SHA2_SIGNED_DATA was not made with its key");
	return 0;
}

static int check_sudi_signatures(X509 *cert, uint32_t session, const struct capf_sudi *s,
				 struct err *e)
{
	/* Little-endian, here and only here: the byte order of the machine that invented it. */
	const uint8_t id[4] = {(uint8_t)session, (uint8_t)(session >> 8), (uint8_t)(session >> 16),
			       (uint8_t)(session >> 24)};
	const struct span parts[2] = {span_of(id, sizeof(id)), s->certificate};

	if (holds(cert, EVP_sha1(), parts, s->sha1) && holds(cert, EVP_sha512(), parts, s->sha512))
		return 0;
	return no_proof(e, "SUDI_DATA was not made with its key for this session");
}

static int check_sudi(struct view *v, const struct proof *p, X509 *first,
		      const struct capf_message *m, struct err *e)
{
	struct capf_sudi sudi;
	int rc = 0;

	if (!m->value[CAPF_SUDI_DATA].data)
		return v->rules->need_sudi
			       ? no_proof(e, "it comes without SUDI_DATA, so it might be replayed")
			       : 0;
	if (!capf_sudi(m, &sudi))
		return no_proof(e, "SUDI_DATA is malformed");
	if (span_eq(sudi.certificate, p->by.der)) {
		*v->out = p->by;
		X509_up_ref(first);
		v->cert = first;
	} else {
		rc = check_cert(v, sudi.certificate, e);
	}
	return rc ? rc : check_sudi_signatures(v->cert, m->session, &sudi, e);
}

/* ---- all of it ---- */

int proof_check(struct proof *p, const struct capf_message *m, const struct proof_trust *trust,
		const struct proof_rules *rules, struct err *e)
{
	struct view by = {.out = &p->by, .trust = trust, .rules = rules};
	struct view sudi = {.out = &p->sudi, .trust = trust, .rules = rules};
	struct capf_sha2 sha2;
	struct span der;
	int rc;

	*p = (struct proof){0};
	if (!m->value[CAPF_CERTIFICATE].data)
		return no_proof(e, "the phone has sent none");
	if (!capf_string(m, CAPF_DEVICE_NAME, &by.device) || !capf_certificate(m, &der) ||
	    !m->value[CAPF_SIGNED_DATA].len || !capf_sha2(m, &sha2))
		return no_proof(e, "an element of the proof is missing or malformed");
	sudi.device = by.device;
	rc = check_cert(&by, der, e);
	if (!rc)
		rc = check_auth(by.cert, m, &sha2, der, e);
	if (!rc)
		rc = check_sudi(&sudi, p, by.cert, m, e);
	X509_free(sudi.cert);
	X509_free(by.cert);
	return rc;
}

int proof_look(struct proof_cert *c, struct span der, struct span device,
	       const struct proof_trust *trust, struct err *e)
{
	const struct proof_rules rules = {0};
	struct view v = {.out = c, .device = device, .trust = trust, .rules = &rules};
	int rc;

	*c = (struct proof_cert){.der = der};
	rc = decode(&v.cert, der, e);
	if (!rc) {
		c->kind = named(trust->own, trust->nown, v.cert) ? PROOF_LSC : PROOF_MIC;
		describe(c, v.cert);
		rc = check_name(&v, e);
	}
	X509_free(v.cert);
	ERR_clear_error();
	return rc;
}
