#include "trustfile/diff.h"

#include "common/hex.h"
#include "common/text.h"
#include "trustfile/cert.h"
#include "trustfile/record.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* A record while partners are sought. */
struct item {
	const struct tl_record *r;
	bool bare;                 /* neither certificate nor hash of one */
	uint8_t sha1[TL_HASH_LEN]; /* of the certificate, unless bare */
	bool paired;
};

struct items {
	struct item *v;
	size_t n;
};

typedef bool pair_fn(const struct item *a, const struct item *b);

static int items_of(struct items *items, const struct tl *l, struct err *e)
{
	struct buf sha1 = {0};
	int rc;

	*items = (struct items){0};
	if (!l)
		return 0;
	items->v = calloc(l->n, sizeof(*items->v));
	if (!items->v)
		return err_nomem(e);
	items->n = l->n;
	for (size_t i = 0; i < l->n; i++) {
		struct item *it = &items->v[i];

		it->r = &l->records[i];
		it->bare = !it->r->cert && !it->r->hash.data;
		sha1.len = 0;
		if (it->r->cert)
			cert_sha1(&sha1, it->r->cert);
		else
			buf_span(&sha1, it->r->hash);
		if (sha1.len == sizeof(it->sha1))
			memcpy(it->sha1, sha1.data, sizeof(it->sha1));
	}
	rc = sha1.bad ? err_nomem(e) : 0;
	buf_free(&sha1);
	return rc;
}

/* Certificates are compared whole where both are at hand, as SHA-1 can be fooled. */
static bool same_cert(const struct item *a, const struct item *b)
{
	if (a->bare || b->bare)
		return a->bare && b->bare;
	if (a->r->cert && b->r->cert)
		return span_eq(a->r->der, b->r->der);
	return !memcmp(a->sha1, b->sha1, sizeof(a->sha1));
}

static bool same_address(const struct item *a, const struct item *b)
{
	return span_eq(tl_text(a->r->dns), tl_text(b->r->dns)) && span_eq(a->r->ip, b->r->ip);
}

static bool is_any_ip(struct span ip)
{
	static const uint8_t zeros[TL_IP_LEN];

	return span_eq(ip, span_of(zeros, sizeof(zeros)));
}

/* The name decides; without one, the address. Tokens have neither. */
static bool same_host(const struct item *a, const struct item *b)
{
	const struct span dns = tl_text(a->r->dns);

	if (dns.len || tl_text(b->r->dns).len)
		return span_eq(dns, tl_text(b->r->dns));
	return a->r->ip.len && !is_any_ip(a->r->ip) && span_eq(a->r->ip, b->r->ip);
}

static bool pair_unchanged(const struct item *a, const struct item *b)
{
	return same_cert(a, b) && same_address(a, b);
}

static bool pair_moved(const struct item *a, const struct item *b)
{
	return !a->bare && same_cert(a, b);
}

static void change_add(struct tl_diff *d, enum tl_change_kind kind, const struct tl_record *before,
		       const struct tl_record *after)
{
	d->changes[d->n++] = (struct tl_change){kind, before, after};
}

static enum tl_change_kind kind_of(const struct item *a, const struct item *b)
{
	if (same_cert(a, b))
		return TL_READDRESSED;
	if (b->bare)
		return TL_BARED;
	return a->bare ? TL_CERTIFIED : TL_RECERTIFIED;
}

/* Pairs what is left on both sides and fits; notes the change unless the pair is unchanged. */
static void pair_up(struct tl_diff *d, struct items *before, struct items *after, pair_fn *fits)
{
	for (size_t i = 0; i < after->n; i++) {
		struct item *b = &after->v[i];

		for (size_t j = 0; j < before->n && !b->paired; j++) {
			struct item *a = &before->v[j];

			if (a->paired || a->r->role != b->r->role || !fits(a, b))
				continue;
			a->paired = b->paired = true;
			if (!pair_unchanged(a, b))
				change_add(d, kind_of(a, b), a->r, b->r);
		}
	}
}

