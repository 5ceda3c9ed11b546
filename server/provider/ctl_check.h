/*
 * Whether a new CTL may take the place of the present one. Pure: the client is taken to be hostile,
 * and what it sent is judged before anything is stored. Every rule has an id of its own.
 */
#ifndef SERVER_PROVIDER_CTL_CHECK_H
#define SERVER_PROVIDER_CTL_CHECK_H

#include "server/cluster/ctl_facts.h"
#include "trustfile/list.h"

enum {
	CTL_SIZE_MAX = 65535,        /* bytes; phones load no more */
	CTL_TOKENS_MIN = 2,          /* so that the loss of one locks nobody out */
	CTL_AHEAD_MAX_S = 24 * 3600, /* seconds a time stamp may be ahead of our clock */
};

struct ctl_question {
	struct span present; /* data is NULL if there is none */
	struct span neu;
	const struct store_node *nodes; /* of the cluster, nnodes of them */
	size_t nnodes;
	int64_t now; /* seconds since 1970 */
};

/* 0 if the list may be accepted. Otherwise ERR_REFUSED:
 *   too-large             over CTL_SIZE_MAX
 *   ctl-parse, ctl-digest, ctl-record   not a CTL (see tl_parse)
 *   ctl-version           VERSION is not 1.2
 *   ctl-name, ctl-signer, ctl-signature   not true to itself (see tl_verify)
 *   ctl-unchanged         the very list that is there
 *   ctl-unknown-signer, ctl-signer-not-sast, ctl-forged-signer   not signed by a token of the
 *                         present list (see tl_phone_verdict)
 *   ctl-forged-signer     also: a SAST record that copies issuer and serial number of a present one
 *                         over another certificate
 *   ctl-signer-key        a SAST without a key that can sign CTLs
 *   ctl-two-tokens        fewer than CTL_TOKENS_MIN different tokens
 *   ctl-record-identity   a record whose names, serial number, key or signature are not those of
 *                         its certificate, unless it was so in the present list
 *   ctl-mode, ctl-server-* see ctl_servers.h
 *   ctl-older             the time stamp is before the present list's
 *   ctl-future            the time stamp is more than CTL_AHEAD_MAX_S ahead
 * ERR_FAILED if our own data is broken. *facts, what the list says as far as the check came, is the
 * caller's in any case (ctl_facts_free). */
int ctl_check(struct ctl_facts *facts, const struct ctl_question *q, struct err *e);

#endif
