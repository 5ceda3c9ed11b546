/* Phones in the store: reading and finding. */
#include "server/store/params.h"
#include "server/store/phone_priv.h"
#include "server/store/seal.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store_phone_free(struct store_phone *p)
{
	free(p->lines);
	store_values_free(&p->values);
	buf_free(&p->lsc);
	buf_free(&p->mic);
	*p = (struct store_phone){0};
}

int phone_refuse_unknown(const char *name, struct err *e)
{
	err_set(e, ERR_FAILED, "no-phone", "there is no phone \"%.40s\"", name);
	return err_hint(e, "\"ctladmin phone list\" shows them");
}

/* ---- one phone ---- */

#define STAMP "max(p.version, r.version, coalesce(t.version, 0), coalesce(u.version, 0))"
#define RESET_PENDING                                                                              \
	"(n.stamp IS NULL OR n.stamp < " STAMP                                                     \
	" OR n.generation <> (SELECT coalesce(max(generation), 0) FROM active))"
#define PHONE_COLUMNS                                                                              \
	"p.id, p.name, p.model, p.protocol, p.description, p.owner, r.name, t.name, u.name,"       \
	" p.load, p.capf_operation, p.capf_status, p.capf_by, p.capf_detail,"                      \
	" p.auth_string <> x'', p.key <> x'', p.lsc, p.mic, p.version,"                            \
	" n.file, n.address, n.outcome, n.time, n.stamp, n.generation, " STAMP ", " RESET_PENDING
#define PHONE_TABLES                                                                               \
	" FROM phones p JOIN profiles r ON r.id = p.profile"                                       \
	" LEFT JOIN templates t ON t.id = p.template"                                              \
	" LEFT JOIN digest_users u ON u.id = p.digest_user"                                        \
	" LEFT JOIN phone_seen n ON n.phone = p.id"

static void take_seen(struct query *q, struct store_phone *p)
{
	snprintf(p->seen.device, sizeof(p->seen.device), "%s", p->name);
	query_text(q, p->seen.file, sizeof(p->seen.file));
	query_text(q, p->seen.address, sizeof(p->seen.address));
	query_text(q, p->seen.outcome, sizeof(p->seen.outcome));
	p->seen.time = query_int(q);
	p->seen.stamp = query_int(q);
	p->seen.generation = query_int(q);
}

static void take_phone(struct query *q, struct store_phone *p)
{
	*p = (struct store_phone){.id = query_int(q)};
	query_text(q, p->name, sizeof(p->name));
	query_text(q, p->model, sizeof(p->model));
	p->protocol = (enum device_protocol)query_int(q);
	query_text(q, p->description, sizeof(p->description));
	query_text(q, p->owner, sizeof(p->owner));
	query_text(q, p->profile, sizeof(p->profile));
	query_text(q, p->template_name, sizeof(p->template_name));
	query_text(q, p->digest_user, sizeof(p->digest_user));
	query_text(q, p->load, sizeof(p->load));
	p->capf.operation = (enum store_capf_operation)query_int(q);
	p->capf.status = (enum store_capf_status)query_int(q);
	p->capf.by = query_int(q);
	query_text(q, p->capf.detail, sizeof(p->capf.detail));
	p->capf.has_string = query_int(q) != 0;
	p->has_key = query_int(q) != 0;
	query_blob(q, &p->lsc);
	query_blob(q, &p->mic);
	p->version = query_int(q);
	take_seen(q, p);
	p->stamp = query_int(q);
	p->reset_pending = query_int(q) != 0;
	if (p->lsc.bad || p->mic.bad)
		q->rc = SQLITE_NOMEM;
}

static int read_lines(struct store *s, struct store_phone *p, struct err *e)
{
	struct store_line *grown, *l;
	struct query q;

	query_start(&q, s,
		    "SELECT dn, label, display FROM phone_lines WHERE phone = ? ORDER BY position");
	query_put_int(&q, p->id);
	while (query_row(&q)) {
		grown = realloc(p->lines, (p->nlines + 1) * sizeof(*grown));
		if (!grown) {
			q.rc = SQLITE_NOMEM;
			break;
		}
		p->lines = grown;
		l = &grown[p->nlines++];
		query_text(&q, l->dn, sizeof(l->dn));
		query_text(&q, l->label, sizeof(l->label));
		query_text(&q, l->display, sizeof(l->display));
	}
	return query_end(&q, "read the lines of the phone", e);
}

/* What other tables have. */
static int complete(struct store *s, struct store_phone *p, struct err *e)
{
	const int rc = read_lines(s, p, e);

	return rc ? rc
		  : params_read(s, &(struct params_owner){.phone_id = p->id}, &p->values, false, e);
}

int store_phone_get(struct store *s, const char *name, struct store_phone *p, bool *found,
		    struct err *e)
{
	struct query q;
	int rc;

