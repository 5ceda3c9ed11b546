/* What happens to an operation while its phone calls. */
#include "server/store/capf_priv.h"

#include <openssl/crypto.h>
#include <string.h>

enum { COMPARED = 64 }; /* bytes, however long the strings are */

static int gone(const struct store_capf_case *c, struct err *e)
{
	return err_set(e, ERR_CONFLICT, "capf-gone",
		       "the operation of %s was ended or replaced meanwhile", c->name);
}

/* ERR_CONFLICT unless the operation with that number is pending. */
int capf_check_pending(struct store *s, const struct store_capf_case *c, int64_t number,
		       struct err *e)
{
	struct query q;
	bool pending;

	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "SELECT 1 FROM phones JOIN capf_work ON phone = phones.id"
			      " WHERE phones.id = ? AND capf_status = 1 AND number = ?"
			    : "SELECT 1 FROM capf_users JOIN capf_work w ON w.user = capf_users.id"
			      " WHERE capf_users.id = ? AND capf_status = 1 AND number = ?");
	query_put_int(&q, c->id);
	query_put_int(&q, number);
	pending = query_row(&q);
	if (query_end(&q, "look at the operation", e))
		return (int)e->kind;
	return pending ? 0 : gone(c, e);
}

/* ---- authentication strings ---- */

/* Takes as long for any text. */
static bool same_string(const struct buf *is, struct span given)
{
	uint8_t a[COMPARED] = {0}, b[COMPARED] = {0};
	bool same;

	if (!is->len || is->len > COMPARED || given.len > COMPARED)
		return false;
	memcpy(a, is->data, is->len);
	if (given.len)
		memcpy(b, given.data, given.len);
	same = CRYPTO_memcmp(a, b, COMPARED) == 0;
	same &= is->len == given.len;
	OPENSSL_cleanse(a, sizeof(a));
	OPENSSL_cleanse(b, sizeof(b));
	return same;
}

static int64_t delay_after(int64_t wrong)
{
	int64_t delay = STORE_CAPF_DELAY_S;

	if (wrong <= STORE_CAPF_FREE_TRIES)
		return 0;
	for (int64_t i = STORE_CAPF_FREE_TRIES + 1; i < wrong && delay < STORE_CAPF_DELAY_MAX_S;
	     i++)
		delay *= 2;
	return delay < STORE_CAPF_DELAY_MAX_S ? delay : STORE_CAPF_DELAY_MAX_S;
}

static int read_counts(struct store *s, const struct store_capf_case *c, int64_t *wrong,
		       int64_t *not_before, struct err *e)
{
	struct query q;

	*wrong = *not_before = 0;
	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "SELECT wrong, not_before FROM capf_work WHERE phone = ?"
			    : "SELECT wrong, not_before FROM capf_work WHERE user = ?");
	query_put_int(&q, c->id);
	if (query_row(&q)) {
		*wrong = query_int(&q);
		*not_before = query_int(&q);
	}
	return query_end(&q, "read how often it was wrong", e);
}

int store_capf_string(struct store *s, const struct store_capf_case *c, struct span text,
		      const struct store_capf_limits *limits, int64_t now,
		      enum store_capf_check *result, struct err *e)
{
	struct buf is = {0};
	int64_t wrong, not_before;
	int rc = read_counts(s, c, &wrong, &not_before, e);

	if (rc)
		return rc;
	/* Not from the case: several calls at once would all see the same count. */
	if (limits->wrong_max && wrong >= limits->wrong_max) {
		*result = STORE_CAPF_LOCKED;
		return 0;
	}
	if (now < not_before) {
		*result = STORE_CAPF_TOO_EARLY;
		return 0;
	}
	rc = capf_string_get(s, c, &is, e);
	*result = !rc && same_string(&is, text) ? STORE_CAPF_RIGHT : STORE_CAPF_WRONG;
	buf_wipe(&is);
	return rc;
}

/* ---- calls that did not end it ---- */

static int ensure_work(struct store *s, const struct store_capf_case *c, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "INSERT INTO capf_work (phone, number) VALUES (?, " CAPF_NEXT_NUMBER
			      ") ON CONFLICT (phone) DO NOTHING"
			    : "INSERT INTO capf_work (user, number) VALUES (?, " CAPF_NEXT_NUMBER
			      ") ON CONFLICT (user) DO NOTHING");
	query_put_int(&q, c->id);
	return query_run(&q, "note the call", e);
}

