#include "ctlclient/wizard/ui.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

void page_button(struct wiz_page *p, const char *label, int id)
{
	if (p->n_buttons < WIZ_BUTTONS_MAX)
		p->buttons[p->n_buttons++] = (struct wiz_button){label, id, false};
}

struct wiz_field *page_field(struct wiz_page *p, const char *label, const char *value)
{
	struct wiz_field *f =
		&p->fields[p->n_fields < WIZ_FIELDS_MAX ? p->n_fields++ : WIZ_FIELDS_MAX - 1];

	f->label = label;
	snprintf(f->value, sizeof(f->value), "%s", value);
	return f;
}

void page_row(struct wiz_page *p, const char *text)
{
	buf_str(&p->rows, text);
	buf_u8(&p->rows, '\n');
	p->n_rows++;
}

void page_end(struct wiz_page *p)
{
	buf_free(&p->text);
	buf_free(&p->news);
	buf_free(&p->rows);
}

int ui_signal(int signals)
{
	struct pollfd fd = {signals, POLLIN, 0};
	struct signalfd_siginfo heard;

	if (poll(&fd, 1, 0) < 1 || read(signals, &heard, sizeof(heard)) != sizeof(heard))
		return WIZ_STAYS;
	return heard.ssi_signo == SIGINT ? WIZ_INTERRUPT : WIZ_HANGUP;
}
