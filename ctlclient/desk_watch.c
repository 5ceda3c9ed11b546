#include "ctlclient/desk_watch.h"
#include "common/clock.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { SETTLE_MS = 10000 /* how long after news it is asked for again */ };

struct watching {
	struct watch *watch;
	struct desk *desk;
	desk_news_fn *news;
	void *arg;
	int ctrl_c;      /* a signalfd */
	sigset_t before; /* signals blocked outside */
	int64_t end;     /* in milliseconds; INT64_MAX: never */
	int64_t settled; /* until then what there is may not be all there is to it */
};

static int ctrl_c_open(struct watching *w, struct err *e)
{
	sigset_t only;

	sigemptyset(&only);
	sigaddset(&only, SIGINT);
	pthread_sigmask(SIG_BLOCK, &only, &w->before);
	w->ctrl_c = signalfd(-1, &only, SFD_CLOEXEC);
	if (w->ctrl_c >= 0) {
		desk_interrupt(w->desk, w->ctrl_c);
		return 0;
	}
	pthread_sigmask(SIG_SETMASK, &w->before, NULL);
	return err_set(e, ERR_FAILED, "signal", "cannot wait for Ctrl-C: %s", strerror(errno));
}

/* Who pressed it has been heard: it must not end the program before the modules are closed. */
static void ctrl_c_close(struct watching *w)
{
	struct signalfd_siginfo heard;

	desk_interrupt(w->desk, -1);
	while (watch_wait(w->watch, 0, w->ctrl_c) && read(w->ctrl_c, &heard, sizeof(heard)) > 0)
		continue;
	close(w->ctrl_c);
	pthread_sigmask(SIG_SETMASK, &w->before, NULL);
}

static int job_look(struct tokens *ts, void *arg, struct err *e)
{
	const struct watching *w = arg;

	return watch_look(w->watch, ts, e);
}

static int look(struct watching *w, bool first, bool *done, struct err *e)
{
	const struct watch_event *events;
	size_t n;
	const int rc = desk_run(w->desk, job_look, w, e);

	if (rc)
		return rc;
	events = watch_events(w->watch, &n);
	if (n)
		w->settled = clock_ms() + SETTLE_MS;
	return n || first || clock_ms() < w->settled ? w->news(w->arg, events, n, done, e) : 0;
}

static int time_is_over(const struct watching *w, int seconds, struct err *e)
{
	const struct reader_scene *scene = watch_scene(w->watch);
	char text[256];

	err_set(e, ERR_TOKEN, "token-wait", "waited %d s in vain", seconds);
	reader_text(text, sizeof(text), scene);
	if (*text)
		err_hint(e, "%s (%s)", text, reader_remedy(reader_judge(scene)));
	return ERR_TOKEN;
}

static int watch_until(struct watching *w, int seconds, struct err *e)
{
	bool done = false;
	int rc = look(w, true, &done, e);

	while (!rc && !done) {
		const int64_t left = w->end - clock_ms();

		if (left <= 0)
			return time_is_over(w, seconds, e);
		if (watch_wait(w->watch, left < INT_MAX ? (int)left : INT_MAX, w->ctrl_c))
			return err_set(e, ERR_FAILED, "interrupted", "interrupted");
		rc = look(w, false, &done, e);
	}
	return rc;
}

int desk_watch(struct desk *d, int seconds, desk_news_fn *news, void *arg, struct err *e)
{
	struct watching w = {.desk = d, .news = news, .arg = arg, .end = INT64_MAX};
	int rc = watch_open(&w.watch, e);

	if (rc)
		return rc;
	if (seconds != DESK_WATCH_FOREVER)
		w.end = clock_ms() + (int64_t)seconds * 1000;
	rc = ctrl_c_open(&w, e);
	if (!rc) {
		rc = watch_until(&w, seconds, e);
		ctrl_c_close(&w);
	}
	watch_close(w.watch);
	return rc;
}

bool desk_watch_may_pass(const struct err *e)
{
	static const char *const for_good[] = {"token-ambiguous", "no-module", "token-timeout"};

	for (size_t i = 0; i < sizeof(for_good) / sizeof(for_good[0]); i++)
		if (!strcmp(e->id, for_good[i]))
			return false;
	return e->kind == ERR_TOKEN;
}

/* ---- text ---- */

static void token_text(char *out, size_t size, const struct watch_event *ev)
{
	const struct token_info *t = &ev->token;
	const char *what = "is here";

	if (ev->kind == WATCH_TOKEN_LEFT)
		what = "was pulled out";
	else if (ev->again)
		what = "is here again";
	else if (!ev->at_start)
		what = "was put in";
	snprintf(out, size, "the token %s (serial %s) %s%s",
		 t->initialized ? t->label : "without a name, not initialised", t->serial, what,
		 ev->kind == WATCH_TOKEN_CAME && ev->tokens > 1 ? "; it is not the only one" : "");
}

void desk_watch_text(char *out, size_t size, const struct watch_event *ev)
{
	*out = '\0';
	switch (ev->kind) {
	case WATCH_TOKEN_CAME:
	case WATCH_TOKEN_LEFT:
		token_text(out, size, ev);
		break;
	case WATCH_READER_CAME:
		snprintf(out, size, "the reader %s %s", ev->text,
			 ev->at_start ? "is here" : "was plugged in");
		break;
	case WATCH_READER_LEFT:
		snprintf(out, size, "the reader %s was pulled out", ev->text);
		break;
	case WATCH_CARD_UNREADABLE:
		snprintf(out, size,
			 "there is a card in the reader %s that its module cannot read: is it the "
			 "right way round, and a kind that the module knows?",
			 ev->text);
		break;
	case WATCH_CARD_GONE:
		snprintf(out, size, "the card that could not be read is out of the reader %s",
			 ev->text);
		break;
	case WATCH_MODULE_FAILS:
		snprintf(out, size, "the module %s is in trouble: %s", ev->text, ev->why);
		break;
	case WATCH_MODULE_WORKS:
		snprintf(out, size, "the module %s works again", ev->text);
		break;
	case WATCH_ADVICE:
		if (*ev->text)
			snprintf(out, size, "%s (%s)", ev->text, ev->why);
		break;
	}
}