static void note_rest(struct tl_diff *d, const struct items *before, const struct items *after)
{
	for (size_t i = 0; i < before->n; i++) {
		if (!before->v[i].paired)
			change_add(d, TL_REMOVED, before->v[i].r, NULL);
	}
	for (size_t i = 0; i < after->n; i++) {
		if (!after->v[i].paired)
			change_add(d, TL_ADDED, NULL, after->v[i].r);
	}
}

int tl_diff(struct tl_diff *d, const struct tl *before, const struct tl *after, struct err *e)
{
	struct items a = {0}, b = {0};
	int rc;

	*d = (struct tl_diff){0};
	rc = items_of(&a, before, e);
	if (!rc)
		rc = items_of(&b, after, e);
	if (rc)
		goto out;
	/* At worst, all are taken out and all are new; never zero, for calloc(). */
	d->changes = calloc(a.n + b.n + 1, sizeof(*d->changes));
	if (!d->changes) {
		rc = err_nomem(e);
		goto out;
	}
	pair_up(d, &a, &b, pair_unchanged);
	pair_up(d, &a, &b, pair_moved);
	pair_up(d, &a, &b, same_host);
	note_rest(d, &a, &b);
	if (before) {
		d->signer_changed = !span_eq(before->signer_issuer, after->signer_issuer) ||
				    !tl_serial_eq(before->signer_serial, after->signer_serial);
		d->mode_changed = tl_is_nonsecure(before) != tl_is_nonsecure(after);
	}
out:
	free(a.v);
	free(b.v);
	return rc;
}

void tl_diff_free(struct tl_diff *d)
{
	free(d->changes);
	*d = (struct tl_diff){0};
}

static void put_ip(struct buf *b, struct span ip)
{
	char text[INET_ADDRSTRLEN];

	if (ip.len == TL_IP_LEN && inet_ntop(AF_INET, ip.data, text, sizeof(text)))
		buf_str(b, text);
	else
		hex_lower(b, ip, ':');
}

/* "pub (10.1.1.10)", or the part of it that there is; nothing for a token. */
static void put_host(struct buf *b, const struct tl_record *r)
{
	const struct span dns = tl_text(r->dns);
	const bool ip = r->ip.len && !is_any_ip(r->ip);

	text_printable(b, dns);
	if (dns.len && ip)
		buf_str(b, " (");
	if (ip)
		put_ip(b, r->ip);
	if (dns.len && ip)
		buf_u8(b, ')');
}

static void put_cert(struct buf *b, const struct tl_record *r)
{
	if (!r->subject.data && !r->serial.data) {
		buf_str(b, "without certificate");
		return;
	}
	text_printable(b, tl_text(r->subject));
	buf_str(b, "  serial ");
	hex_upper(b, r->serial, ':');
}

static void put_record(struct buf *b, const char *sign, const struct tl_record *r)
{
	char scratch[16];
	size_t start;

	buf_printf(b, "%s %s ", sign, tl_role_label(r->role, scratch));
	start = b->len;
	put_host(b, r);
	if (b->len > start)
		buf_str(b, "  ");
}

static void put_change(struct buf *b, const struct tl_change *c)
{
	switch (c->kind) {
	case TL_ADDED:
		put_record(b, "+", c->after);
		put_cert(b, c->after);
		break;
	case TL_REMOVED:
		put_record(b, "-", c->before);
		put_cert(b, c->before);
		break;
	case TL_RECERTIFIED:
		put_record(b, "~", c->after);
		buf_str(b, "new certificate ");
		put_cert(b, c->after);
		buf_str(b, "  was ");
		put_cert(b, c->before);
		break;
	case TL_READDRESSED:
		put_record(b, "~", c->after);
		buf_str(b, "was at ");
		put_host(b, c->before);
		break;
	case TL_BARED:
		put_record(b, "~", c->after);
		buf_str(b, "certificate taken out: ");
		put_cert(b, c->before);
		break;
	case TL_CERTIFIED:
		put_record(b, "~", c->after);
		buf_str(b, "certificate put in: ");
		put_cert(b, c->after);
		break;
	}
	buf_u8(b, '\n');
}

void tl_diff_text(struct buf *b, const struct tl_diff *d)
{
	if (!d->n)
		buf_str(b, "no difference in the records\n");
	for (size_t i = 0; i < d->n; i++)
		put_change(b, &d->changes[i]);
}
