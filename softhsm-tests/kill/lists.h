/* New trust lists, one after the other, signed with the tokens of a cluster. */
#ifndef SOFTHSM_TESTS_KILL_LISTS_H
#define SOFTHSM_TESTS_KILL_LISTS_H

#include "common/bytes.h"
#include "common/err.h"

struct lists;

/* Logs in to the tokens CTL_TOKEN_1 and CTL_TOKEN_2. */
int lists_open(struct lists **out, struct err *e);
void lists_close(struct lists *l);

/* Appends a list with the records of the present one that is later than all before, signed by the
 * two tokens in turn. */
int lists_next(struct buf *out, struct lists *l, struct span present, struct err *e);

#endif
