/*
 * The wizard's front end: shows one page after another and says which button was chosen. It knows
 * nothing of trust lists. There are two: windows drawn by newt, and numbered text.
 *
 * Every key that ends a page: buttons, Esc (the button with the id WIZ_BACK), Ctrl-C (asked about
 * by the caller), F1 shows the page's help.
 */
#ifndef CTLCLIENT_WIZARD_UI_H
#define CTLCLIENT_WIZARD_UI_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/secret.h"

enum {
	WIZ_BUTTONS_MAX = 8,
	WIZ_FIELDS_MAX = 4,
	WIZ_FIELD_MAX = 256, /* bytes of what is typed, the NUL included */
};

/* What a page ends with: the id of a button, which is not negative, or one of these. */
enum {
	WIZ_STAYS = -1,     /* of a tick: it does not end */
	WIZ_INTERRUPT = -2, /* Ctrl-C */
	WIZ_HANGUP = -3,    /* the terminal is gone, or the system asks us to end */
};

/* Ids of buttons that mean the same everywhere; a page's own begin at WIZ_OWN. */
enum { WIZ_NEXT, WIZ_BACK, WIZ_QUIT, WIZ_OWN };

struct wiz_field {
	const char *label;
	char value[WIZ_FIELD_MAX];
};

struct wiz_button {
	const char *label;
	int id;
	bool for_row; /* it is about the row that is marked */
};

struct wiz_page {
	const char *title;
	struct buf text; /* what does not change; owned */
	struct buf news; /* below it: what changes by itself; owned */
	const char *help;
	struct wiz_field fields[WIZ_FIELDS_MAX];
	size_t n_fields;
	struct buf rows;    /* one a line, n_rows of them; owned */
	size_t n_rows, row; /* row: the one that is marked */
	bool menu;          /* choosing a row is choosing the first button */
	bool from_the_end;  /* a long text is read from its end: what came last counts */
	struct wiz_button buttons[WIZ_BUTTONS_MAX];
	size_t n_buttons, preset; /* preset: the button that Enter presses at first */
	/* Called several times a second, on the thread that shows the page; or NULL. May change
	 * news and rows, and then sets changed. Returns what the page ends with, or WIZ_STAYS. */
	int (*tick)(void *arg, struct wiz_page *p);
	void *arg;
	bool changed;
};

/* Adds a button or a field; returns the latter. Too many are left out. */
void page_button(struct wiz_page *p, const char *label, int id);
struct wiz_field *page_field(struct wiz_page *p, const char *label, const char *value);

/* Adds a row, one line. */
void page_row(struct wiz_page *p, const char *text);

/* Frees what the page owns. */
void page_end(struct wiz_page *p);

struct wiz_ui {
	/* Shows p until it ends. What was typed is in its fields, the mark in row. */
	int (*page)(struct wiz_ui *ui, struct wiz_page *p);
	/* Shows p's text and asks for a secret that is shown as stars: WIZ_NEXT, WIZ_BACK, or a
	 * negative number as above. Fields, rows and buttons are not shown. On WIZ_NEXT *s is the
	 * caller's. What is typed is in *s and nowhere else. */
	int (*secret)(struct wiz_ui *ui, const struct wiz_page *p, const char *label,
		      struct secret *s);
	/* The line that is always there: which cluster. */
	void (*place)(struct wiz_ui *ui, const char *text);
	/* Gives the terminal back. */
	void (*close)(struct wiz_ui *ui);
	int signals; /* a signalfd of SIGINT, SIGHUP and SIGTERM, which are blocked */
};

/* Numbered text on standard input and output; these need not be a terminal. */
int ui_plain_open(struct wiz_ui **out, int signals, struct err *e);

/* True if the terminal can show windows: it knows how to move the cursor, and has 80x24 at least.
 */
bool ui_newt_is_possible(void);
int ui_newt_open(struct wiz_ui **out, int signals, struct err *e);

/* The signal that waits in the signalfd, as WIZ_INTERRUPT or WIZ_HANGUP; WIZ_STAYS if none does. */
int ui_signal(int signals);

enum { UI_TICK_MS = 150 };

#endif
