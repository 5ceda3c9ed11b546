/*
 * What a new list means for the phones: who follows, who does not, and what to mind from then on.
 * Pure. Source: doc/formats.md, "When a phone accepts a list".
 */
#ifndef CTLCLIENT_IMPACT_H
#define CTLCLIENT_IMPACT_H

#include "common/bytes.h"
#include "trustfile/list.h"

#include <jansson.h>

struct impact {
	const struct tl *old, *neu;  /* borrowed; old is NULL for a first list */
	bool follows;                /* phones that have old take neu */
	size_t kept, added, removed; /* tokens, compared by key */
};

/* Compares the tokens of two lists. neu need not be signed yet: its header names the signer. */
struct impact impact_of(const struct tl *old, const struct tl *neu);

/* Appends lines for people, each ending in a newline and saying one thing. */
void impact_text(struct buf *b, const struct impact *im);

/* As far back as the history goes: appends from which generation on phones follow, because the
 * signer has been in the list since then, and which other token of the old list would reach phones
 * that missed more. history is the provider's GET /ctl/history, believed in nothing but numbers;
 * nothing is appended if it does not tell. */
void impact_reach(struct buf *b, const struct impact *im, json_t *history);

#endif
