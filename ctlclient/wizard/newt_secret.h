/*
 * A secret typed into a window of newt's, without newt: its entry fields and the key buffer of the
 * library below it keep copies. Bytes go from the terminal into locked memory one by one.
 */
#ifndef CTLCLIENT_WIZARD_NEWT_SECRET_H
#define CTLCLIENT_WIZARD_NEWT_SECRET_H

#include "common/secret.h"

/* Besides WIZ_NEXT, WIZ_BACK, WIZ_INTERRUPT, WIZ_HANGUP: */
enum { NEWT_SECRET_HELP = -10, NEWT_SECRET_RESIZED = -11 };

struct newt_secret_place {
	int left, top, width; /* on the screen: where the stars are drawn */
	int signals;          /* as in struct wiz_ui */
};

/* Reads on; s holds what was typed so far (it may be empty) and keeps it when the page has to be
 * drawn anew. */
int newt_secret_read(const struct newt_secret_place *at, struct secret *s);

#endif
