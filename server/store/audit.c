#include "server/store/audit.h"

#include "server/store/store_priv.h"

#include <openssl/evp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void this_process(char *name, size_t size)
{
	struct passwd entry, *found = NULL;
	char text[1024];

	if (!getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) && found)
		snprintf(name, size, "%s", found->pw_name);
	else
		snprintf(name, size, "uid %u", geteuid());
}

void store_act_as(struct store *s, const char *user, const char *address)
{
	if (user)
		snprintf(s->user, sizeof(s->user), "%s", user);
	else
		this_process(s->user, sizeof(s->user));
	snprintf(s->address, sizeof(s->address), "%s", address ? address : "local");
}

/* ---- the chain ---- */

static void put_i64(struct buf *b, int64_t v)
{
	buf_u32(b, (uint32_t)((uint64_t)v >> 32));
	buf_u32(b, (uint32_t)v);
}

static void put_text(struct buf *b, const char *text, size_t n)
{
	buf_u32(b, (uint32_t)n);
	buf_put(b, text, n);
}

/* From all of the row but its hash, and the hash before. */
static int row_hash(uint8_t hash[AUDIT_HASH_LEN], const struct audit_row *r,
		    const uint8_t before[AUDIT_HASH_LEN], struct err *e)
{
	struct buf b = {0};
	int rc = 0;

	buf_put(&b, before, AUDIT_HASH_LEN);
	put_i64(&b, r->number);
	put_i64(&b, r->time);
	put_i64(&b, r->accepted);
	put_text(&b, r->user, strlen(r->user));
	put_text(&b, r->address, strlen(r->address));
	put_text(&b, r->action, strlen(r->action));
	put_text(&b, r->token, strlen(r->token));
	put_text(&b, (const char *)r->detail.data, r->detail.len);
	if (b.bad)
		rc = err_nomem(e);
	else if (!EVP_Digest(b.data, b.len, hash, NULL, EVP_sha256(), NULL))
		rc = err_openssl(e, ERR_FAILED, "audit", "cannot hash a row of the audit log");
	buf_free(&b);
	return rc;
}

static void take_hash(struct query *q, uint8_t hash[AUDIT_HASH_LEN])
{
	struct buf b = {0};

	query_blob(q, &b);
	if (b.bad)
		q->rc = SQLITE_NOMEM;
	else if (b.len == AUDIT_HASH_LEN)
		memcpy(hash, b.data, AUDIT_HASH_LEN);
	buf_free(&b);
}