	*p = (struct store_phone){0};
	query_start(&q, s, "SELECT " PHONE_COLUMNS PHONE_TABLES " WHERE p.name = ?");
	query_put_text(&q, name);
	*found = query_row(&q);
	if (*found)
		take_phone(&q, p);
	rc = query_end(&q, "look up the phone", e);
	if (!rc && *found)
		rc = complete(s, p, e);
	if (rc)
		store_phone_free(p);
	return rc;
}

int phone_need(struct store *s, const char *name, struct store_phone *p, struct err *e)
{
	bool found;
	const int rc = store_phone_get(s, name, p, &found, e);

	return rc || found ? rc : phone_refuse_unknown(name, e);
}

/* ---- finding ---- */

enum { PATTERN_MAX = 3 * STORE_TEXT_MAX };

/* A pattern of ours as one of GLOB's, in lower case: [ is no wildcard here. "" matches all. */
static const char *pattern(char out[PATTERN_MAX], const char *text)
{
	size_t n = 0;

	if (!text)
		return "*";
	for (; *text && n + 4 < PATTERN_MAX; text++) {
		if (*text == '[')
			n += (size_t)snprintf(out + n, PATTERN_MAX - n, "[[]");
		else
			out[n++] = (char)tolower((unsigned char)*text);
	}
	out[n] = '\0';
	return out;
}

/* The patterns and the mark must live as long as the query runs. */
struct search {
	char name[PATTERN_MAX], description[PATTERN_MAX], owner[PATTERN_MAX], dn[PATTERN_MAX];
	uint8_t mark[SEAL_MARK_LEN];
};

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void put_filter(struct query *q, struct search *at, const struct store_phone_filter *f)
{
	query_put_text(q, or_empty(f->after));
	query_put_text(q, pattern(at->name, f->name));
	query_put_text(q, pattern(at->description, f->description));
	query_put_text(q, pattern(at->owner, f->owner));
	query_put_text(q, or_empty(f->model));
	query_put_int(q, f->protocol);
	query_put_text(q, or_empty(f->profile));
	query_put_text(q, or_empty(f->template_name));
	query_put_text(q, or_empty(f->digest_user));
	query_put_int(q, f->cert);
	query_put_int(q, f->capf_status);
	query_put_blob(q, span_of(at->mark, f->auth_string ? sizeof(at->mark) : 0));
	query_put_text(q, f->dn ? pattern(at->dn, f->dn) : "");
	query_put_int(q, f->reset_pending);
	query_put_int(q, f->limit ? (int64_t)f->limit : -1);
}

static const char find_sql[] =
	"SELECT " PHONE_COLUMNS PHONE_TABLES " WHERE p.name > ?1"
	" AND lower(p.name) GLOB ?2 AND lower(p.description) GLOB ?3 AND lower(p.owner) GLOB ?4"
	" AND (?5 = '' OR p.model = ?5 COLLATE NOCASE) AND (?6 = 0 OR p.protocol = ?6)"
	" AND (?7 = '' OR r.name = ?7) AND (?8 = '' OR t.name = ?8) AND (?9 = '' OR u.name = ?9)"
	" AND CASE ?10 WHEN 1 THEN p.lsc = x'' AND p.mic = x'' WHEN 2 THEN p.lsc <> x''"
	"  WHEN 3 THEN p.mic <> x'' ELSE 1 END"
	" AND (?11 < 0 OR p.capf_status = ?11) AND (?12 = x'' OR p.auth_mark = ?12)"
	" AND (?13 = '' OR EXISTS (SELECT 1 FROM phone_lines l"
	"  WHERE l.phone = p.id AND lower(l.dn) GLOB ?13))"
	" AND (?14 = 0 OR " RESET_PENDING ")"
	" ORDER BY p.name LIMIT ?15";

static int call(struct query *q, store_phone_fn *fn, void *arg, struct err *e)
{
	struct store_phone p;
	int rc;

	take_phone(q, &p);
	rc = q->rc == SQLITE_NOMEM ? err_nomem(e) : complete(q->s, &p, e);
	if (!rc)
		rc = fn(&p, arg, e);
	store_phone_free(&p);
	return rc;
}

int store_phone_find(struct store *s, const struct store_phone_filter *f, store_phone_fn *fn,
		     void *arg, struct err *e)
{
	const struct span text =
		span_of(or_empty(f->auth_string), strlen(or_empty(f->auth_string)));
	struct search *at = calloc(1, sizeof(*at));
	struct err ignored;
	struct query q;
	int rc, end;

	if (!at)
		return err_nomem(e);
	rc = f->auth_string ? seal_mark(s, at->mark, "authentication string", text, e) : 0;
	if (!rc) {
		query_start(&q, s, find_sql);
		put_filter(&q, at, f);
		while (!rc && query_row(&q))
			rc = call(&q, fn, arg, e);
		end = query_end(&q, "look for phones", rc ? &ignored : e);
		rc = rc ? rc : end;
	}
	free(at);
	return rc;
}
