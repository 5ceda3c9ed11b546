/*
 * What takes longer than a moment (network, tokens) runs on a thread of its own, while the page
 * says what is going on and hears Ctrl-C.
 */
#ifndef CTLCLIENT_WIZARD_TASK_H
#define CTLCLIENT_WIZARD_TASK_H

#include "ctlclient/desk.h"
#include "ctlclient/wizard/ui.h"

#include <stdatomic.h>

/* Returns 0 or the kind of error in e. */
typedef int task_fn(void *arg, struct err *e);

/* How to break one off. */
struct task_brake {
	atomic_bool cancel; /* for requests: struct api_opts */
	int fd;             /* an eventfd for the desk: desk_interrupt() */
};

int task_brake_open(struct task_brake *b, struct err *e);
void task_brake_close(struct task_brake *b);

/* Breaks off what is under way; the next task_run() lets it go again. */
void task_brake_pull(struct task_brake *b);

/* True if the last task was broken off. */
bool task_was_broken_off(const struct task_brake *b);

/* Runs fn(arg) and returns what it returned. If it takes a while a page with the title and the text
 * is shown. Ctrl-C pulls the brake (NULL: it is too late for that, and is said). The system's wish
 * to end does so, too; *hangup is set then. */
int task_run(struct wiz_ui *ui, const char *title, const char *text, const char *help,
	     struct task_brake *b, bool *hangup, task_fn *fn, void *arg, struct err *e);

#endif
