/*
 * By which rules a new list may take the place of an old one. Source: doc/formats.md, "When a
 * phone accepts a list".
 */
#ifndef TRUSTFILE_RULES_H
#define TRUSTFILE_RULES_H

#include "trustfile/list.h"

enum tl_verdict {
	TL_INSTALL_FIRST, /* nothing stored: trust on first use */
	TL_INSTALL,       /* signed by a SAST of a stored list */
	TL_UNCHANGED,     /* the very file that is stored */
	TL_KEEP_OLD,      /* refused; e says why */
};

/* What a phone that stores the lists stored[0..n) (a CTL, an ITL, both or none; NULL members are
 * skipped) does with neu, whose FILENAME should be filename. same is the stored list that neu
 * would replace, or NULL. e is filled in for TL_KEEP_OLD only: the errors of tl_verify, and
 * "ctl-unknown-signer" (in no stored list), "ctl-signer-not-sast" (stored, but in another role),
 * "ctl-forged-signer" (issuer and serial of a stored SAST over another key). */
enum tl_verdict tl_phone_verdict(const struct tl *const stored[], size_t n, const struct tl *same,
				 const struct tl *neu, const char *filename, struct err *e);

/* Number of different security tokens in l that could sign the next list: SAST records with an
 * RSA certificate of a size the format knows, counted by key, so that one token listed twice is
 * one. */
size_t tl_token_count(const struct tl *l);

#endif
