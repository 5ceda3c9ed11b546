#include "server/capf/crl.h"

#include "common/file.h"
#include "common/hex.h"
#include "server/capf/der.h"
#include "server/store/store_capf.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	CRL_VERSION_2 = 1,
	EXPLICIT_0 = 0xa0, /* extensions */
	GOOD_S = 7 * 24 * 60 * 60,
	AGAIN_S = 12 * 60 * 60,
};

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

static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};
static const uint8_t oid_number[] = {0x55, 0x1d, 0x14};

static void put_integer(struct buf *b, uint64_t n)
{
	const size_t start = der_begin(b, DER_INTEGER);
	int bytes = 1;

	while (bytes < 8 && n >> (8 * bytes - 1))
		bytes++;
	while (bytes--)
		buf_u8(b, (uint8_t)(n >> (8 * bytes)));
	der_end(b, start);
}

/* From hexadecimal digits without leading zero bytes. */
static int put_serial(struct buf *b, const char *digits, struct err *e)
{
	const size_t start = der_begin(b, DER_INTEGER);
	struct buf n = {0};
	int rc = hex_parse(&n, digits, strlen(digits)) && n.len
			 ? 0
			 : err_set(e, ERR_FAILED, "crl", "\"%s\" is no serial number", digits);

	if (!rc && n.data[0] & 0x80)
		buf_u8(b, 0);
	buf_span(b, buf_view(&n));
	der_end(b, start);
	buf_free(&n);
	return rc;
}

/* One extension, not critical, whose value is value. */
static void put_extension(struct buf *b, struct span oid, struct span value)
{
	const size_t start = der_begin(b, DER_SEQUENCE);

	der_put(b, DER_OID, oid);
	der_put(b, DER_OCTET_STRING, value);
	der_end(b, start);
}

static void put_reason(struct buf *b, int reason)
{
	const uint8_t code[] = {DER_ENUMERATED, 1, (uint8_t)reason};
	size_t list;

	/* "unspecified" is said by saying nothing. */
	if (!reason)
		return;
	list = der_begin(b, DER_SEQUENCE);
	put_extension(b, span_of(oid_reason, sizeof(oid_reason)), span_of(code, sizeof(code)));
	der_end(b, list);
}

static int add_entry(const struct store_capf_row *r, void *arg, struct err *e)
{
	struct buf *b = arg;
	const size_t start = der_begin(b, DER_SEQUENCE);

	if (put_serial(b, r->issued.serial, e))
		return (int)e->kind;
	der_time(b, r->revoked);
	put_reason(b, r->reason);
	der_end(b, start);
	return 0;
}

/* It grows with time, as it must. */
static void put_number(struct buf *b, int64_t now)
{
	const size_t tag = der_begin(b, EXPLICIT_0), list = der_begin(b, DER_SEQUENCE);
	struct buf number = {0};

	put_integer(&number, (uint64_t)now);
	put_extension(b, span_of(oid_number, sizeof(oid_number)), buf_view(&number));
	buf_free(&number);
	der_end(b, list);
	der_end(b, tag);
}

/* TBSCertList of RFC 5280 section 5.1. */
static void put_tbs(struct buf *b, const struct issuer *i, struct span entries, int64_t now)
{
	const size_t start = der_begin(b, DER_SEQUENCE);

	put_integer(b, CRL_VERSION_2);
	buf_span(b, i->algorithm);
	buf_span(b, buf_view(&i->name));
	der_time(b, now);
	der_time(b, now + GOOD_S);
	if (entries.len)
		der_put(b, DER_SEQUENCE, entries);
	put_number(b, now);
	der_end(b, start);
}

static int write_crl(const char *state, struct span der, struct err *e)
{
	char *folder = file_join(state, "capf");
	char *path = file_join(state, "capf/capf.crl");
	int rc = folder && path ? file_mkdirs(folder, 0755, e) : err_nomem(e);

	if (!rc)
		rc = file_write(path, der, 0644, e);
	free(folder);
	free(path);
	return rc;
}

static int make(const char *state, const struct authority *a, struct store *s, int64_t now,
		struct err *e)
{
	struct buf entries = {0}, tbs = {0}, der = {0};
	int rc = store_capf_issued(s, NULL, now, add_entry, &entries, e);

	if (!rc)
		put_tbs(&tbs, &a->issuer, buf_view(&entries), now);
	if (!rc && (entries.bad || tbs.bad))
		rc = err_nomem(e);
	if (!rc)
		rc = issuer_seal(&a->issuer, buf_view(&tbs), &der, e);
	if (!rc)
		rc = write_crl(state, buf_view(&der), e);
	buf_free(&entries);
	buf_free(&tbs);
	buf_free(&der);
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
