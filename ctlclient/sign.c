#include "ctlclient/sign.h"

#include "common/cli.h"
#include "common/hex.h"
#include "trustfile/diff.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

static int print_difference(const struct tl *old, const struct tl *preview, struct err *e)
{
	struct tl_diff d;
	struct buf text = {0};
	int rc = tl_diff(&d, old, preview, e);

	if (rc)
		return rc;
	tl_diff_text(&text, &d);
	if (buf_cstr(&text))
		printf("%s", buf_cstr(&text));
	buf_free(&text);
	tl_diff_free(&d);
	return 0;
}

static int print_review(const struct sign_job *job, const struct tl *preview, struct err *e)
{
	struct buf digest = {0};
	struct buf hex = {0};
	int rc;

	rc = print_difference(job->old, preview, e);
	if (!rc)
		rc = tl_signed_digest(&digest, preview, e);
	if (rc)
		goto out;
	hex_lower(&hex, buf_view(&digest), 0);
	if (!buf_cstr(&hex)) {
		rc = err_nomem(e);
		goto out;
	}
	printf("mode:    %s\n", tl_is_nonsecure(preview) ? "non-secure" : "mixed");
	printf("signer:  %s\n", desk_signer_cert(job->signer)->where);
	printf("digest:  %s %s\n", preview->digest == TL_SHA1 ? "SHA-1" : "SHA-512",
	       buf_cstr(&hex));
	fflush(stdout);
out:
	buf_free(&digest);
	buf_free(&hex);
	return rc;
}

static int review(const struct sign_job *job, const struct tl_plan *plan, struct err *e)
{
	struct buf file = {0};
	struct tl *preview = NULL;
	int rc;

	rc = tl_build_preview(&file, plan, e);
	if (!rc)
		rc = tl_parse(&preview, buf_view(&file), e);
	if (!rc && !job->quiet)
		rc = print_review(job, preview, e);
	if (!rc && file.len > TL_FILE_WARN)
		fprintf(stderr,
			"warning: the list has %zu bytes; phones are known to fail near "
			"64 KB\n",
			file.len);
	tl_free(preview);
	buf_free(&file);
	return rc;
}

int sign_list(struct buf *out, const struct sign_job *job, struct err *e)
{
	const struct desk_cert *by = desk_signer_cert(job->signer);
	struct tl_plan plan;
	int rc;

	rc = draft_check(job->draft, by->cert, e);
	if (!rc)
		rc = draft_plan(&plan, job->draft, by->cert, job->digest, e);
	if (!rc)
		rc = review(job, &plan, e);
	if (rc || job->dry_run)
		return rc;
	warn_of_signer(by);
	if (job->old && (time_t)job->old->timestamp > time(NULL))
		fprintf(stderr, "note: the present list is dated in the future of this machine's "
				"clock; its time stamp is kept\n");
	if (!job->yes && !cli_confirm("Sign this list?"))
		return err_set(e, ERR_FAILED, "cancelled", "cancelled; nothing was changed");

	rc = desk_signer_login(job->signer, job->purpose, e);
	if (!rc)
		rc = tl_build(out, &plan, desk_signer_sign, job->signer, e);
	return rc;
}
