/* The wizard in windows drawn by newt. A page is laid out anew whenever it changes or the terminal
 * gets another size; what was typed and where the cursor was is carried over. */
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
	WIDTH_MAX = 96, /* of a window: longer lines are hard to read */
	FRAME = 2,      /* above and below a window */
	KEY_CTRL_C = 3,
	PARTS_MAX = WIZ_FIELDS_MAX + WIZ_BUTTONS_MAX + 2,
	FOCUS_PRESET = -1,
	ASKS_FOR_HELP = -20, /* besides what a page ends with */
};

struct newt {
	struct wiz_ui ui;
	struct winsize size;
	int errors;       /* where standard error goes meanwhile, or -1 */
	int errors_after; /* where it went before */
	char place[256];
};

/* A page on the screen. */
struct layout {
	newtComponent form, text, list;
	newtComponent fields[WIZ_FIELDS_MAX], buttons[WIZ_BUTTONS_MAX];
	newtComponent order[PARTS_MAX]; /* those that take the focus */
	size_t n_order;
	int width, height; /* inside the window */
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

/* ---- laying a page out ---- */

static int lines_of(const char *text)
{
	int n = *text != '\0';

	for (; *text; text++)
		n += *text == '\n' && text[1];
	return n;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

static void add(struct layout *l, newtComponent c, bool focus)
{
	newtFormAddComponent(l->form, c);
	if (focus)
		l->order[l->n_order++] = c;
}

/* The text and below it, after an empty line, the news: in at most so many lines, scrolled if need
 * be. Returns how many it takes. */
static int put_text(struct layout *l, struct wiz_page *p, int most)
{
	struct buf all = {0}, wrapped = {0};
	int n = 0;

	buf_span(&all, buf_view(&p->text));
	if (p->news.len) {
		buf_str(&all, all.len ? "\n\n" : "");
		buf_span(&all, buf_view(&p->news));
	}
	text_wrap(&wrapped, buf_cstr(&all) ? buf_cstr(&all) : "", (size_t)l->width - 4);
	if (buf_cstr(&wrapped) && wrapped.len) {
		const int wanted = lines_of(buf_cstr(&wrapped));
		const bool scrolls = wanted > most;

		n = least(wanted, most);
		/* A scrollbar takes two columns besides the text's. */
		l->text = newtTextbox(1, 0, l->width - 4, n, scrolls ? NEWT_FLAG_SCROLL : 0);
		newtTextboxSetText(l->text, buf_cstr(&wrapped));
		add(l, l->text, scrolls);
	}
	buf_free(&all);
	buf_free(&wrapped);
	return n;
}

static void put_row(struct layout *l, const char *row, size_t n, size_t number)
{
	struct buf text = {0}, line = {0};

	buf_put(&text, row, n);
	text_pad(&line, buf_cstr(&text) ? buf_cstr(&text) : "", (size_t)l->width - 5);
	if (buf_cstr(&line))
		newtListboxAppendEntry(l->list, buf_cstr(&line), (void *)(uintptr_t)(number + 1));
	buf_free(&text);
	buf_free(&line);
}

static void put_rows(struct layout *l, struct wiz_page *p, int top, int height)
{
	const bool scrolls = (int)p->n_rows > height;
	const char *row = buf_cstr(&p->rows);

	l->list = newtListbox(1, top, height,
			      NEWT_FLAG_RETURNEXIT | (scrolls ? NEWT_FLAG_SCROLL : 0));
	newtListboxSetWidth(l->list, l->width - 2);
	for (size_t i = 0; row && i < p->n_rows; i++) {
		const size_t n = strcspn(row, "\n");

		put_row(l, row, n, i);
		row += n + 1;
	}
	newtListboxSetCurrent(l->list, (int)p->row);
	add(l, l->list, true);
}

static void put_fields(struct layout *l, struct wiz_page *p, int top)
{
	size_t wide = 0;

	for (size_t i = 0; i < p->n_fields; i++)
		if (text_columns(p->fields[i].label) > wide)
			wide = text_columns(p->fields[i].label);
	for (size_t i = 0; i < p->n_fields; i++) {
		const struct wiz_field *f = &p->fields[i];
		const int left = (int)wide + 3;

		newtFormAddComponent(l->form, newtLabel(1, top + (int)i, f->label));
		l->fields[i] =
			newtEntry(left, top + (int)i, f->value, least(50, l->width - left - 1),
				  NULL, NEWT_FLAG_SCROLL | NEWT_FLAG_RETURNEXIT);
		add(l, l->fields[i], true);
	}
}

/* Side by side, in as many lines as they need; returns these. With draw false it only counts. */
static int put_buttons(struct layout *l, const struct wiz_page *p, int top, bool draw)
{
	int left = 1, line = 0;

	for (size_t i = 0; i < p->n_buttons; i++) {
		const char *label = p->buttons[i].label;
		const int wide = (int)text_columns(label) + 4;

		if (left > 1 && left + wide > l->width) {
			left = 1;
			line++;
		}
		if (draw) {
			l->buttons[i] = newtCompactButton(left, top + line, label);
			add(l, l->buttons[i], true);
		}
		left += wide;
	}
	return p->n_buttons ? line + 1 : 0;
}

static void watch_keys(struct layout *l, int signals)
{
	newtFormAddHotKey(l->form, NEWT_KEY_ESCAPE);
	newtFormAddHotKey(l->form, NEWT_KEY_F1);
	newtFormAddHotKey(l->form, KEY_CTRL_C);
	newtFormSetTimer(l->form, UI_TICK_MS);
	newtFormWatchFd(l->form, signals, NEWT_FD_READ);
}

/* Where the cursor stands at first: in the first field, else the list, else on the preset button.
 */
static void set_focus(struct layout *l, const struct wiz_page *p, int focus)
{
	newtComponent c = NULL;

	if (focus >= 0 && (size_t)focus < l->n_order)
		c = l->order[focus];
	else if (p->n_fields)
		c = l->fields[0];
	else if (p->n_rows)
		c = l->list;
	else if (l->n_order && l->order[0] == l->text)
		c = l->text; /* it is to be read first */
	else if (p->n_buttons)
		c = l->buttons[p->preset];
	if (c)
		newtFormSetCurrent(l->form, c);
}

static void lay_out(struct newt *ui, struct layout *l, struct wiz_page *p, int focus)
{
	const int fields = (int)p->n_fields;
	char title[WIZ_FIELD_MAX];
	int rows = (int)p->n_rows, buttons, text, room, at;

	*l = (struct layout){.width = least(ui->size.ws_col - 6, WIDTH_MAX),
			     .height = ui->size.ws_row - 3 - 2 * FRAME};
	if (l->width < 20)
		l->width = 20;
	l->form = newtForm(NULL, NULL, NEWT_FLAG_NOF12);
	buttons = put_buttons(l, p, 0, false);
	room = l->height - buttons - (buttons ? 1 : 0) - fields - (fields ? 1 : 0);
	if (rows > room / 2)
		rows = room / 2 < 3 ? 3 : room / 2;
	text = put_text(l, p, room - rows - (rows ? 1 : 0) < 1 ? 1 : room - rows - (rows ? 1 : 0));
	if (rows < (int)p->n_rows)
		rows = least((int)p->n_rows, room - text - 1);
	at = text + (text ? 1 : 0);
	if (fields)
		put_fields(l, p, at);
	at += fields + (fields ? 1 : 0);
	if (rows)
		put_rows(l, p, at, rows);
	at += rows + (rows ? 1 : 0);
	put_buttons(l, p, at, true);
	l->height = at + buttons > 0 ? at + buttons : 1;
	snprintf(title, sizeof(title), " %s ", p->title);
	newtOpenWindow((ui->size.ws_col - l->width) / 2,
		       FRAME + (ui->size.ws_row - 2 * FRAME - l->height - 1) / 2,
		       (unsigned)l->width, (unsigned)l->height, title);
	watch_keys(l, ui->ui.signals);
	set_focus(l, p, focus);
}

/* ---- a page ---- */

static int focus_of(const struct layout *l)
{
	const newtComponent c = newtFormGetCurrent(l->form);

	for (size_t i = 0; i < l->n_order; i++)
		if (l->order[i] == c)
			return (int)i;
	return FOCUS_PRESET;
}

static void take_over(struct layout *l, struct wiz_page *p)
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

static int on_component(const struct layout *l, const struct wiz_page *p, newtComponent c)
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
	case KEY_CTRL_C:
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
static int run(struct newt *ui, struct layout *l, struct wiz_page *p)
{
	for (;;) {
		struct newtExitStruct es;
		int end = WIZ_STAYS;

		newtFormRun(l->form, &es);
		if (es.reason == NEWT_EXIT_HOTKEY)
			end = on_key(p, es.u.key);
		else if (es.reason == NEWT_EXIT_COMPONENT)
			end = on_component(l, p, es.u.co);
		else if (es.reason == NEWT_EXIT_FDREADY)
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
	int focus = FOCUS_PRESET;
	int end;

	do {
		struct layout l;

		newtResizeScreen(0);
		draw_root(ui);
		lay_out(ui, &l, p, focus);
		p->changed = false;
		end = run(ui, &l, p);
		focus = focus_of(&l);
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
		struct layout l;
		const size_t labelled = text_columns(label) + 2;

		newtResizeScreen(0);
		draw_root(ui);
		shown.text.len = shown.news.len = 0;
		buf_span(&shown.text, buf_view(&p->text));
		buf_printf(&shown.text, "\n\n%s:\n\n%s", label, _("Enter: go on      Esc: back"));
		lay_out(ui, &l, &shown, FOCUS_PRESET);
		newtDrawForm(l.form);
		end = newt_secret_read(
			&(struct newt_secret_place){
				.left = (ui->size.ws_col - l.width) / 2 + (int)labelled + 1,
				.top = FRAME + (ui->size.ws_row - 2 * FRAME - l.height - 1) / 2 +
				       l.height - 3,
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
