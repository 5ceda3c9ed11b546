/* Text above, then fields, rows and buttons, in a window that is as high as they need. */
#include "ctlclient/wizard/newt_layout.h"

#include "ctlclient/wizard/text.h"

#include <stdio.h>
#include <string.h>

enum {
	WIDTH_MAX = 96, /* of a window: longer lines are hard to read */
	FRAME = 2,      /* above and below a window */
};

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

static void add(struct newt_layout *l, newtComponent c, bool focus)
{
	newtFormAddComponent(l->form, c);
	if (focus)
		l->order[l->n_order++] = c;
}

/* The text and below it, after an empty line, the news: in at most so many lines, scrolled if need
 * be. Returns how many it takes. */
static int put_text(struct newt_layout *l, struct wiz_page *p, int most)
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

static void put_row(struct newt_layout *l, const char *row, size_t n, size_t number)
{
	struct buf text = {0}, line = {0};

	buf_put(&text, row, n);
	text_pad(&line, buf_cstr(&text) ? buf_cstr(&text) : "", (size_t)l->width - 5);
	if (buf_cstr(&line))
		newtListboxAppendEntry(l->list, buf_cstr(&line), (void *)(uintptr_t)(number + 1));
	buf_free(&text);
	buf_free(&line);
}

static void put_rows(struct newt_layout *l, struct wiz_page *p, int top, int height)
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

static void put_fields(struct newt_layout *l, struct wiz_page *p, int top)
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
static int put_buttons(struct newt_layout *l, const struct wiz_page *p, int top, bool draw)
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

static void watch_keys(struct newt_layout *l)
{
	newtFormAddHotKey(l->form, NEWT_KEY_ESCAPE);
	newtFormAddHotKey(l->form, NEWT_KEY_F1);
	newtFormAddHotKey(l->form, NEWT_KEY_CTRL_C);
	newtFormSetTimer(l->form, UI_TICK_MS);
}

/* Where the cursor stands at first: in the first field, else the list, else on the preset button.
 */
static void set_focus(struct newt_layout *l, const struct wiz_page *p, int focus)
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

void newt_lay_out(struct newt_layout *l, const struct winsize *size, struct wiz_page *p, int focus)
{
	const int fields = (int)p->n_fields;
	char title[WIZ_FIELD_MAX];
	int rows = (int)p->n_rows, buttons, text, room, at;

	*l = (struct newt_layout){.width = least(size->ws_col - 6, WIDTH_MAX),
				  .height = size->ws_row - 3 - 2 * FRAME};
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
	l->left = (size->ws_col - l->width) / 2;
	l->top = FRAME + (size->ws_row - 2 * FRAME - l->height - 1) / 2;
	newtOpenWindow(l->left, l->top, (unsigned)l->width, (unsigned)l->height, title);
	watch_keys(l);
	set_focus(l, p, focus);
}

int newt_focus(const struct newt_layout *l)
{
	const newtComponent c = newtFormGetCurrent(l->form);

	for (size_t i = 0; i < l->n_order; i++)
		if (l->order[i] == c)
			return (int)i;
	return NEWT_FOCUS_PRESET;
}