int audit_head(struct store *s, struct audit_head *head, struct err *e)
{
	struct query q;

	*head = (struct audit_head){0};
	query_start(&q, s, "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
	if (query_row(&q)) {
		head->number = query_int(&q);
		take_hash(&q, head->hash);
	}
	return query_end(&q, "read the head of the audit log", e);
}

/* ---- appending ---- */

static int insert(struct store *s, const struct audit_row *r, const char *detail, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "INSERT INTO audit (number, time, accepted, user, address, action, token,"
		    " detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	query_put_int(&q, r->number);
	query_put_int(&q, r->time);
	query_put_int(&q, r->accepted);
	query_put_text(&q, r->user);
	query_put_text(&q, r->address);
	query_put_text(&q, r->action);
	query_put_text(&q, r->token);
	query_put_text(&q, detail);
	query_put_blob(&q, span_of(r->hash, sizeof(r->hash)));
	return query_run(&q, "write the audit log", e);
}

int audit_put(struct store *s, const struct audit_entry *a, struct err *e)
{
	struct audit_row r = {.time = time(NULL), .accepted = a->accepted};
	const size_t n = strnlen(a->detail, AUDIT_DETAIL_MAX);
	struct audit_head before;
	const char *detail;
	int rc;

	snprintf(r.user, sizeof(r.user), "%s", s->user);
	snprintf(r.address, sizeof(r.address), "%s", s->address);
	snprintf(r.action, sizeof(r.action), "%s", a->action);
	snprintf(r.token, sizeof(r.token), "%s", a->token ? a->token : "");
	buf_put(&r.detail, a->detail, n);
	detail = buf_cstr(&r.detail);
	rc = detail ? audit_head(s, &before, e) : err_nomem(e);
	if (!rc) {
		r.number = before.number + 1;
		rc = row_hash(r.hash, &r, before.hash, e);
	}
	if (!rc)
		rc = insert(s, &r, detail, e);
	buf_free(&r.detail);
	return rc;
}

int audit_putf(struct store *s, const char *action, struct err *e, const char *fmt, ...)
{
	char text[1024];
	const struct audit_entry a = {.action = action, .accepted = true, .detail = text};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return audit_put(s, &a, e);
}

int audit_add(struct store *s, const struct audit_entry *a, struct err *e)
{
	if (store_begin(s, e))
		return (int)e->kind;
	return store_end(s, audit_put(s, a, e), e);
}

/* ---- reading ---- */

/* False if the text did not fit as it is: nobody of ours has written that. */
static bool take_text(struct query *q, char *to, size_t size)
{
	query_text(q, to, size);
	return strlen(to) == (size_t)sqlite3_column_bytes(q->st, q->at - 1);
}

static void take_row(struct query *q, struct audit_row *r)
{
	r->number = query_int(q);
	r->time = query_int(q);
	r->accepted = query_int(q) != 0;
	r->whole = take_text(q, r->user, sizeof(r->user));
	r->whole &= take_text(q, r->address, sizeof(r->address));
	r->whole &= take_text(q, r->action, sizeof(r->action));
	r->whole &= take_text(q, r->token, sizeof(r->token));
	r->detail.len = 0;
	query_blob(q, &r->detail);
	take_hash(q, r->hash);
	if (r->detail.bad)
		q->rc = SQLITE_NOMEM;
}

int audit_read(struct store *s, int64_t after, size_t limit, audit_row_fn *fn, void *arg,
	       struct err *e)
{
	struct audit_row r = {0};
	struct err ignored;
	struct query q;
	int stop = 0;
	int rc;

	query_start(&q, s,
		    "SELECT number, time, accepted, user, address, action, token, detail, hash"
		    " FROM audit WHERE number > ? ORDER BY number LIMIT ?");
	query_put_int(&q, after);
	query_put_int(&q, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
	while (!stop && query_row(&q)) {
		take_row(&q, &r);
		if (q.rc == SQLITE_ROW)
			stop = fn(&r, arg, e);
	}
	rc = query_end(&q, "read the audit log", stop ? &ignored : e);
	buf_free(&r.detail);
	return stop ? stop : rc;
}

/* ---- verifying ---- */

struct verification {
	struct audit_head head; /* the last good row */
	const struct audit_head *known;
	size_t nknown;
};

static int check_known(const struct verification *v, const struct audit_row *r, struct err *e)
{
	for (size_t i = 0; i < v->nknown; i++)
		if (v->known[i].number == r->number &&
		    memcmp(v->known[i].hash, r->hash, AUDIT_HASH_LEN) != 0)
			return err_set(e, ERR_REFUSED, "audit-changed",
				       "row %lld of the audit log is not the one whose hash was "
				       "kept: the log was written anew from there or before",
				       (long long)r->number);
	return 0;
}

static int check_row(const struct audit_row *r, void *arg, struct err *e)
{
	struct verification *v = arg;
	uint8_t want[AUDIT_HASH_LEN];
	const int64_t next = v->head.number + 1;

	if (r->number != next && r->number == next + 1)
		return err_set(e, ERR_REFUSED, "audit-removed",
			       "row %lld of the audit log is missing", (long long)next);
	if (r->number != next)
		return err_set(e, ERR_REFUSED, "audit-removed",
			       "rows %lld to %lld of the audit log are missing", (long long)next,
			       (long long)r->number - 1);
	if (row_hash(want, r, v->head.hash, e))
		return (int)e->kind;
	if (!r->whole || memcmp(want, r->hash, AUDIT_HASH_LEN) != 0)
		return err_set(e, ERR_REFUSED, "audit-changed",
			       "row %lld of the audit log was changed, or put in another's place",
			       (long long)r->number);
	if (check_known(v, r, e))
		return (int)e->kind;
	v->head.number = r->number;
	memcpy(v->head.hash, r->hash, AUDIT_HASH_LEN);
	return 0;
}

int audit_verify(struct store *s, const struct audit_head *known, size_t nknown,
		 struct audit_head *head, struct err *e)
{
	struct verification v = {.known = known, .nknown = nknown};
	int rc = audit_read(s, INT64_MIN, SIZE_MAX, check_row, &v, e);

	*head = v.head;
	for (size_t i = 0; !rc && i < nknown; i++)
		if (known[i].number > head->number)
			rc = err_set(e, ERR_REFUSED, "audit-truncated",
				     "the audit log ends with row %lld; row %lld was there once",
				     (long long)head->number, (long long)known[i].number);
	return rc;
}
