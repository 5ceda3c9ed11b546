#include "server/store/store_tftp.h"

#include "server/store/store_node_priv.h"

static int must_be_no_node(struct store *s, const char *name, struct err *e)
{
	bool taken;
	const int rc =
		store_name_is_taken(s, "SELECT 1 FROM nodes WHERE name = ?", name, &taken, e);

	if (rc || !taken)
		return rc;
	err_set(e, ERR_CONFLICT, "node-exists", "%s is a node of the cluster", name);
	return err_hint(e, "the list has it by itself: \"ctlclient cluster update\"");
}

int store_tftp_put_row(struct store *s, const struct store_node *t, struct err *e)
{
	const struct store_cert *c = store_node_cert(t, STORE_TFTP_ROLE);
	struct query q;

	query_start(&q, s,
		    "INSERT INTO tftp_servers (name, ip, der) VALUES (?, ?, ?)"
		    " ON CONFLICT (name) DO UPDATE SET ip = excluded.ip, der = excluded.der");
	query_put_text(&q, t->name);
	query_put_text(&q, t->ip);
	query_put_blob(&q, c ? c->der : span_of(NULL, 0));
	return query_run(&q, "write the TFTP server", e);
}

int store_tftp_put(struct store *s, const struct store_node *t, struct err *e)
{
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = must_be_no_node(s, t->name, e);
	if (!rc)
		rc = store_tftp_put_row(s, t, e);
	if (!rc)
		rc = audit_putf(s, "node", e, "TFTP server outside the cluster: %s (%s)", t->name,
				t->ip);
	return store_end(s, rc, e);
}

int store_tftp_remove(struct store *s, const char *name, struct err *e)
{
	struct query q;
	bool removed;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	query_start(&q, s, "DELETE FROM tftp_servers WHERE name = ? RETURNING 1");
	query_put_text(&q, name);
	removed = query_row(&q);
	rc = query_end(&q, "remove the TFTP server", e);
	if (!rc && !removed) {
		err_set(e, ERR_FAILED, "no-tftp-server",
			"there is no TFTP server \"%s\" outside the cluster", name);
		rc = err_hint(e, "\"ctlclient cluster show\" shows those that there are");
	}
	if (!rc)
		rc = audit_putf(s, "node", e, "removed the TFTP server %s", name);
	return store_end(s, rc, e);
}

int store_tftps_drop(struct store *s, struct err *e)
{
	struct query q;

	query_start(&q, s, "DELETE FROM tftp_servers");
	return query_run(&q, "change the TFTP servers", e);
}
