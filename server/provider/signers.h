/*
 * The policy "signers": a new security token comes into the list only if its certificate chains to
 * an authority that the administrator has named. What is in the present list stays good, so that a
 * policy that comes later locks nobody out.
 *
 * What this can tell: who certified the key. Not where the key is. An authority that certifies keys
 * on tokens only (because it made them there, or saw an attestation) makes the two the same; that
 * is its promise, not ours.
 */
#ifndef SERVER_PROVIDER_SIGNERS_H
#define SERVER_PROVIDER_SIGNERS_H

#include "common/bytes.h"
#include "common/err.h"

struct signers;

/* Reads the authorities: a PEM file with one certificate or more. ERR_USAGE "signers". */
int signers_load(struct signers **out, const char *path, struct err *e);
void signers_free(struct signers *s);

/* Checks every SAST of the list neu whose certificate is not that of a SAST in present (empty:
 * there is no list yet). Both are lists that parse. ERR_REFUSED "ctl-signer-authority". */
int signers_check(const struct signers *s, struct span present, struct span neu, struct err *e);

#endif
