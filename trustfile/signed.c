#include "trustfile/signed.h"

#include "common/hex.h"
#include "common/text.h"
#include "trustfile/cert.h"

#include <string.h>

/* ---- build ---- */

static bool may_sign_files(const struct tl_record *r)
{
	return r->role == TL_TFTP || r->role == TL_CCM_TFTP;
}

/* The words by which the header names its signer: of the record in plan->list, if there is one. */
static int words_of(struct tf_words *w, const struct sgn_plan *plan, struct err *e)
{
	for (size_t i = 0; plan->list && i < plan->list->n; i++) {
		const struct tl_record *r = &plan->list->records[i];

		if (!may_sign_files(r) || !r->cert || X509_cmp(r->cert, plan->signer) != 0)
			continue;
		if (r->subject.data && r->serial.data && r->issuer.data) {
			tf_words_copy(w, r->subject, r->serial, r->issuer);
			return 0;
		}
	}
	return tf_words_of(w, plan->signer, e);
}

/* The signer never hands out what it could not read back, as far as that goes without the key of a
 * phone. */
static int check(struct span file, const struct sgn_plan *plan, enum tf_kind kind, struct err *e)
{
	struct sgn s;
	int rc = sgn_parse(&s, file, kind, e);

	if (!rc && !plan->checked)
		rc = sgn_verify_with(&s, plan->signer, plan->filename, e);
	return rc ? err_wrap(e, "the new file fails its own check") : 0;
}

int sgn_seal(struct buf *out, const struct sgn_plan *plan, const struct sgn_rest *rest,
	     tl_sign_fn *sign, void *arg, struct err *e)
{
	const size_t start = out->len;
	struct tf_words words = {0};
	const struct tf_seal seal = {
		.version = rest->kind == TF_SGN ? TF_VERSION_SGN : TF_VERSION_ENC,
		.signer = plan->signer,
		.words = &words,
		.digest = plan->digest,
		.filename = plan->filename,
		.timestamp = plan->timestamp,
		.behind = rest->behind,
		.body = rest->body,
	};
	int rc;

	if (!*plan->filename || *plan->filename == '/')
		return err_set(e, ERR_REFUSED, "sgn-filename",
			       "\"%s\" is no name of a file below the server's root",
			       plan->filename);
	rc = words_of(&words, plan, e);
	if (!rc)
		rc = tf_seal(out, &seal, sign, arg, e);
	tf_words_free(&words);
	if (rc)
		return rc;
	rc = check(span_of(out->data + start, out->len - start), plan, rest->kind, e);
	if (rc)
		out->len = start;
	return rc;
}

int sgn_build(struct buf *out, const struct sgn_plan *plan, struct span payload, tl_sign_fn *sign,
	      void *arg, struct err *e)
{
	const struct sgn_rest rest = {.kind = TF_SGN, .body = payload};

	return sgn_seal(out, plan, &rest, sign, arg, e);
}

/* ---- read ---- */

int sgn_parse(struct sgn *s, struct span file, enum tf_kind kind, struct err *e)
{
	int rc;

	*s = (struct sgn){.raw = file, .kind = kind};
	rc = tf_header_parse(&s->header, file, kind, e);
	if (rc)
		return rc;
	s->payload = span_of(file.data + s->header.len, file.len - s->header.len);
	return 0;
}

enum tf_kind sgn_kind(struct span file)
{
	enum { MAJOR_AT = 3, MAJOR_ENC = 2 };
	struct tf_header h;
	struct err e;

	if (file.len <= MAJOR_AT || file.data[MAJOR_AT] != MAJOR_ENC)
		return TF_SGN;
	return tf_header_parse(&h, file, TF_ENC_MANUAL, &e) ? TF_ENC : TF_ENC_MANUAL;
}

void sgn_signer_text(struct buf *b, const struct sgn *s)
{
	text_printable(b, tl_text(s->header.value[TF_SIGNERNAME]));
	buf_str(b, " (serial ");
	hex_upper(b, s->header.value[TF_SERIALNUMBER], ':');
	buf_u8(b, ')');
}

