#include "ctlclient/wizard/task.h"

#include "ctlclient/wizard/text.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { UNSEEN_NANOSECONDS = 250000000 /* what is faster needs no page */ };

struct task {
	task_fn *fn;
	void *arg;
	struct err *e;
	int rc;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
};

int task_brake_open(struct task_brake *b, struct err *e)
{
	atomic_init(&b->cancel, false);
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return b->fd < 0 ? err_set(e, ERR_FAILED, "eventfd", "cannot make an eventfd") : 0;
}

void task_brake_close(struct task_brake *b)
{
	close(b->fd);
}

void task_brake_pull(struct task_brake *b)
{
	atomic_store(&b->cancel, true);
	(void)eventfd_write(b->fd, 1);
}

static void release(struct task_brake *b)
{
	eventfd_t ignored;

	atomic_store(&b->cancel, false);
	(void)eventfd_read(b->fd, &ignored);
}

bool task_was_broken_off(const struct task_brake *b)
{
	return atomic_load(&b->cancel);
}

static void *run(void *arg)
{
	struct task *t = arg;

	t->rc = t->fn(t->arg, t->e);
	pthread_mutex_lock(&t->lock);
	t->done = true;
	pthread_cond_signal(&t->ended);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static bool is_done(struct task *t)
{
	bool done;

	pthread_mutex_lock(&t->lock);
	done = t->done;
	pthread_mutex_unlock(&t->lock);
	return done;
}

static bool ends_at_once(struct task *t)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += UNSEEN_NANOSECONDS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&t->lock);
	while (!t->done && !pthread_cond_timedwait(&t->ended, &t->lock, &until))
		continue;
	done = t->done;
	pthread_mutex_unlock(&t->lock);
	return done;
}

static int tick(void *arg, struct wiz_page *p)
{
	(void)p;
	return is_done(arg) ? WIZ_NEXT : WIZ_STAYS;
}

static void set_news(struct wiz_page *p, const char *text)
{
	p->news.len = 0;
	buf_str(&p->news, text);
}

static void show(struct wiz_ui *ui, struct wiz_page *p, struct task_brake *b, bool *hangup)
{
	int end;

	set_news(p, b ? _("Ctrl-C breaks this off.") : "");
	while ((end = ui->page(ui, p)) != WIZ_NEXT) {
		*hangup |= end == WIZ_HANGUP;
		if (b)
			task_brake_pull(b);
		set_news(p, b ? _("Breaking off ...")
			      : _("This cannot be broken off; it ends in a moment."));
	}
}

int task_run(struct wiz_ui *ui, const char *title, const char *text, const char *help,
	     struct task_brake *b, bool *hangup, task_fn *fn, void *arg, struct err *e)
{
	struct task t = {.fn = fn,
			 .arg = arg,
			 .e = e,
			 .lock = PTHREAD_MUTEX_INITIALIZER,
			 .ended = PTHREAD_COND_INITIALIZER};
	struct wiz_page p = {.title = title, .help = help, .tick = tick, .arg = &t};
	pthread_t thread;

	if (b)
		release(b);
	if (pthread_create(&thread, NULL, run, &t))
		return err_set(e, ERR_FAILED, "thread", "cannot start a thread");
	buf_str(&p.text, text);
	if (!ends_at_once(&t))
		show(ui, &p, b, hangup);
	pthread_join(thread, NULL);
	page_end(&p);
	return t.rc;
}
