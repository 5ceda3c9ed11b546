/* The wizard in windows drawn by newt. A page is laid out anew whenever it changes or the terminal
 * gets another size; what was typed and where the cursor was is carried over. */
#include "ctlclient/wizard/newt_layout.h"
#include "ctlclient/wizard/newt_secret.h"
#include "ctlclient/wizard/text.h"
#include "ctlclient/wizard/ui.h"

#include <fcntl.h>
#include <newt.h>
#include <slang.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	COLUMNS_MIN = 80,
	ROWS_MIN = 24,
	ASKS_FOR_HELP = -20, /* besides what a page ends with */
};

struct newt {
	struct wiz_ui ui;
	struct winsize size;
	int errors;       /* where standard error goes meanwhile, or -1 */
	int errors_after; /* where it went before */
	char place[256];
};

/* ---- the screen ---- */

static struct winsize screen_size(void)
{
	struct winsize w = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row)
		w = (struct winsize){.ws_col = COLUMNS_MIN, .ws_row = ROWS_MIN};
	return w;
}

static bool is_resized(struct newt *ui)
{
	const struct winsize now = screen_size();
	const bool other = now.ws_col != ui->size.ws_col || now.ws_row != ui->size.ws_row;

	ui->size = now;
	return other;
}

static void draw_root(struct newt *ui)
{
	struct buf line = {0};

	newtCls();
	text_pad(&line, ui->place, ui->size.ws_col > 2 ? ui->size.ws_col - 2u : 0);
	if (buf_cstr(&line))
		newtDrawRootText(1, 0, buf_cstr(&line));
	buf_free(&line);
	newtPopHelpLine();
	newtPushHelpLine(_(" Tab: next   Enter: choose   Esc: back   F1: help   Ctrl-C: leave"));
}

/* Each pair of colours has a background of its own, so that it is readable whatever colours the
 * terminal has otherwise. */
static void set_colours(void)
{
	static const struct {
		int set;
		const char *front, *back;
	} colours[] = {
		{NEWT_COLORSET_ROOT, "lightgray", "blue"},
		{NEWT_COLORSET_ROOTTEXT, "white", "blue"},
		{NEWT_COLORSET_HELPLINE, "white", "blue"},
		{NEWT_COLORSET_BORDER, "black", "lightgray"},
		{NEWT_COLORSET_WINDOW, "black", "lightgray"},
		{NEWT_COLORSET_SHADOW, "black", "black"},
		{NEWT_COLORSET_TITLE, "blue", "lightgray"},
		{NEWT_COLORSET_LABEL, "black", "lightgray"},
		{NEWT_COLORSET_TEXTBOX, "black", "lightgray"},
		{NEWT_COLORSET_ACTTEXTBOX, "blue", "lightgray"},
		{NEWT_COLORSET_ENTRY, "white", "blue"},
		{NEWT_COLORSET_LISTBOX, "black", "lightgray"},
		{NEWT_COLORSET_SELLISTBOX, "black", "cyan"},
		{NEWT_COLORSET_ACTLISTBOX, "black", "cyan"},
		{NEWT_COLORSET_ACTSELLISTBOX, "white", "blue"},
		{NEWT_COLORSET_COMPACTBUTTON, "black", "lightgray"},
		{NEWT_COLORSET_BUTTON, "white", "blue"},
	};
	char front[16], back[16];

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		snprintf(front, sizeof(front), "%s", colours[i].front);
		snprintf(back, sizeof(back), "%s", colours[i].back);
		newtSetColor(colours[i].set, front, back);
	}
}

/* ---- a page ---- */

static void take_over(struct newt_layout *l, struct wiz_page *p)
{
	for (size_t i = 0; i < p->n_fields; i++)
		snprintf(p->fields[i].value, WIZ_FIELD_MAX, "%s", newtEntryGetValue(l->fields[i]));
	if (l->list) {
		const uintptr_t mark = (uintptr_t)newtListboxGetCurrent(l->list);

		p->row = mark ? mark - 1 : 0;
	}
}

static int back_of(const struct wiz_page *p)
{
	for (size_t i = 0; i < p->n_buttons; i++)
		if (p->buttons[i].id == WIZ_BACK)
			return WIZ_BACK;
	return WIZ_STAYS;
}

static int on_component(const struct newt_layout *l, const struct wiz_page *p, newtComponent c)
{
	for (size_t i = 0; i < p->n_buttons; i++)
		if (l->buttons[i] == c)
			return p->buttons[i].id;
	for (size_t i = 0; c == l->list && i < p->n_buttons; i++)
		if (p->menu || p->buttons[i].for_row)
			return p->buttons[i].id;
	if (l->n_order && p->n_buttons && c != l->list)
		return p->buttons[p->preset].id; /* Enter in a field */
	return WIZ_STAYS;
}

static int on_key(const struct wiz_page *p, int key)
{
	switch (key) {
	case NEWT_KEY_CTRL_C:
		return WIZ_INTERRUPT;
	case NEWT_KEY_ESCAPE:
		return back_of(p);
	case NEWT_KEY_F1:
		return ASKS_FOR_HELP;
	default:
		return WIZ_STAYS;
	}
}

/* Runs the form until something happens that matters: what the page ends with, or WIZ_STAYS if it
 * has to be drawn anew. */
