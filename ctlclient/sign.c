#include "ctlclient/sign.h"

#include "common/cli.h"
#include "common/json.h"
#include "ctlclient/record.h"
#include "ctlclient/review.h"
#include "trustfile/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int sign_add_sast(struct draft *d, struct desk *desk, const char *what, struct err *e)
{
	struct desk_cert c;
	int rc = desk_cert(&c, desk, what, e);

	if (rc)
		return rc;
	rc = draft_add_sast(d, c.cert, e);
	if (rc)
		err_wrap(e, "%s", what);
	desk_cert_free(&c);
	return rc;
}

bool sign_digest_parse(enum tl_digest *digest, const char *text)
{
	if (!strcmp(text, "sha1"))
		*digest = TL_SHA1;
	else if (!strcmp(text, "sha512"))
		*digest = TL_SHA512;
	else
		return false;
	return true;
}

static void warn_of_signer(const struct desk_cert *c)
{
	const ASN1_TIME *end = X509_get0_notAfter(c->cert);

	if (c->software)
		fprintf(stderr,
			"note: %s is a software token: its key can be copied with its "
			"files\n",
			c->where);
	if (X509_cmp_current_time(end) < 0)
		fprintf(stderr,
			"note: the certificate of %s has expired; phones do not look at "
			"dates, auditors do\n",
			c->where);
}

/* ---- what is recorded ---- */

/* The software that stands between the operator and the key, and the key. */
static int record_signer(const struct sign_job *job, struct err *e)
{
	const struct desk_cert *by = desk_signer_cert(job->signer);
	int rc;

	if (!job->transcript)
		return 0;
	rc = record_modules(job->transcript, job->desk, e);
	if (rc)
		return rc;
	return transcript_step(job->transcript, "signer", 0,
			       json_pack("{s:o, s:s, s:b, s:o}", "where", json_chars(by->where),
					 "token_serial", by->token_serial, "software", by->software,
					 "certificate", transcript_cert(by->cert)),
			       e);
}

static json_t *tokens_json(const struct tl *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->n; i++)
		if (l->records[i].role == TL_SAST && l->records[i].cert)
			json_array_append_new(array, transcript_cert(l->records[i].cert));
	return array;
}

static json_t *servers_json(const struct tl *l)
{
	json_t *array = json_array();
	char scratch[16];

	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (r->role == TL_SAST)
			continue;
		json_array_append_new(
			array, json_pack("{s:s, s:o, s:o}", "role", tl_role_name(r->role, scratch),
					 "dns_name", json_text(tl_text(r->dns)), "certificate",
					 r->cert ? transcript_cert(r->cert) : json_null()));
	}
	return array;
}

static json_t *difference_json(const struct tl *old, const struct tl *neu)
{
	struct tl_diff d;
	struct buf text = {0};
	struct err ignored;
	json_t *v = NULL;

	if (tl_diff(&d, old, neu, &ignored))
		return NULL;
	tl_diff_text(&text, &d);
	if (!text.bad)
		v = json_text(buf_view(&text));
	tl_diff_free(&d);
	buf_free(&text);
	return v;
}

static int record_review(const struct sign_job *job, const struct tl *preview, struct err *e)
{
	struct buf digest = {0};
	int rc;

	if (!job->transcript)
		return 0;
	rc = tl_signed_digest(&digest, preview, e);
	if (!rc)
		rc = transcript_step(
			job->transcript, "review", 0,
			json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:o}", "present_list",
				  job->old ? transcript_bytes(NULL, job->old->raw) : json_null(),
				  "difference", difference_json(job->old, preview), "security_mode",
				  tl_is_nonsecure(preview) ? "nonsecure" : "mixed",
				  "digest_algorithm",
				  preview->digest == TL_SHA1 ? "sha1" : "sha512", "digest",
				  json_hex(buf_view(&digest)), "tokens", tokens_json(preview),
				  "servers", servers_json(preview)),
			e);
	buf_free(&digest);
	return rc;
}

/* ---- the review ---- */

static bool will_ask(const struct sign_job *job)
{
	return !job->yes && !job->dry_run && isatty(STDIN_FILENO);
}

