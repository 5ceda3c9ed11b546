/*
 * From a draft to a signed list: the rules, the difference shown, the token asked, the signature.
 */
#ifndef CTLCLIENT_SIGN_H
#define CTLCLIENT_SIGN_H

#include "common/bytes.h"
#include "ctlclient/desk.h"
#include "ctlclient/draft.h"

struct sign_job {
	struct draft *draft;
	struct desk_signer *signer;
	const struct tl *old; /* to show the difference to; NULL for none */
	enum tl_digest digest;
	const char *purpose; /* for the PIN prompt: "to sign the CTL" */
	bool dry_run;        /* all but the signature */
	bool yes;            /* do not ask before signing */
	bool quiet;          /* do not print the difference (a script wants JSON) */
};

/* Adds the token whose certificate what names (a URI or a file) to the draft. Errors: those of
 * desk_cert and draft_add_sast. */
int sign_add_sast(struct draft *d, struct desk *desk, const char *what, struct err *e);

/* Reads "sha1" or "sha512"; false if it is neither. */
bool sign_digest_parse(enum tl_digest *digest, const char *text);

/* Checks the draft, prints the difference and what will be signed by whom, asks (unless yes, or no
 * terminal), logs in, signs and checks the result. Appends the file to out; with dry_run nothing.
 * Errors: those of draft_check, desk_signer_login and tl_build; ERR_FAILED "cancelled". */
int sign_list(struct buf *out, const struct sign_job *job, struct err *e);

#endif
