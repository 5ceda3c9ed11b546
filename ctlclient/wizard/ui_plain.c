/* The wizard as numbered text: for screen readers, terminals that cannot move a cursor, and pipes.
 * Nothing is ever drawn over; what changes is told in a line of its own. */
#include "ctlclient/wizard/text.h"
#include "ctlclient/wizard/ui.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_ = 512, WIDTH_USUAL = 80, WIDTH_MIN = 40, WIDTH_MAX = 100 };

struct plain {
	struct wiz_ui ui;
	struct buf told; /* the news as they were told last */
	char place[256];
	bool moved;     /* that has changed */
	bool at_prompt; /* the cursor stands behind a question */
};

static size_t width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
		return WIDTH_USUAL;
	if (w.ws_col < WIDTH_MIN)
		return WIDTH_MIN;
	return w.ws_col < WIDTH_MAX ? w.ws_col - 1u : WIDTH_MAX;
}

static void say(struct plain *ui, const char *text)
{
	struct buf lines = {0};

	if (ui->at_prompt)
		putchar('\n');
	ui->at_prompt = false;
	text_wrap(&lines, text, width());
	if (buf_cstr(&lines))
		puts(buf_cstr(&lines));
	buf_free(&lines);
	fflush(stdout);
}

/* ---- reading ---- */

/* Waits for a byte: 0, or what the page ends with. */
static int await(struct plain *ui, struct wiz_page *p, char *c);

/* True if text has that line. */
static bool has_line(const char *text, const char *line, size_t n)
{
	while (text && *text) {
		const size_t m = strcspn(text, "\n");

		if (m == n && !strncmp(text, line, n))
			return true;
		text += m + (text[m] == '\n');
	}
	return false;
}

/* Of the news, the lines that have not been told on this page. */
static void tell_news(struct plain *ui, struct wiz_page *p)
{
	const char *now = buf_cstr(&p->news), *before = buf_cstr(&ui->told);
	struct buf fresh = {0};

	while (now && *now) {
		const size_t n = strcspn(now, "\n");

		if (n && !has_line(before, now, n)) {
			buf_put(&fresh, now, n);
			buf_u8(&fresh, '\n');
		}
		now += n + (now[n] == '\n');
	}
	if (fresh.len && buf_cstr(&fresh)) {
		fresh.data[fresh.len - 1] = '\0';
		say(ui, (const char *)fresh.data);
	}
	buf_free(&fresh);
	ui->told.len = 0;
	buf_span(&ui->told, buf_view(&p->news));
}

/* Tells what has changed; the question is asked again then. */
static int tick(struct plain *ui, struct wiz_page *p)
{
	int end = ui_signal(ui->ui.signals);

	if (end != WIZ_STAYS || !p || !p->tick)
		return end;
	end = p->tick(p->arg, p);
	if (p->changed)
		tell_news(ui, p);
	return end;
}

static int await(struct plain *ui, struct wiz_page *p, char *c)
{
	for (;;) {
		struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {ui->ui.signals, POLLIN, 0}};
		ssize_t n;

		poll(fds, 2, p && p->tick ? UI_TICK_MS : -1);
		if (!fds[0].revents) {
			const int end = tick(ui, p);

			if (end != WIZ_STAYS || (p && p->changed))
				return end;
			continue;
		}
		n = read(STDIN_FILENO, c, 1);
		return n == 1 ? 0 : WIZ_HANGUP;
	}
}

/* Asks and reads a line: 0, or what the page ends with; WIZ_STAYS if something has changed, and has
 * been told. */
static int ask(struct plain *ui, struct wiz_page *p, const char *question, char line[LINE_MAX_])
{
	size_t n = 0;
	char c = 0;

	printf("%s", question);
	fflush(stdout);
	ui->at_prompt = true;
	for (;;) {
		const int end = await(ui, p, &c);

		if (end) {
			if (ui->at_prompt)
				putchar('\n');
			ui->at_prompt = false;
			return end;
		}
		if (c == '\n')
			break;
		if (n < LINE_MAX_ - 1)
			line[n++] = c;
	}
	ui->at_prompt = false;
	line[n] = '\0';
	return 0;
}

