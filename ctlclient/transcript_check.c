#include "ctlclient/transcript_check.h"

#include "common/base64.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/sha256.h"
#include "ctlclient/transcript.h"
#include "trustfile/cert.h"

#include <string.h>

enum { SIGNATURE_MEMBERS = 6 }; /* n, step, algorithm, certificate, signature, previous */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static int bad_line(struct transcript_report *r, size_t line, const char *why, struct err *e)
{
	r->bad = line;
	return err_set(e, ERR_REFUSED, "transcript-line", "line %zu %s", line, why);
}

/* As the record of a token that has no key yet ends: by saying so. One that was signed names the
 * signer there, so that its signature cannot just be taken away. */
static bool ended_unsigned(const struct transcript_report *r)
{
	const json_t *last = json_array_get(r->lines, json_array_size(r->lines) - 1);

	return !strcmp(text_of(last, "step"), "end") && !strcmp(text_of(last, "result"), "ok") &&
	       json_is_null(json_object_get(last, "signer"));
}

static int unfinished(const struct transcript_report *r, struct err *e)
{
	if (ended_unsigned(r)) {
		err_set(e, ERR_REFUSED, "transcript-unsigned",
			"the record is whole, but not signed: there was no key to sign it with");
		return err_hint(e,
				"anybody could have written it; a later record that continues it "
				"(--continues) proves it, \"transcript verify --unsigned\" looks "
				"at the rest");
	}
	err_set(e, ERR_REFUSED, "transcript-unfinished",
		"the record is not finished: it ends after line %zu without a signature",
		json_array_size(r->lines));
	return err_hint(e, "what it says is not proven: the ceremony was broken off before the "
			   "token was logged in, or lines were taken away");
}

/* The next line with its newline; data is NULL at the end of the file. */
static struct span next_line(struct rd *file)
{
	const uint8_t *nl = file->left ? memchr(file->p, '\n', file->left) : NULL;

	if (!file->left)
		return span_of(NULL, 0);
	return rd_take(file, nl ? (size_t)(nl - file->p) + 1 : file->left);
}

static int read_line(json_t **doc, struct transcript_report *r, struct span line, size_t n,
		     const char *previous, struct err *e)
{
	struct err ignored;

	if (line.data[line.len - 1] != '\n')
		return bad_line(r, n, "is cut off", e);
	if (line.len > TRANSCRIPT_LINE_MAX)
		return bad_line(r, n, "is too long", e);
	if (json_read(doc, line, &ignored))
		return bad_line(r, n, "is not JSON", e);
	if (!json_is_object(*doc) ||
	    json_integer_value(json_object_get(*doc, "n")) != (json_int_t)n ||
	    !*text_of(*doc, "step"))
		return bad_line(r, n, "is not the line of a record that should stand there", e);
	if (strcmp(text_of(*doc, "previous"), previous) != 0) {
		r->bad = n;
		return err_set(e, ERR_REFUSED, "transcript-chain",
			       n == 1 ? "line 1 names a line before it"
				      : "line %zu does not follow from line %zu: one of them was "
					"changed, or lines between them were taken away or put in",
			       n, n - 1);
	}
	return 0;
}

static int check_first(struct transcript_report *r, const json_t *doc, struct err *e)
{
	if (strcmp(text_of(doc, "format"), TRANSCRIPT_FORMAT) != 0)
		return bad_line(r, 1, "does not say that this is a record of ctlclient", e);
	if (json_integer_value(json_object_get(doc, "version")) != TRANSCRIPT_VERSION)
		return bad_line(r, 1, "is of another release's kind of record", e);
	return 0;
}

static int other_signer(struct transcript_report *r, const char *than, struct err *e)
{
	r->bad = json_array_size(r->lines);
	return err_set(e, ERR_REFUSED, "transcript-signer",
		       "line %zu: the record is signed by another token than %s", r->bad, than);
}

