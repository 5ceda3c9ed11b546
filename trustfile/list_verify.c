#include "common/hex.h"
#include "common/text.h"
#include "trustfile/list.h"

#include <string.h>

static struct span strip_zeros(struct span s)
{
	while (s.len && !s.data[0]) {
		s.data++;
		s.len--;
	}
	return s;
}

bool tl_serial_eq(struct span a, struct span b)
{
	return span_eq(strip_zeros(a), strip_zeros(b));
}

struct span tl_text(struct span name)
{
	while (name.len && !name.data[name.len - 1])
		name.len--;
	return name;
}

void tl_signer_text(struct buf *b, const struct tl *l)
{
	text_printable(b, tl_text(l->signer_name));
	buf_str(b, " (serial ");
	hex_upper(b, l->signer_serial, ':');
	buf_u8(b, ')');
}

int tl_signed_digest(struct buf *b, const struct tl *l, struct err *e)
{
	return tf_digest_file(b, l->digest, l->raw, l->sig_at, l->signature.len, e);
}

int tl_verify_with(const struct tl *l, const X509 *cert, struct err *e)
{
	struct buf digest = {0};
	int rc = tl_signed_digest(&digest, l, e);

	if (!rc)
		rc = tf_signature_check(cert, l->digest, buf_view(&digest), l->signature,
					"ctl-signature", e);
	buf_free(&digest);
	return rc;
}

/* A record without serial number is not one with the number zero. */
static bool names_signer(const struct tl_record *r, const struct tl *by)
{
	return r->serial.data && tl_serial_eq(r->serial, by->signer_serial) &&
	       span_eq(r->issuer, by->signer_issuer);
}

const struct tl_record *tl_record_of_signer(const struct tl *l, const struct tl *by)
{
	for (size_t i = 0; i < l->n; i++) {
		if (names_signer(&l->records[i], by))
			return &l->records[i];
	}
	return NULL;
}

const struct tl_record *tl_signer_in(const struct tl *l, const struct tl *by, bool verify)
{
	const struct tl_record *found = NULL;
	struct buf digest = {0};
	struct err e;

	if (verify && tl_signed_digest(&digest, by, &e))
		goto out;
	for (size_t i = 0; !found && i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (r->role != TL_SAST || !r->cert || !names_signer(r, by))
			continue;
		if (!verify || !tf_signature_check(r->cert, by->digest, buf_view(&digest),
						   by->signature, "ctl-signature", &e))
			found = r;
	}
out:
	buf_free(&digest);
	return found;
}

static int refuse_name(const struct tl *l, const char *filename, struct err *e)
{
	struct buf shown = {0};
	const char *name;

	text_printable(&shown, tl_text(l->filename));
	name = buf_cstr(&shown);
	err_set(e, ERR_REFUSED, "ctl-name",
		"the file calls itself \"%s\", but \"%s\" is expected here", name ? name : "",
		filename);
	buf_free(&shown);
	return ERR_REFUSED;
}

static int refuse_signer(const struct tl *l, struct err *e)
{
	const struct tl_record *other = tl_record_of_signer(l, l);
	struct buf shown = {0};
	const char *signer;
	char scratch[16];

	tl_signer_text(&shown, l);
	signer = buf_cstr(&shown);
	err_set(e, ERR_REFUSED, "ctl-signer",
		"the signer %s is not among the list's own SAST records", signer ? signer : "");
	buf_free(&shown);
	if (!other)
		err_hint(e,
			 "a list must contain its signer as SAST, or phones could never update it");
	else if (other->role == TL_SAST)
		err_hint(e, "its SAST record has no certificate to check the signature with");
	else
		err_hint(e, "it is listed as %s only; to sign it must be listed as SAST as well",
			 tl_role_label(other->role, scratch));
	return ERR_REFUSED;
}

int tl_verify(const struct tl *l, const char *filename, struct err *e)
{
	const struct tl_record *named;

	/* The NUL counts on both sides. */
	if (!span_eq(l->filename, span_of(filename, strlen(filename) + 1)))
		return refuse_name(l, filename, e);
	if (tl_signer_in(l, l, true))
		return 0;
	named = tl_signer_in(l, l, false);
	return named ? tl_verify_with(l, named->cert, e) : refuse_signer(l, e);
}