/* ---- a page ---- */

/* The page is not ours to change, as buf_cstr() might. */
static void say_part(struct plain *ui, const struct buf *part)
{
	struct buf copy = {0};

	buf_span(&copy, buf_view(part));
	if (part->len && buf_cstr(&copy))
		say(ui, buf_cstr(&copy));
	buf_free(&copy);
}

static void show(struct plain *ui, const struct wiz_page *p)
{
	char line[LINE_MAX_];

	snprintf(line, sizeof(line), "\n=== %s ===", p->title);
	say(ui, line);
	if (ui->moved)
		say(ui, ui->place);
	ui->moved = false;
	say_part(ui, &p->text);
	if (p->news.len)
		say(ui, "");
	say_part(ui, &p->news);
	ui->told.len = 0;
	buf_span(&ui->told, buf_view(&p->news));
}

static int ask_fields(struct plain *ui, struct wiz_page *p)
{
	char line[LINE_MAX_], question[LINE_MAX_];

	for (size_t i = 0; i < p->n_fields; i++) {
		struct wiz_field *f = &p->fields[i];
		int end;

		snprintf(question, sizeof(question), "%s [%s]: ", f->label, f->value);
		end = ask(ui, NULL, question, line);
		if (end)
			return end;
		if (!strcmp(line, "?")) {
			say(ui, p->help);
			i--;
		} else if (*line) {
			snprintf(f->value, sizeof(f->value), "%.*s", WIZ_FIELD_MAX - 1, line);
		}
	}
	return 0;
}

/* Rows that can be chosen have numbers. */
static size_t chosen_rows(const struct wiz_page *p)
{
	for (size_t i = 0; !p->menu && i < p->n_buttons; i++)
		if (p->buttons[i].for_row)
			return p->n_rows;
	return p->menu ? p->n_rows : 0;
}

static void list(struct plain *ui, struct wiz_page *p)
{
	const size_t rows = chosen_rows(p);
	const char *row = buf_cstr(&p->rows);
	char line[LINE_MAX_];
	size_t number = 0;

	say(ui, "");
	for (size_t i = 0; row && i < p->n_rows; i++) {
		const size_t n = strcspn(row, "\n");

		if (rows)
			snprintf(line, sizeof(line), "%3zu) %.*s", ++number, (int)n, row);
		else
			snprintf(line, sizeof(line), "  - %.*s", (int)n, row);
		say(ui, line);
		row += n + 1;
	}
	if (p->n_rows && !p->menu)
		say(ui, "");
	for (size_t i = p->menu ? 1 : 0; i < p->n_buttons; i++) {
		snprintf(line, sizeof(line), "%3zu) %s", ++number, p->buttons[i].label);
		say(ui, line);
	}
}

/* For a button that needs one, asks for the row. */
static int ask_row(struct plain *ui, struct wiz_page *p, const struct wiz_button *b)
{
	char line[LINE_MAX_], question[LINE_MAX_];
	unsigned long n;
	int end;

	if (!b->for_row || p->n_rows < 2)
		return b->id;
	snprintf(question, sizeof(question), _("%s: which one (1 to %zu)? "), b->label, p->n_rows);
	end = ask(ui, NULL, question, line);
	if (end)
		return end;
	n = strtoul(line, NULL, 10);
	if (!isdigit((unsigned char)*line) || n < 1 || n > p->n_rows)
		return WIZ_STAYS;
	p->row = n - 1;
	return b->id;
}

/* Who chooses a row of a list that is no menu wants to see what it is. */
static int chosen(struct plain *ui, struct wiz_page *p, unsigned long number)
{
	const size_t skipped = p->menu ? 1 : 0, rows = chosen_rows(p);

	if (number && number <= rows) {
		p->row = number - 1;
		for (size_t i = 0; i < p->n_buttons; i++)
			if (p->menu || p->buttons[i].for_row)
				return p->buttons[i].id;
		return WIZ_STAYS;
	}
	number -= rows;
	if (number < 1 || number + skipped > p->n_buttons)
		return WIZ_STAYS;
	return ask_row(ui, p, &p->buttons[number - 1 + skipped]);
}

