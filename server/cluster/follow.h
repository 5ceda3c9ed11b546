/* Whether a node lets one list follow another: it believes what a phone would, and nobody else. */
#ifndef SERVER_CLUSTER_FOLLOW_H
#define SERVER_CLUSTER_FOLLOW_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdbool.h>

/* 0 if a phone that has the list old (empty: none) would take neu, and neu is not the older one of
 * the two; *mixed is what neu makes of the cluster. ERR_REFUSED with the errors of
 * tl_phone_verdict(), or "ctl-older". */
int follow_step(struct span old, struct span neu, bool *mixed, struct err *e);

#endif
