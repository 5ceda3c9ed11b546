/* A page as a window of newt's. */
#ifndef CTLCLIENT_WIZARD_NEWT_LAYOUT_H
#define CTLCLIENT_WIZARD_NEWT_LAYOUT_H

#include "ctlclient/wizard/ui.h"

#include <newt.h>
#include <sys/ioctl.h>

enum {
	NEWT_KEY_CTRL_C = 3,
	NEWT_PARTS_MAX = WIZ_FIELDS_MAX + WIZ_BUTTONS_MAX + 2,
	NEWT_FOCUS_PRESET = -1,
};

/* A page on the screen. */
struct newt_layout {
	newtComponent form, text, list;
	newtComponent fields[WIZ_FIELDS_MAX], buttons[WIZ_BUTTONS_MAX];
	newtComponent order[NEWT_PARTS_MAX]; /* those that take the focus */
	size_t n_order;
	int left, top, width, height; /* inside the window, on the screen */
};

/* Opens a window of the size that p needs on a screen of that size, and puts p into it; the form is
 * ready to be run, and ends every UI_TICK_MS. focus: what newt_focus() said before the
 * page was laid out anew, or NEWT_FOCUS_PRESET. End with newtFormDestroy() and newtPopWindow(). */
void newt_lay_out(struct newt_layout *l, const struct winsize *size, struct wiz_page *p, int focus);

/* Which of its parts has the focus. */
int newt_focus(const struct newt_layout *l);

#endif
