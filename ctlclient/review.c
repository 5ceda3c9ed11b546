#include "ctlclient/review.h"

#include "common/hex.h"
#include "common/i18n.h"
#include "common/text.h"
#include "ctlclient/impact.h"
#include "ctlclient/words.h"
#include "trustfile/cert.h"
#include "trustfile/diff.h"

#include <arpa/inet.h>
#include <string.h>

enum { WORDS_SHORT = 5, WORDS_LONG = 8 }; /* words in a line: 4 lines for SHA-1, 8 for SHA-512 */

/* Appends text (lines) indented. */
static void put_indented(struct buf *b, const struct buf *text)
{
	const char *p = (const char *)text->data;
	size_t left = text->len;

	while (left) {
		const char *nl = memchr(p, '\n', left);
		const size_t n = nl ? (size_t)(nl - p) + 1 : left;

		buf_str(b, "  ");
		buf_put(b, p, n);
		p += n;
		left -= n;
	}
}

static int put_difference(struct buf *b, const struct review *r, struct err *e)
{
	struct tl_diff d;
	struct buf text = {0};
	int rc = tl_diff(&d, r->old, r->neu, e);

	if (rc)
		return rc;
	tl_diff_text(&text, &d);
	buf_str(b, r->old ? _("What changes:\n") : _("What the first list holds:\n"));
	put_indented(b, &text);
	b->bad |= text.bad;
	buf_free(&text);
	tl_diff_free(&d);
	return 0;
}

static void put_serial(struct buf *b, const struct tl_record *r)
{
	text_printable(b, tl_text(r->subject));
	buf_str(b, _("\n    serial "));
	hex_upper(b, r->serial, ':');
	buf_u8(b, '\n');
}

static void put_sha256(struct buf *b, const X509 *cert)
{
	struct buf sha256 = {0};

	cert_sha256(&sha256, cert);
	buf_str(b, "    SHA-256 ");
	hex_upper(b, buf_view(&sha256), ':');
	buf_u8(b, '\n');
	b->bad |= sha256.bad;
	buf_free(&sha256);
}

static void put_signers(struct buf *b, const struct review *r)
{
	const struct tl_record *signer = tl_signer_in(r->neu, r->neu, false);

	buf_str(b, _("Who may sign from now on:\n"));
	for (size_t i = 0; i < r->neu->n; i++) {
		const struct tl_record *rec = &r->neu->records[i];
		const struct desk_cert *here = rec->cert ? at_desk_has(r->here, rec->cert) : NULL;

		if (rec->role != TL_SAST)
			continue;
		buf_str(b, rec == signer ? "* " : "  ");
		put_serial(b, rec);
		if (rec->cert)
			put_sha256(b, rec->cert);
		if (here)
			buf_printf(b, _("    at this desk: %s, key in %s\n"), here->where,
				   here->software ? _("SOFTWARE") : _("the token"));
		else
			buf_str(b, _("    not at this desk\n"));
	}
	buf_str(b, _("  (* signs this list)\n"));
}

static void put_servers(struct buf *b, const struct tl *l)
{
	char ip[INET_ADDRSTRLEN];
	char scratch[16];

	buf_str(b, _("Servers that phones trust from now on:\n"));
	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (r->role == TL_SAST)
			continue;
		buf_printf(b, "  %s ", tl_role_label(r->role, scratch));
		text_printable(b, tl_text(r->dns));
		if (r->ip.len == TL_IP_LEN && inet_ntop(AF_INET, r->ip.data, ip, sizeof(ip)))
			buf_printf(b, " (%s)", ip);
		if (!r->cert) {
			buf_str(b, _(", without certificate\n"));
			continue;
		}
		buf_u8(b, '\n');
		put_sha256(b, r->cert);
	}
}

static void put_phones(struct buf *b, const struct review *r)
{
	const struct impact im = impact_of(r->old, r->neu);
	struct buf text = {0};

	impact_text(&text, &im);
	impact_reach(&text, &im, r->history);
	buf_str(b, _("Phones:\n"));
	put_indented(b, &text);
	b->bad |= text.bad;
	buf_free(&text);
}

static int put_digest(struct buf *b, const struct tl *l, struct err *e)
{
	struct buf digest = {0};
	const bool sha1 = l->digest == TL_SHA1;
	int rc = tl_signed_digest(&digest, l, e);

	if (!rc) {
		buf_printf(b, _("digest:  %s "), sha1 ? "SHA-1" : "SHA-512");
		hex_lower(b, buf_view(&digest), 0);
		buf_str(b, _("\nin words:\n"));
		words_put(b, buf_view(&digest), sha1 ? WORDS_SHORT : WORDS_LONG, "  ");
	}
	buf_free(&digest);
	return rc;
}

int review_text(struct buf *b, const struct review *r, struct err *e)
{
	int rc = put_difference(b, r, e);

	if (rc)
		return rc;
	put_signers(b, r);
	put_servers(b, r->neu);
	put_phones(b, r);
	buf_printf(b, _("mode:    %s\n"), tl_is_nonsecure(r->neu) ? _("non-secure") : _("mixed"));
	buf_printf(b, _("signer:  %s\n"), r->signer);
	rc = put_digest(b, r->neu, e);
	return !rc && b->bad ? err_nomem(e) : rc;
}
