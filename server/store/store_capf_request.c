/* Keys that wait for a certificate of a third-party authority. */
#include "server/store/capf_priv.h"

#include <string.h>

/* Of operations that were set again since. */
static int drop_stale(struct store *s, struct err *e)
{
	return store_exec(s,
			  "DELETE FROM capf_requests WHERE number NOT IN"
			  " (SELECT number FROM capf_work)",
			  "drop requests that nobody waits for", e);
}

static int put(struct store *s, int64_t number, struct span spki, int64_t now, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO capf_requests (number, spki, made) VALUES (?1, ?2, ?3)"
		    " ON CONFLICT (number) DO UPDATE SET spki = ?2, made = ?3 WHERE spki <> ?2");
	query_put_int(&q, number);
	query_put_blob(&q, spki);
	query_put_int(&q, now);
	return query_run(&q, "keep the request for a certificate", e);
}

int store_capf_request(struct store *s, const struct store_capf_case *c, int64_t number,
		       struct span spki, int64_t now, struct err *e)
{
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = capf_check_pending(s, c, number, e);
	if (!rc)
		rc = drop_stale(s, e);
	if (!rc)
		rc = put(s, number, spki, now, e);
	return store_end(s, rc, e);
}

int store_capf_requests(struct store *s, store_capf_request_fn *fn, void *arg, struct err *e)
{
	struct err ignored;
	struct query q;
	int rc = 0;

	query_start(&q, s,
		    "SELECT coalesce(p.name, u.user || ':' || u.instance), r.number, r.made,"
		    " EXISTS (SELECT 1 FROM capf_issued i WHERE i.number = r.number AND i.state = 0"
		    "  AND i.issued >= r.made), r.spki"
		    " FROM capf_requests r JOIN capf_work w ON w.number = r.number"
		    " LEFT JOIN phones p ON p.id = w.phone LEFT JOIN capf_users u ON u.id = w.user"
		    " WHERE coalesce(p.capf_status, u.capf_status) = 1 ORDER BY 1");
	while (!rc && query_row(&q)) {
		struct store_capf_request r = {0};
		struct buf spki = {0};

		query_text(&q, r.device, sizeof(r.device));
		r.number = query_int(&q);
		r.made = query_int(&q);
		r.ready = query_int(&q);
		query_blob(&q, &spki);
		r.spki = buf_view(&spki);
		rc = spki.bad ? err_nomem(e) : fn(&r, arg, e);
		buf_free(&spki);
	}
	if (rc) {
		(void)query_end(&q, "", &ignored);
		return rc;
	}
	return query_end(&q, "read the requests for certificates", e);
}