static size_t preset_number(const struct wiz_page *p)
{
	return p->menu ? p->row + 1 : chosen_rows(p) + p->preset + 1;
}

/* One question; the choices before it, unless they are those told last. */
static int choose(struct plain *ui, struct wiz_page *p, bool anew)
{
	char line[LINE_MAX_], question[LINE_MAX_];
	int end;

	if (anew)
		list(ui, p);
	snprintf(question, sizeof(question), _("Your choice [%zu], ? for help: "),
		 preset_number(p));
	end = ask(ui, p, question, line);
	if (end)
		return end;
	if (!strcmp(line, "?")) {
		say(ui, p->help);
		return WIZ_STAYS;
	}
	end = chosen(ui, p, *line ? strtoul(line, NULL, 10) : preset_number(p));
	if (end == WIZ_STAYS)
		say(ui, _("That is none of the numbers."));
	return end;
}

static int plain_page(struct wiz_ui *base, struct wiz_page *p)
{
	struct plain *ui = (struct plain *)base;
	bool list = true;
	int end;

	show(ui, p);
	p->changed = false;
	if (!p->n_buttons) {
		do {
			poll(NULL, 0, UI_TICK_MS);
			end = tick(ui, p);
			p->changed = false;
		} while (end == WIZ_STAYS);
		return end;
	}
	end = ask_fields(ui, p);
	if (end)
		return end;
	do {
		const size_t buttons = p->n_buttons, rows = p->n_rows;

		p->changed = false;
		end = choose(ui, p, list);
		/* News are told already; what can be chosen is the same. */
		list = !p->changed || buttons != p->n_buttons || rows != p->n_rows;
	} while (end == WIZ_STAYS);
	return end;
}

/* ---- secrets ---- */

static void echo(bool on)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t))
		return;
	t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

static int read_secret(struct plain *ui, struct secret *s)
{
	char c = 0;
	int end;

	for (;;) {
		end = await(ui, NULL, &c);
		if (end || c == '\n')
			break;
		if (s->len < SECRET_MAX - 1)
			s->text[s->len++] = c;
	}
	s->text[s->len] = '\0';
	return end;
}

static int plain_secret(struct wiz_ui *base, const struct wiz_page *p, const char *label,
			struct secret *s)
{
	struct plain *ui = (struct plain *)base;
	const bool terminal = isatty(STDIN_FILENO);
	struct err e;
	int end;

	show(ui, p);
	if (secret_set(s, "", 0, &e))
		return WIZ_HANGUP;
	say(ui, _("It is not shown while you type. An empty line goes back."));
	if (terminal)
		echo(false);
	printf("%s: ", label);
	fflush(stdout);
	end = read_secret(ui, s);
	if (terminal)
		echo(true);
	putchar('\n');
	if (end || !s->len)
		secret_free(s);
	return end ? end : s->len ? WIZ_NEXT : WIZ_BACK;
}

static void plain_place(struct wiz_ui *base, const char *text)
{
	struct plain *ui = (struct plain *)base;

	ui->moved = *ui->place && strcmp(ui->place, text) != 0;
	snprintf(ui->place, sizeof(ui->place), "%s", text);
}

static void plain_close(struct wiz_ui *base)
{
	struct plain *ui = (struct plain *)base;

	buf_free(&ui->told);
	free(ui);
}

int ui_plain_open(struct wiz_ui **out, int signals, struct err *e)
{
	struct plain *ui = calloc(1, sizeof(*ui));

	if (!ui)
		return err_nomem(e);
	ui->ui = (struct wiz_ui){plain_page, plain_secret, plain_place, plain_close, signals};
	*out = &ui->ui;
	return 0;
}
