/* Configuration sessions in the API, and the audit log. */
#include "server/provider/api_call.h"

#include "common/clock.h"
#include "common/hex.h"
#include "common/json.h"
#include "server/net/http_head.h"
#include "server/provider/when.h"
#include "server/store/audit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { AUDIT_DEFAULT = 100, AUDIT_MAX = 1000 };

/* Without the id, which is for its owner. */
static json_t *json_lease(const struct lease *l)
{
	return json_pack("{s:o, s:s, s:o, s:o}", "user",
			 json_text(span_of(l->user, strlen(l->user))), "address", l->address,
			 "began", json_when(l->began), "expires", json_when(l->ends));
}

static json_t *json_leases(struct call *c)
{
	struct lease list[LEASES_MAX];
	const size_t n = leases_list(c->api->leases, clock_ms(), list);
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_lease(&list[i]));
	return array;
}

/* A decision that is not in the audit log is not taken. */
static int note(struct store *s, bool accepted, const char *detail, struct err *e)
{
	const struct audit_entry a = {.action = "session", .accepted = accepted, .detail = detail};

	return audit_add(s, &a, e);
}

static int refused(struct call *c, struct store *s, struct err *e)
{
	struct err ignored;

	if (strcmp(e->id, "client-limit") != 0)
		return (int)e->kind;
	c->extra = json_pack("{s:o}", "sessions", json_leases(c));
	(void)note(s, false, e->what, &ignored);
	return (int)e->kind;
}

int session_open(struct call *c, struct store *s, struct err *e)
{
	struct lease lease;
	struct err ignored;

	if (leases_open(c->api->leases, c->login.user, c->login.address, clock_ms(), &lease, e))
		return refused(c, s, e);
	if (note(s, true, "opened", e)) {
		(void)leases_close(c->api->leases, lease.id, clock_ms(), &lease, &ignored);
		return (int)e->kind;
	}
	c->doc = json_lease(&lease);
	if (json_object_set_new(c->doc, "id", json_string(lease.id)) ||
	    json_object_set_new(c->doc, "lease_seconds", json_integer(LEASE_S)))
		return err_nomem(e);
	return 0;
}

int session_list(struct call *c, struct store *s, struct err *e)
{
	(void)s;
	c->doc = json_pack("{s:i, s:o}", "limit", LEASES_MAX, "sessions", json_leases(c));
	return c->doc ? 0 : err_nomem(e);
}

int session_close(struct call *c, struct store *s, struct err *e)
{
	char text[STORE_NAME_MAX + 96];
	struct lease lease;

	if (leases_close(c->api->leases, c->name, clock_ms(), &lease, e))
		return (int)e->kind;
	snprintf(text, sizeof(text), "ended that of %s from %s", lease.user, lease.address);
	c->doc = json_object();
	return c->doc ? note(s, true, text, e) : err_nomem(e);
}

int session_enter(struct call *c, struct lease *brief, struct err *e)
{
	const char *id = https_header(c->request, "Ctl-Session");
	int rc;

	*brief = (struct lease){0};
	if (id && leases_use(c->api->leases, id, c->login.user, clock_ms()))
		return 0;
	rc = leases_open(c->api->leases, c->login.user, c->login.address, clock_ms(), brief, e);
	if (rc == ERR_CONFLICT)
		c->extra = json_pack("{s:o}", "sessions", json_leases(c));
	return rc;
}

void session_leave(struct call *c, const struct lease *brief)
{
	struct lease closed;
	struct err ignored;

	if (*brief->id)
		(void)leases_close(c->api->leases, brief->id, clock_ms(), &closed, &ignored);
}

/* ---- the audit log ---- */

static int add_row(const struct audit_row *r, void *arg, struct err *e)
{
	json_t *row =
		json_pack("{s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "number",
			  (json_int_t)r->number, "time", json_when(r->time), "accepted",
			  (int)r->accepted, "user", json_text(span_of(r->user, strlen(r->user))),
			  "address", json_text(span_of(r->address, strlen(r->address))), "action",
			  json_text(span_of(r->action, strlen(r->action))), "token",
			  json_text(span_of(r->token, strlen(r->token))), "detail",
			  json_text(buf_view(&r->detail)), "hash",
			  json_hex(span_of(r->hash, sizeof(r->hash))));

	return json_array_append_new(arg, row) ? err_nomem(e) : 0;
}

/* A number that is there must be one. */
static bool take_number(const char *query, const char *name, unsigned long *value)
{
	return http_query_number(query, name, value) || !strstr(query, name);
}

static int parse_query(const char *query, unsigned long *after, unsigned long *limit, struct err *e)
{
	if (take_number(query, "after", after) && take_number(query, "limit", limit))
		return 0;
	return err_set(e, ERR_USAGE, "bad-request",
		       "the query is not after=N&limit=N, the limit from 0 to %d", AUDIT_MAX);
}

int audit_get(struct call *c, struct store *s, struct err *e)
{
	unsigned long after = 0, limit = AUDIT_DEFAULT;
	struct audit_head head;
	json_t *rows = json_array();
	int rc = parse_query(https_query(c->request), &after, &limit, e);

	if (limit > AUDIT_MAX)
		limit = AUDIT_MAX;
	if (!rc)
		rc = audit_head(s, &head, e);
	if (!rc)
		rc = audit_read(s, (int64_t)after, limit, add_row, rows, e);
	if (!rc)
		c->doc = json_pack("{s:O, s:{s:I, s:o}}", "rows", rows, "head", "number",
				   (json_int_t)head.number, "hash",
				   json_hex(span_of(head.hash, sizeof(head.hash))));
	json_decref(rows);
	return rc || c->doc ? rc : err_nomem(e);
}
