/* Certificates that CAPF has issued, and the manufacturers it believes. */
#include "server/store/capf_priv.h"

#include <string.h>

int store_capf_usable(struct store *s, const char *serial, bool *usable, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT state < 3 FROM capf_issued WHERE serial = ?");
	query_put_text(&q, serial);
	*usable = !query_row(&q) || query_int(&q);
	return query_end(&q, "look the certificate up", e);
}

static int no_serial(const char *serial, struct err *e)
{
	err_set(e, ERR_FAILED, "no-serial",
		"CAPF has issued no certificate with the serial number %s", serial);
	return err_hint(e, "\"ctladmin capf report\" lists those that there are");
}

int store_capf_revoke(struct store *s, const char *serial, int reason, int64_t now, struct err *e)
{
	char device[STORE_CAPF_NAME_MAX] = "";
	struct query q;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s,
		    "UPDATE capf_issued SET state = 5, revoked = ?, reason = ? WHERE serial = ?"
		    " RETURNING device");
	query_put_int(&q, now);
	query_put_int(&q, reason);
	query_put_text(&q, serial);
	if (query_row(&q))
		query_text(&q, device, sizeof(device));
	rc = query_end(&q, "revoke the certificate", e);
	if (!rc && !*device)
		rc = no_serial(serial, e);
	if (!rc)
		rc = audit_putf(s, "capf", e, "revoked %s of %s", serial, device);
	return store_end(s, rc, e);
}

static void read_row(struct query *q, struct store_capf_row *r)
{
	*r = (struct store_capf_row){0};
	query_text(q, r->issued.serial, sizeof(r->issued.serial));
	query_text(q, r->issued.device, sizeof(r->issued.device));
	r->issued.number = query_int(q);
	r->issued.not_before = query_int(q);
	r->issued.not_after = query_int(q);
	r->issued.issued = query_int(q);
	r->state = (enum store_capf_state)query_int(q);
	r->revoked = query_int(q);
	r->reason = (int)query_int(q);
}

int store_capf_issued(struct store *s, const char *device, int64_t now, store_capf_row_fn *fn,
		      void *arg, struct err *e)
{
#define COLUMNS "serial, device, number, not_before, not_after, issued, state, revoked, reason"
	struct store_capf_row r;
	struct query q;
	struct err ignored;
	int rc = 0;

	if (device) {
		query_start(&q, s,
			    "SELECT " COLUMNS " FROM capf_issued WHERE device = ?"
			    " ORDER BY issued DESC, rowid DESC");
		query_put_text(&q, device);
	} else {
		query_start(&q, s,
			    "SELECT " COLUMNS " FROM capf_issued WHERE state >= 3 AND not_after > ?"
			    " AND NOT external"
			    " ORDER BY rowid");
		query_put_int(&q, now);
	}
	while (!rc && query_row(&q)) {
		read_row(&q, &r);
		rc = fn(&r, arg, e);
	}
	if (rc) {
		(void)query_end(&q, "", &ignored);
		return rc;
	}
	return query_end(&q, "read the certificates that were issued", e);
}

/* ---- manufacturers ---- */

int store_capf_trust_add(struct store *s, const char *name, struct span der, struct err *e)
{
	struct query q;
	bool added;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s,
		    "INSERT INTO capf_trust (name, der) VALUES (?, ?) ON CONFLICT DO NOTHING"
		    " RETURNING 1");
	query_put_text(&q, name);
	query_put_blob(&q, der);
	added = query_row(&q);
	rc = query_end(&q, "trust a manufacturer", e);
	if (!rc && !added)
		rc = err_set(e, ERR_CONFLICT, "trusted",
			     "this certificate, or another one called %s, is trusted already",
			     name);
	if (!rc)
		rc = audit_putf(s, "capf", e, "MICs issued by %s are believed", name);
	return store_end(s, rc, e);
}

int store_capf_trust_remove(struct store *s, const char *name, struct err *e)
{
	struct query q;
	bool removed;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s, "DELETE FROM capf_trust WHERE name = ? RETURNING 1");
	query_put_text(&q, name);
	removed = query_row(&q);
	rc = query_end(&q, "trust a manufacturer no more", e);
	if (!rc && !removed)
		rc = err_set(e, ERR_FAILED, "not-trusted",
			     "no certificate called %s is trusted for MICs", name);
	if (!rc)
		rc = audit_putf(s, "capf", e, "MICs issued by %s are believed no more", name);
	return store_end(s, rc, e);
}

int store_capf_trusted(struct store *s, store_capf_trust_fn *fn, void *arg, struct err *e)
{
	struct err ignored;
	struct query q;
	int rc = 0;

	query_start(&q, s, "SELECT name, der FROM capf_trust ORDER BY name");
	while (!rc && query_row(&q)) {
		struct buf der = {0};
		char name[STORE_LABEL_MAX];

		query_text(&q, name, sizeof(name));
		query_blob(&q, &der);
		rc = der.bad ? err_nomem(e) : fn(name, buf_view(&der), arg, e);
		buf_free(&der);
	}
	if (rc) {
		(void)query_end(&q, "", &ignored);
		return rc;
	}
	return query_end(&q, "read the manufacturers that are believed", e);
}
