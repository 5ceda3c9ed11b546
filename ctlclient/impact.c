#include "ctlclient/impact.h"

#include "common/hex.h"
#include "common/i18n.h"
#include "common/text.h"
#include "trustfile/cert.h"

#include <string.h>

static bool is_token(const struct tl_record *r)
{
	return r->role == TL_SAST && r->cert;
}

static bool has_key(const struct tl *l, const X509 *cert)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_token(&l->records[i]) &&
		    span_eq(cert_pubkey(l->records[i].cert), cert_pubkey(cert)))
			return true;
	return false;
}

static size_t count_not_in(const struct tl *l, const struct tl *other)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += is_token(&l->records[i]) && !has_key(other, l->records[i].cert);
	return n;
}

struct impact impact_of(const struct tl *old, const struct tl *neu)
{
	struct impact im = {.old = old, .neu = neu};

	for (size_t i = 0; i < neu->n; i++) {
		const struct tl_record *r = &neu->records[i];

		if (!is_token(r))
			continue;
		if (old && has_key(old, r->cert))
			im.kept++;
		else
			im.added++;
	}
	if (old) {
		im.removed = count_not_in(old, neu);
		im.follows = tl_signer_in(old, neu, false) != NULL;
	}
	return im;
}

static void put_token(struct buf *b, const struct tl_record *r)
{
	text_printable(b, tl_text(r->subject));
	buf_str(b, _(" (serial "));
	hex_upper(b, r->serial, ':');
	buf_u8(b, ')');
}

static void text_of_kept(struct buf *b, const struct impact *im)
{
	if (!im->kept) {
		buf_str(b, _("WARNING: no token of the present list remains. Phones that miss this "
			     "list follow none of the\nlater ones: their list has to be deleted by "
			     "hand, phone by phone\n"));
		return;
	}
	if (im->kept > 1 || !im->removed)
		return;
	for (size_t i = 0; i < im->neu->n; i++) {
		const struct tl_record *r = &im->neu->records[i];

		if (!is_token(r) || !has_key(im->old, r->cert))
			continue;
		buf_str(b, _("WARNING: of the present list's tokens only "));
		put_token(b, r);
		buf_str(b, _(" remains.\nPhones that miss this list follow later ones only if that "
			     "token signs them: keep it safe until\nall phones have this list\n"));
		return;
	}
}

static void text_of_removed(struct buf *b, const struct impact *im)
{
	for (size_t i = 0; i < im->old->n; i++) {
		const struct tl_record *r = &im->old->records[i];

		if (!is_token(r) || has_key(im->neu, r->cert))
			continue;
		buf_str(b, _("phones that have this list refuse whatever "));
		put_token(b, r);
		buf_str(b, _(" signs\n"));
	}
}

void impact_text(struct buf *b, const struct impact *im)
{
	if (!im->old) {
		buf_str(b, _("phones without a trust list take this one, whoever signed it\n"
			     "phones that still have the list of another cluster refuse it: delete "
			     "theirs by hand\n"));
		return;
	}
	if (im->follows)
		buf_str(b, _("phones that have the present list follow: "));
	else
		buf_str(b,
			_("WARNING: NO phone that has the present list follows: it does not know "
			  "the signer "));
	tl_signer_text(b, im->neu);
	buf_str(b, im->follows ? _(" is one of its tokens\n") : _(" as a token\n"));
	if (im->follows)
		buf_str(b, _("phones that missed lists follow if that token is in the list they "
			     "have\n"));
	text_of_kept(b, im);
	text_of_removed(b, im);
}

/* True if the line is of the form "+ SAST CN=..  serial AA:BB" with that serial number: the form of
 * tl_diff_text(). */
static bool line_adds(const char *line, size_t n, struct span serial)
{
	static const char head[] = "+ SAST ";
	static const char mark[] = "  serial ";
	const char *at = NULL;
	struct buf bytes = {0};
	bool same;

	if (n < sizeof(head) || strncmp(line, head, sizeof(head) - 1) != 0)
		return false;
	for (const char *p = line; (p = memmem(p, n - (size_t)(p - line), mark, sizeof(mark) - 1));
	     p++)
		at = p + sizeof(mark) - 1;
	same = at && hex_parse(&bytes, at, n - (size_t)(at - line)) &&
	       tl_serial_eq(buf_view(&bytes), serial);
	buf_free(&bytes);
	return same;
}

static bool difference_adds(const char *text, struct span serial)
{
	while (text && *text) {
		const size_t n = strcspn(text, "\n");

		if (line_adds(text, n, serial))
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

/* The generation in which the token came into the list, looking back from the newest; 0 if the
 * history does not tell. */
static json_int_t since(json_t *history, struct span serial)
{
	json_t *g;
	size_t i;

	json_array_foreach(json_object_get(history, "generations"), i, g)
	{
		const char *text = json_string_value(json_object_get(g, "difference"));

		if (difference_adds(text, serial))
			return json_integer_value(json_object_get(g, "generation"));
	}
	return 0;
}

/* The token of the old list that has been in it for longest, if longer than since first. */
static const struct tl_record *older_token(const struct tl *old, json_t *history, json_int_t *first)
{
	const struct tl_record *best = NULL;

	for (size_t i = 0; i < old->n; i++) {
		const struct tl_record *r = &old->records[i];
		const json_int_t g = is_token(r) ? since(history, r->serial) : 0;

		if (g < 1 || g >= *first)
			continue;
		best = r;
		*first = g;
	}
	return best;
}

void impact_reach(struct buf *b, const struct impact *im, json_t *history)
{
	const struct tl_record *signer = im->old ? tl_signer_in(im->old, im->neu, false) : NULL;
	const json_int_t from = signer ? since(history, signer->serial) : 0;
	const struct tl_record *other;
	json_int_t first = from;

	if (from < 1)
		return;
	if (from == 1) {
		buf_str(b,
			_("phones that have any list of this cluster follow: the signer has been "
			  "in it since generation 1\n"));
		return;
	}
	buf_printf(b,
		   _("phones that have generation %lld or a later one follow; the signer came into "
		     "the list then\n"
		     "phones that have not been here since before generation %lld do NOT follow\n"),
		   (long long)from, (long long)from);
	other = older_token(im->old, history, &first);
	if (!other)
		return;
	buf_str(b, _("to reach those too, sign with "));
	put_token(b, other);
	buf_printf(b, _(", in the list since generation %lld\n"), (long long)first);
}