/* The line before the signature names the signer, and is itself signed. */
static int check_signer(struct transcript_report *r, const X509 *cert, struct err *e)
{
	const json_t *end = json_array_get(r->lines, json_array_size(r->lines) - 2);
	struct buf sha256 = {0};
	struct buf hex = {0};
	int rc = 0;

	cert_sha256(&sha256, r->signer);
	hex_lower(&hex, buf_view(&sha256), 0);
	if (!buf_cstr(&hex) || sha256.bad)
		rc = err_nomem(e);
	else if (strcmp(text_of(json_object_get(end, "signer"), "sha256"), buf_cstr(&hex)) != 0)
		rc = other_signer(r, "the one it names", e);
	else if (cert && X509_cmp(cert, r->signer) != 0)
		rc = other_signer(r, "the certificate given", e);
	buf_free(&sha256);
	buf_free(&hex);
	return rc;
}

static int check_signature(struct transcript_report *r, struct span before, const json_t *doc,
			   const X509 *cert, struct err *e)
{
	const char *pem = text_of(doc, "certificate");
	const char *text = text_of(doc, "signature");
	const size_t n = json_array_size(r->lines);
	struct buf sig = {0};
	struct buf digest = {0};
	struct err why;
	int rc;

	/* Nothing else has a place in this line: it is what the signature does not cover. */
	if (json_object_size(doc) != SIGNATURE_MEMBERS ||
	    strcmp(text_of(doc, "algorithm"), TRANSCRIPT_ALGORITHM) != 0)
		return bad_line(r, n, "is not a signature of this release", e);
	if (cert_from_file_bytes(&r->signer, span_of(pem, strlen(pem)), &why) ||
	    !base64_take(&sig, span_of(text, strlen(text)), BASE64_PLAIN)) {
		rc = bad_line(r, n, "has no certificate or no signature that can be read", e);
		goto out;
	}
	rc = tf_digest(&digest, TL_SHA512, &before, 1, e);
	if (rc)
		goto out;
	if (tf_signature_check(r->signer, TL_SHA512, buf_view(&digest), buf_view(&sig),
			       "transcript-signature", &why)) {
		r->bad = n;
		rc = err_set(e, ERR_REFUSED, "transcript-signature",
			     "line %zu: the signature does not fit the lines before it", n);
		goto out;
	}
	rc = check_signer(r, cert, e);
out:
	buf_free(&sig);
	buf_free(&digest);
	return rc;
}

/* Reads lines up to the signature; *before is what it covers. */
static int check_lines(struct transcript_report *r, struct rd *rest, size_t *before,
		       struct span file, struct err *e)
{
	char previous[2 * SHA256_LEN + 1];
	struct span line;
	int rc = 0;

	memset(previous, '0', sizeof(previous) - 1);
	previous[sizeof(previous) - 1] = '\0';
	for (size_t n = 1; !rc && (line = next_line(rest)).data; n++) {
		json_t *doc = NULL;

		rc = read_line(&doc, r, line, n, previous, e);
		if (!rc && n == 1)
			rc = check_first(r, doc, e);
		if (!rc && json_array_append(r->lines, doc))
			rc = err_nomem(e);
		if (!rc)
			rc = sha256_text(previous, line, e);
		*before = (size_t)(line.data - file.data);
		if (!rc && !strcmp(text_of(doc, "step"), "signature")) {
			json_decref(doc);
			return 0;
		}
		json_decref(doc);
	}
	return rc ? rc : unfinished(r, e);
}

int transcript_check(struct transcript_report *r, struct span file, const X509 *cert, struct err *e)
{
	struct rd rest = rd_of(file);
	size_t before = 0;
	size_t n;
	int rc;

	*r = (struct transcript_report){.lines = json_array()};
	if (!r->lines)
		return err_nomem(e);
	rc = check_lines(r, &rest, &before, file, e);
	if (rc)
		return rc;
	n = json_array_size(r->lines);
	if (rest.left)
		return bad_line(r, n + 1, "stands behind the signature", e);
	return check_signature(r, span_of(file.data, before), json_array_get(r->lines, n - 1), cert,
			       e);
}

void transcript_report_free(struct transcript_report *r)
{
	json_decref(r->lines);
	X509_free(r->signer);
	*r = (struct transcript_report){0};
}