static int write_note(struct store *s, const struct store_capf_case *c,
		      const struct store_capf_note *n, int64_t wrong, int64_t not_before,
		      struct err *e)
{
	struct query q;

	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "UPDATE capf_work SET last_time = ?, last_address = ?, last_text = ?,"
			      " no_keys = no_keys + ?, wrong = ?, not_before = ? WHERE phone = ?"
			    : "UPDATE capf_work SET last_time = ?, last_address = ?, last_text = ?,"
			      " no_keys = no_keys + ?, wrong = ?, not_before = ? WHERE user = ?");
	query_put_int(&q, n->now);
	query_put_text(&q, n->address);
	query_put_text(&q, n->text);
	query_put_int(&q, n->no_key);
	query_put_int(&q, wrong);
	query_put_int(&q, not_before);
	query_put_int(&q, c->id);
	return query_run(&q, "note the call", e);
}

static int fail(struct store *s, const struct store_capf_case *c, const struct store_capf_note *n,
		struct err *e)
{
	struct query q;
	int64_t version;

	if (phone_next_version(s, &version, e))
		return (int)e->kind;
	query_start(&q, s,
		    c->kind == STORE_CAPF_PHONE
			    ? "UPDATE phones SET capf_status = 2, capf_detail = ?, version = ?"
			      " WHERE id = ?"
			    : "UPDATE capf_users SET capf_status = 2, capf_detail = ?, version = ?"
			      " WHERE id = ?");
	query_put_text(&q, n->text);
	query_put_int(&q, version);
	query_put_int(&q, c->id);
	return query_run(&q, "end the operation", e);
}

int store_capf_note(struct store *s, const struct store_capf_case *c,
		    const struct store_capf_note *n, const struct store_capf_limits *limits,
		    struct err *e)
{
	int64_t wrong, not_before;
	struct err ignored;
	bool fails;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = ensure_work(s, c, e);
	if (!rc)
		rc = read_counts(s, c, &wrong, &not_before, e);
	if (!rc && n->wrong)
		not_before = n->now + delay_after(++wrong);
	if (!rc)
		rc = write_note(s, c, n, wrong, not_before, e);
	fails = n->failed ||
		(n->no_key && limits->no_keys_max && c->no_keys + 1 > limits->no_keys_max);
	if (!rc && fails && !capf_check_pending(s, c, n->number, &ignored))
		rc = fail(s, c, n, e);
	return store_end(s, rc, e);
}

/* ---- certificates on their way ---- */

int store_capf_sent(struct store *s, int64_t number, const uint8_t spki[STORE_CAPF_SPKI_LEN],
		    struct buf *der, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "SELECT der FROM capf_issued WHERE number = ? AND state = 0 AND spki = ?");
	query_put_int(&q, number);
	query_put_blob(&q, span_of(spki, STORE_CAPF_SPKI_LEN));
	if (query_row(&q))
		query_blob(&q, der);
	return query_end(&q, "look for a certificate that was sent", e);
}

static int add_issued(struct store *s, const struct store_capf_issued *i, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO capf_issued (serial, number, device, spki, der, not_before,"
		    " not_after, issued, external) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	query_put_text(&q, i->serial);
	query_put_int(&q, i->number);
	query_put_text(&q, i->device);
	query_put_blob(&q, span_of(i->spki, sizeof(i->spki)));
	query_put_blob(&q, i->der);
	query_put_int(&q, i->not_before);
	query_put_int(&q, i->not_after);
	query_put_int(&q, i->issued);
	query_put_int(&q, i->external);
	return query_run(&q, "keep a certificate", e);
}

int store_capf_issue(struct store *s, const struct store_capf_case *c,
		     const struct store_capf_issued *i, struct buf *instead, struct err *e)
{
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = capf_check_pending(s, c, i->number, e);
	if (!rc)
		rc = store_capf_sent(s, i->number, i->spki, instead, e);
	if (!rc && !instead->len)
		rc = add_issued(s, i, e);
	return store_end(s, rc, e);
}

/* ---- success ---- */

/* Runs an UPDATE of capf_issued with the time, a device and a number. */
static int change_issued(struct store *s, const char *sql, const struct store_capf_case *c,
			 const struct store_capf_done *d, struct err *e)
{
	struct query q;

	query_start(&q, s, sql);
	query_put_int(&q, d->now);
	query_put_text(&q, c->name);
	query_put_int(&q, d->number);
	return query_run(&q, "bring the certificates in line", e);
}

static int confirm(struct store *s, const struct store_capf_case *c,
		   const struct store_capf_done *d, struct buf *der, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "UPDATE capf_issued SET state = 1 WHERE serial = ? AND number = ? AND state = 0"
		    " RETURNING der");
	query_put_text(&q, d->serial);
	query_put_int(&q, d->number);
	if (query_row(&q))
		query_blob(&q, der);
	if (query_end(&q, "confirm the certificate", e))
		return (int)e->kind;
	if (!der->len)
		return gone(c, e);
	/* The state, for certificates of other devices and the new one, stays. */
	if (change_issued(s,
			  "UPDATE capf_issued SET state = 3, revoked = ?1, reason = 4"
			  " WHERE device = ?2 AND number = ?3 AND state = 0",
			  c, d, e))
		return (int)e->kind;
	return change_issued(s,
			     "UPDATE capf_issued SET state = 2 WHERE ?1 AND device = ?2"
			     " AND number <> ?3 AND state IN (0, 1)",
			     c, d, e);
}

