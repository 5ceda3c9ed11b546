#include "ctlclient/wizard/newt_secret.h"

#include "ctlclient/wizard/ui.h"

#include <newt.h>
#include <poll.h>
#include <slang.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	ESCAPE_MS = 50, /* what follows an Esc within that time is a key's sequence */
	SEQUENCE_MAX = 8,
	CTRL_C = 3,
	CTRL_U = 21,
	BACKSPACE = 8,
	DELETE = 127,
	ESC = 27,
};

static void draw(const struct newt_secret_place *at, const struct secret *s)
{
	const int shown = s->len < (size_t)at->width ? (int)s->len : at->width;

	SLsmg_set_color(NEWT_COLORSET_ENTRY);
	SLsmg_gotorc(at->top, at->left);
	for (int i = 0; i < at->width; i++)
		SLsmg_write_char(i < shown ? '*' : ' ');
	SLsmg_gotorc(at->top, at->left + (shown < at->width ? shown : at->width - 1));
	newtRefresh();
}

static bool comes_within(int ms)
{
	struct pollfd fd = {STDIN_FILENO, POLLIN, 0};

	return poll(&fd, 1, ms) > 0;
}

/* The rest of a sequence that began with Esc. Only F1 means something here. */
static int after_escape(void)
{
	static const char *const f1[] = {"OP", "[11~", "[[A"};
	char key[SEQUENCE_MAX + 1] = "";
	size_t n = 0;

	while (n < SEQUENCE_MAX && comes_within(ESCAPE_MS) && read(STDIN_FILENO, &key[n], 1) == 1)
		n++;
	if (!n)
		return WIZ_BACK;
	for (size_t i = 0; i < sizeof(f1) / sizeof(f1[0]); i++)
		if (!strcmp(key, f1[i]))
			return NEWT_SECRET_HELP;
	return WIZ_STAYS;
}

static void take_back(struct secret *s)
{
	/* A character of UTF-8 is taken back as a whole. */
	while (s->len && (s->text[s->len - 1] & 0xc0) == 0x80)
		s->text[--s->len] = '\0';
	if (s->len)
		s->text[--s->len] = '\0';
}

static int on_byte(struct secret *s, char *c)
{
	switch (*c) {
	case '\r':
	case '\n':
		return s->len ? WIZ_NEXT : WIZ_STAYS;
	case CTRL_C:
		return WIZ_INTERRUPT;
	case ESC:
		return after_escape();
	case CTRL_U:
		while (s->len)
			s->text[--s->len] = '\0';
		return WIZ_STAYS;
	case BACKSPACE:
	case DELETE:
		take_back(s);
		return WIZ_STAYS;
	default:
		if ((unsigned char)*c >= ' ' && s->len < SECRET_MAX - 1)
			s->text[s->len++] = *c;
		*c = 0;
		return WIZ_STAYS;
	}
}

static bool is_resized(const struct winsize *before)
{
	struct winsize now;

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) &&
	       (now.ws_col != before->ws_col || now.ws_row != before->ws_row);
}

int newt_secret_read(const struct newt_secret_place *at, struct secret *s)
{
	struct winsize size = {0};
	int end = WIZ_STAYS;
	char c;

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	newtCursorOn();
	while (end == WIZ_STAYS) {
		struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {at->signals, POLLIN, 0}};

		draw(at, s);
		(void)poll(fds, 2, UI_TICK_MS);
		if (fds[1].revents)
			end = ui_signal(at->signals);
		else if (fds[0].revents)
			end = read(STDIN_FILENO, &c, 1) == 1 ? on_byte(s, &c) : WIZ_HANGUP;
		else if (is_resized(&size))
			end = NEWT_SECRET_RESIZED;
	}
	newtCursorOff();
	return end;
}