static int run(struct newt *ui, struct newt_layout *l, struct wiz_page *p)
{
	for (;;) {
		struct newtExitStruct es;
		int end = WIZ_STAYS;

		newtFormRun(l->form, &es);
		if (es.reason == NEWT_EXIT_HOTKEY)
			end = on_key(p, es.u.key);
		else if (es.reason == NEWT_EXIT_COMPONENT)
			end = on_component(l, p, es.u.co);
		else if (es.reason == NEWT_EXIT_TIMER) /* newt leaks what it watches for us */
			end = ui_signal(ui->ui.signals);
		else if (es.reason == NEWT_EXIT_ERROR)
			end = WIZ_HANGUP;
		if (end == WIZ_STAYS && p->tick)
			end = p->tick(p->arg, p);
		if (end != WIZ_STAYS || p->changed || is_resized(ui))
			return end;
	}
}

static int newt_page(struct wiz_ui *base, struct wiz_page *p);

static void show_help(struct newt *ui, const struct wiz_page *p)
{
	struct wiz_page help = {.title = _("What this step means for the phones"), .help = ""};

	buf_str(&help.text, p->help);
	page_button(&help, _("Close"), WIZ_BACK);
	(void)newt_page(&ui->ui, &help);
	page_end(&help);
}

static int newt_page(struct wiz_ui *base, struct wiz_page *p)
{
	struct newt *ui = (struct newt *)base;
	int focus = NEWT_FOCUS_PRESET;
	int end;

	do {
		struct newt_layout l;

		newtResizeScreen(0);
		draw_root(ui);
		newt_lay_out(&l, &ui->size, p, focus);
		p->changed = false;
		end = run(ui, &l, p);
		focus = newt_focus(&l);
		take_over(&l, p);
		newtFormDestroy(l.form);
		newtPopWindowNoRefresh();
		if (end == ASKS_FOR_HELP && *p->help)
			show_help(ui, p);
	} while (end == WIZ_STAYS || end == ASKS_FOR_HELP);
	return end;
}

/* ---- secrets ---- */

static int newt_secret_page(struct wiz_ui *base, const struct wiz_page *p, const char *label,
			    struct secret *s)
{
	struct newt *ui = (struct newt *)base;
	struct wiz_page shown = {.title = p->title, .help = p->help};
	struct err e;
	int end;

	if (secret_set(s, "", 0, &e))
		return WIZ_HANGUP;
	do {
		struct newt_layout l;
		const size_t labelled = text_columns(label) + 2;

		newtResizeScreen(0);
		draw_root(ui);
		shown.text.len = shown.news.len = 0;
		buf_span(&shown.text, buf_view(&p->text));
		buf_printf(&shown.text, "\n\n%s:\n\n%s", label, _("Enter: go on      Esc: back"));
		newt_lay_out(&l, &ui->size, &shown, NEWT_FOCUS_PRESET);
		newtDrawForm(l.form);
		end = newt_secret_read(
			&(struct newt_secret_place){
				.left = (ui->size.ws_col - l.width) / 2 + (int)labelled + 1,
				.top = l.top + l.height - 3,
				.width = l.width - (int)labelled - 3,
				.signals = ui->ui.signals,
			},
			s);
		newtFormDestroy(l.form);
		newtPopWindowNoRefresh();
		if (end == NEWT_SECRET_HELP)
			show_help(ui, p);
		(void)is_resized(ui);
	} while (end == NEWT_SECRET_HELP || end == NEWT_SECRET_RESIZED);
	page_end(&shown);
	if (end != WIZ_NEXT)
		secret_free(s);
	return end;
}

/* ---- opening and closing ---- */

static void newt_place(struct wiz_ui *base, const char *text)
{
	struct newt *ui = (struct newt *)base;

	snprintf(ui->place, sizeof(ui->place), "%s", text);
}

/* PKCS#11 modules write on standard error when they like. */
static void errors_aside(struct newt *ui)
{
	ui->errors = memfd_create("ctlclient-errors", MFD_CLOEXEC);
	ui->errors_after = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (ui->errors >= 0 && ui->errors_after >= 0)
		dup2(ui->errors, STDERR_FILENO);
}

static void errors_back(struct newt *ui)
{
	char text[4096];
	ssize_t n;

	if (ui->errors < 0 || ui->errors_after < 0)
		return;
	dup2(ui->errors_after, STDERR_FILENO);
	lseek(ui->errors, 0, SEEK_SET);
	while ((n = read(ui->errors, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)n) < 0)
			break;
	close(ui->errors);
	close(ui->errors_after);
}

static void newt_close(struct wiz_ui *base)
{
	struct newt *ui = (struct newt *)base;

	newtFinished();
	errors_back(ui);
	free(ui);
}

bool ui_newt_is_possible(void)
{
	const struct winsize w = screen_size();
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term)
		return false;
	if (w.ws_col < COLUMNS_MIN || w.ws_row < ROWS_MIN)
		return false;
	return !SLtt_initialize(NULL);
}

int ui_newt_open(struct wiz_ui **out, int signals, struct err *e)
{
	struct newt *ui = calloc(1, sizeof(*ui));

	if (!ui)
		return err_nomem(e);
	ui->ui = (struct wiz_ui){newt_page, newt_secret_page, newt_place, newt_close, signals};
	ui->size = screen_size();
	errors_aside(ui);
	if (newtInit()) {
		errors_back(ui);
		free(ui);
		return err_set(e, ERR_FAILED, "terminal", "the terminal cannot show windows");
	}
	set_colours();
	newtPushHelpLine("");
	*out = &ui->ui;
	return 0;
}