static int finish_phone(struct store *s, const struct store_capf_case *c, struct span lsc,
			bool set_lsc, struct span mic, struct err *e)
{
	struct query q;
	int64_t version;

	if (phone_next_version(s, &version, e))
		return (int)e->kind;
	query_start(
		&q, s,
		c->kind == STORE_CAPF_PHONE
			? "UPDATE phones SET capf_status = 3, capf_detail = '',"
			  " auth_string = x'', auth_mark = x'', version = ?1,"
			  " lsc = CASE WHEN ?2 THEN ?3 ELSE lsc END,"
			  " mic = CASE WHEN length(?4) THEN ?4 ELSE mic END WHERE id = ?5"
			: "UPDATE capf_users SET capf_status = 3, capf_detail = '',"
			  " auth_string = x'', version = ?1,"
			  " lsc = CASE WHEN ?2 THEN ?3 ELSE lsc END WHERE id = ?5 AND ?4 = x''");
	query_put_int(&q, version);
	query_put_int(&q, set_lsc);
	query_put_blob(&q, lsc);
	query_put_blob(&q, mic);
	query_put_int(&q, c->id);
	return query_run(&q, "end the operation", e);
}

static int finish(struct store *s, const struct store_capf_case *c, const struct store_capf_done *d,
		  struct err *e)
{
	struct buf der = {0};
	int rc = 0;

	switch (c->capf.operation) {
	case STORE_CAPF_INSTALL:
		rc = confirm(s, c, d, &der, e);
		if (!rc)
			rc = finish_phone(s, c, buf_view(&der), true, d->mic, e);
		break;
	case STORE_CAPF_DELETE:
		rc = change_issued(s,
				   "UPDATE capf_issued SET state = 4, revoked = ?1, reason = 5"
				   " WHERE device = ?2 AND ?3 AND state IN (0, 1, 2)",
				   c, d, e);
		if (!rc)
			rc = finish_phone(s, c, span_of(NULL, 0), true, d->mic, e);
		break;
	case STORE_CAPF_TROUBLESHOOT:
		rc = finish_phone(s, c, d->lsc, d->lsc.len != 0, d->mic, e);
		break;
	case STORE_CAPF_NONE:
		rc = gone(c, e);
		break;
	}
	buf_free(&der);
	return rc;
}

int store_capf_finish(struct store *s, const struct store_capf_case *c,
		      const struct store_capf_done *d, struct err *e)
{
	static const char *const words[] = {"", "has the LSC", "has deleted its LSC",
					    "gave its certificates back"};
	const struct store_capf_note note = {.number = d->number,
					     .now = d->now,
					     .address = d->address,
					     .text = words[c->capf.operation]};
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = capf_check_pending(s, c, d->number, e);
	if (!rc)
		rc = finish(s, c, d, e);
	if (!rc)
		rc = write_note(s, c, &note, 0, 0, e);
	if (!rc)
		rc = audit_putf(s, "capf", e, "%s %s %s", c->name, words[c->capf.operation],
				d->serial ? d->serial : "");
	return store_end(s, rc, e);
}