static int check_name(const struct sgn *s, const char *filename, struct err *e)
{
	const struct span own = s->header.value[TF_FILENAME];
	struct buf shown = {0};
	const char *name;

	/* The NUL counts on both sides. */
	if (!filename || span_eq(own, span_of(filename, strlen(filename) + 1)))
		return 0;
	text_printable(&shown, tl_text(own));
	name = buf_cstr(&shown);
	err_set(e, ERR_REFUSED, "sgn-name",
		"the file calls itself \"%s\", but \"%s\" is expected here", name ? name : "",
		filename);
	buf_free(&shown);
	return err_hint(e, "it was signed under another name: sign it again under this one");
}

static int check_signature(const struct sgn *s, const X509 *cert, struct err *e)
{
	const struct span signature = s->header.value[TF_SIGNATURE];
	struct buf digest = {0};
	int rc = tf_digest_file(&digest, s->header.digest, s->raw, s->header.sig_at, signature.len,
				e);

	if (!rc)
		rc = tf_signature_check(cert, s->header.digest, buf_view(&digest), signature,
					"sgn-signature", e);
	buf_free(&digest);
	return rc;
}

static int refuse_signer(const struct sgn *s, const char *why, struct err *e)
{
	struct buf shown = {0};
	const char *signer;

	sgn_signer_text(&shown, s);
	signer = buf_cstr(&shown);
	err_set(e, ERR_REFUSED, "sgn-signer", "the file names as its signer %s, which is %s",
		signer ? signer : "", why);
	buf_free(&shown);
	return ERR_REFUSED;
}

int sgn_verify_with(const struct sgn *s, const X509 *cert, const char *filename, struct err *e)
{
	struct buf serial = {0};
	int rc = check_name(s, filename, e);

	if (rc)
		return rc;
	cert_serial(&serial, cert);
	if (serial.bad)
		rc = err_nomem(e);
	else if (!tl_serial_eq(buf_view(&serial), s->header.value[TF_SERIALNUMBER]))
		rc = refuse_signer(s, "another certificate than the one it is checked with", e);
	else
		rc = check_signature(s, cert, e);
	buf_free(&serial);
	return rc;
}

static bool names_signer(const struct tl_record *r, const struct sgn *s)
{
	return r->serial.data && tl_serial_eq(r->serial, s->header.value[TF_SERIALNUMBER]) &&
	       span_eq(r->issuer, s->header.value[TF_CANAME]);
}

/* What the search through the lists has come upon. */
struct search {
	const struct tl_record *good;   /* its certificate verifies */
	const struct tl_record *failed; /* may sign files, but this one it did not */
	const struct tl_record *other;  /* listed, but may not sign files */
	struct err why;                 /* of failed */
};

static void search_list(struct search *f, const struct sgn *s, const struct tl *l)
{
	for (size_t i = 0; !f->good && i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (!names_signer(r, s))
			continue;
		if (!may_sign_files(r) || !r->cert)
			f->other = r;
		else if (check_signature(s, r->cert, &f->why))
			f->failed = r;
		else
			f->good = r;
	}
}

int sgn_verify_in(const struct sgn *s, const struct tl *const lists[], size_t n,
		  const char *filename, const struct tl_record **by, struct err *e)
{
	struct search f = {0};
	char scratch[16];
	const int rc = check_name(s, filename, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (lists[i])
			search_list(&f, s, lists[i]);
	if (by)
		*by = f.good;
	if (f.good)
		return 0;
	if (f.failed) {
		*e = f.why;
		return (int)e->kind;
	}
	refuse_signer(s, "no file server of the stored trust lists", e);
	if (f.other)
		err_hint(e,
			 "it is listed as %s; to sign files it must be listed as TFTP or "
			 "CCM+TFTP, with its certificate",
			 tl_role_label(f.other->role, scratch));
	else
		err_hint(e, "the key of the file server was changed, or this is another cluster's "
			    "server: bring the trust list up to date first");
	return ERR_REFUSED;
}
