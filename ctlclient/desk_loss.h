/*
 * A token that is not there yet, or is pulled out in the midst of a job. Somebody has to put it in:
 * with --wait we wait for it, and where it was pulled out also without, if there is a terminal to
 * say so on. A token that was lost is then found by its serial number in whatever slot, and logged
 * in to anew. Another token in its place is named and not used.
 */
#ifndef CTLCLIENT_DESK_LOSS_H
#define CTLCLIENT_DESK_LOSS_H

#include "ctlclient/desk.h"

/* What is kept of the losses of one token. */
struct desk_losses {
	unsigned n;
	bool asks; /* its PIN comes from a person each time */
};

/* After rc and e of something done with t: if the token is gone, says so, and waits for it. 0: it
 * is here again. Else the kind of the error in e, which is the one that came in unless the wait
 * failed (at once, if the desk is quiet). Unless a person gives the PIN each time, only one loss is
 * mended. */
int desk_loss_mend(struct desk *d, struct desk_token *t, struct desk_losses *losses, int rc,
		   struct err *e);

/* After rc and e of token_find(): if the token is missing and --wait was given, waits until one
 * fits uri. 0: try again. Else the kind of the error in e. */
int desk_loss_await(struct desk *d, const char *uri, int rc, struct err *e);

#endif