static int print_review(const struct sign_job *job, const struct tl *preview, struct err *e)
{
	FILE *to = job->quiet ? stderr : stdout;
	struct at_desk here = {0};
	struct buf text = {0};
	struct review r = {job->old, preview, job->history, &here,
			   desk_signer_cert(job->signer)->where};
	int rc;

	if (job->quiet && !will_ask(job))
		return 0;
	rc = at_desk_look(&here, job->desk, e);
	if (!rc)
		rc = review_text(&text, &r, e);
	if (!rc && (fwrite(text.data, 1, text.len, to) != text.len || fflush(to)))
		rc = err_set(e, ERR_FAILED, "output",
			     "the review cannot be shown: nothing is signed unseen");
	at_desk_free(&here);
	buf_free(&text);
	return rc;
}

static int show(const struct sign_plan *p, struct err *e)
{
	int rc = print_review(p->job, p->preview, e);

	if (!rc)
		rc = record_review(p->job, p->preview, e);
	if (!rc && p->file.len > TL_FILE_WARN)
		fprintf(stderr,
			"warning: the list has %zu bytes; phones are known to fail near "
			"64 KB\n",
			p->file.len);
	return rc;
}

/* ---- the signature ---- */

static int ask(const struct sign_job *job, struct err *e)
{
	const bool asked = will_ask(job);
	int rc = 0;

	warn_of_signer(desk_signer_cert(job->signer));
	if (job->old && (time_t)job->old->timestamp > time(NULL))
		fprintf(stderr, "note: the present list is dated in the future of this machine's "
				"clock; its time stamp is kept\n");
	if (asked && !cli_confirm("Sign this list?"))
		rc = err_set(e, ERR_FAILED, "cancelled", "cancelled; nothing was changed");
	return transcript_step(job->transcript, "consent", rc, json_pack("{s:b}", "asked", asked),
			       e);
}

static int login(const struct sign_job *job, struct err *e)
{
	int rc = desk_signer_login(job->signer, job->purpose, e);

	rc = transcript_step(job->transcript, "login", rc, NULL, e);
	if (!rc)
		transcript_seal_with(job->transcript, desk_signer_cert(job->signer)->cert,
				     desk_signer_sign, job->signer);
	return rc;
}

static int sign(struct buf *out, const struct sign_job *job, const struct tl_plan *plan,
		struct err *e)
{
	const size_t start = out->len;
	const int rc = tl_build(out, plan, desk_signer_sign, job->signer, e);
	json_t *facts = NULL;

	if (!rc && job->transcript)
		facts = json_pack(
			"{s:o}", "list",
			transcript_bytes(NULL, span_of(out->data + start, out->len - start)));
	return transcript_step(job->transcript, "sign", rc, facts, e);
}

int sign_plan(struct sign_plan *p, const struct sign_job *job, struct err *e)
{
	const struct desk_cert *by = desk_signer_cert(job->signer);
	int rc;

	*p = (struct sign_plan){.job = job};
	rc = draft_check(job->draft, by->cert, e);
	rc = transcript_step(job->transcript, "rules", rc, NULL, e);
	if (!rc)
		rc = draft_plan(&p->plan, job->draft, by->cert, job->digest, e);
	if (!rc)
		rc = tl_build_preview(&p->file, &p->plan, e);
	if (!rc)
		rc = tl_parse(&p->preview, buf_view(&p->file), e);
	return rc;
}

int sign_planned(struct buf *out, const struct sign_plan *p, struct err *e)
{
	const int rc = login(p->job, e);

	return rc ? rc : sign(out, p->job, &p->plan, e);
}

void sign_plan_free(struct sign_plan *p)
{
	tl_free(p->preview);
	buf_free(&p->file);
	*p = (struct sign_plan){0};
}

int sign_list(struct buf *out, const struct sign_job *job, struct err *e)
{
	struct sign_plan p = {0};
	int rc = record_signer(job, e);

	if (!rc)
		rc = sign_plan(&p, job, e);
	if (!rc)
		rc = show(&p, e);
	if (!rc && !job->dry_run)
		rc = ask(job, e);
	if (!rc && !job->dry_run)
		rc = sign_planned(out, &p, e);
	sign_plan_free(&p);
	return rc;
}
