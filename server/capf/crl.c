#include "server/capf/crl.h"

#include "common/file.h"
#include "server/store/store_capf.h"

#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

enum {
	GOOD_S = 7 * 24 * 60 * 60,
	AGAIN_S = 12 * 60 * 60,
};

static int failed(struct err *e)
{
	return err_openssl(e, ERR_FAILED, "crl", "cannot make the CRL");
}

/* ---- has anything changed? ---- */

static int add_to_sum(const struct store_capf_row *r, void *arg, struct err *e)
{
	uint64_t *sum = arg;

	(void)e;
	/* FNV-1a. */
	for (const char *p = r->issued.serial; *p; p++)
		*sum = (*sum ^ (uint8_t)*p) * 0x100000001b3;
	*sum = (*sum ^ (uint64_t)r->reason) * 0x100000001b3;
	return 0;
}

/* ---- making it ---- */

static bool add_reason(X509_REVOKED *entry, int reason)
{
	ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
	/* "unspecified" is said by saying nothing. */
	const bool good = !reason || (code && ASN1_ENUMERATED_set(code, reason) &&
				      X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0));

	ASN1_ENUMERATED_free(code);
	return good;
}

static bool set_serial(X509_REVOKED *entry, const char *digits)
{
	BIGNUM *n = NULL;
	ASN1_INTEGER *serial = BN_hex2bn(&n, digits) ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	const bool good = serial && X509_REVOKED_set_serialNumber(entry, serial);

	ASN1_INTEGER_free(serial);
	BN_free(n);
	return good;
}

static int add_entry(const struct store_capf_row *r, void *arg, struct err *e)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)r->revoked);
	bool good = entry && when && X509_REVOKED_set_revocationDate(entry, when) &&
		    set_serial(entry, r->issued.serial) && add_reason(entry, r->reason);

	ASN1_TIME_free(when);
	good = good && X509_CRL_add0_revoked(arg, entry);
	if (good)
		return 0;
	X509_REVOKED_free(entry);
	return failed(e);
}

static int set_head(X509_CRL *crl, const struct authority *a, int64_t now, struct err *e)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)now);
	ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)(now + GOOD_S));
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	const bool good = from && to && number && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
			  X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->cert)) &&
			  X509_CRL_set1_lastUpdate(crl, from) &&
			  X509_CRL_set1_nextUpdate(crl, to) &&
			  /* It grows with time, as it must. */
			  ASN1_INTEGER_set_int64(number, now) &&
			  X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);

	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_INTEGER_free(number);
	return good ? 0 : failed(e);
}

static int write_crl(const char *state, X509_CRL *crl, struct err *e)
{
	char *folder = file_join(state, "capf");
	char *path = file_join(state, "capf/capf.crl");
	unsigned char *der = NULL;
	const int n = i2d_X509_CRL(crl, &der);
	int rc = folder && path && n > 0 ? file_mkdirs(folder, 0755, e) : failed(e);

	if (!rc)
		rc = file_write(path, span_of(der, (size_t)n), 0644, e);
	OPENSSL_free(der);
	free(folder);
	free(path);
	return rc;
}

static int make(const char *state, const struct authority *a, struct store *s, int64_t now,
		struct err *e)
{
	X509_CRL *crl = X509_CRL_new();
	int rc = crl ? set_head(crl, a, now, e) : failed(e);

	if (!rc)
		rc = store_capf_issued(s, NULL, now, add_entry, crl, e);
	if (!rc && (!X509_CRL_sort(crl) || !X509_CRL_sign(crl, a->key, EVP_sha256())))
		rc = failed(e);
	if (!rc)
		rc = write_crl(state, crl, e);
	X509_CRL_free(crl);
	return rc;
}

int crl_update(const char *state, const struct authority *a, struct store *s, struct crl_mark *mark,
	       struct err *e)
{
	const int64_t now = time(NULL);
	uint64_t sum = 0xcbf29ce484222325;
	int rc = store_capf_issued(s, NULL, now, add_to_sum, &sum, e);

	if (rc || (mark->written && sum == mark->sum && now - mark->written < AGAIN_S))
		return rc;
	rc = make(state, a, s, now, e);
	if (!rc)
		*mark = (struct crl_mark){sum, now};
	return rc;
}
