/*
 * From a draft to a signed list: the rules, the review shown, the token asked, the signature.
 */
#ifndef CTLCLIENT_SIGN_H
#define CTLCLIENT_SIGN_H

#include "common/bytes.h"
#include "ctlclient/desk.h"
#include "ctlclient/draft.h"
#include "ctlclient/transcript.h"

struct sign_job {
	struct draft *draft;
	struct desk *desk;
	struct desk_signer *signer;
	const struct tl *old; /* to show the difference to; NULL for none */
	json_t *history;      /* GET /ctl/history, to tell which phones follow; or NULL */
	enum tl_digest digest;
	const char *purpose;           /* for the PIN prompt: "to sign the CTL" */
	struct transcript *transcript; /* where each step is recorded; or NULL */
	bool dry_run;                  /* all but the signature */
	bool yes;                      /* do not ask before signing */
	bool quiet; /* standard output is for JSON: the review goes to standard error, and is left
		     * out if nobody is asked */
};

/* Adds the token whose certificate what names (a URI or a file) to the draft. Errors: those of
 * desk_cert and draft_add_sast. */
int sign_add_sast(struct draft *d, struct desk *desk, const char *what, struct err *e);

/* Reads "sha1" or "sha512"; false if it is neither. */
bool sign_digest_parse(enum tl_digest *digest, const char *text);

/* ---- in steps, printing nothing and asking nothing: who does this shows the list in between ----
 */

struct sign_plan {
	const struct sign_job *job;
	struct tl_plan plan;
	struct buf file;    /* owned */
	struct tl *preview; /* what will be signed, with an empty signature; owned */
};

/* Checks the draft and plans the list. The job must stay as it is until sign_plan_free(), which
 * ends it, also after an error. */
int sign_plan(struct sign_plan *p, const struct sign_job *job, struct err *e);

/* Logs in, signs and checks the result, which is appended to out. */
int sign_planned(struct buf *out, const struct sign_plan *p, struct err *e);
void sign_plan_free(struct sign_plan *p);

/* ---- all at once ---- */

/* Checks the draft, prints the review (review.h), asks (unless yes, or no terminal), logs in, signs
 * and checks the result. Appends the file to out; with dry_run nothing. The transcript, if there is
 * one, can be closed with a signature of the same token from the login on. Errors: those of
 * draft_check, desk_signer_login and tl_build; ERR_FAILED "cancelled", "transcript". */
int sign_list(struct buf *out, const struct sign_job *job, struct err *e);

#endif
