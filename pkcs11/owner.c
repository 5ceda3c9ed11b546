#include "pkcs11/owner.h"
#include "common/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	NAME_SIZE = 256,
	GRACE_MS = 2000,   /* for a job that is to be cut short */
	FREEZE_SECONDS = 1 /* until the signal is felt */
};

/* One place for a job: empty, waiting to be done, or done and waiting to be fetched. */
enum place { PLACE_EMPTY, PLACE_WAITING, PLACE_DONE };

struct owner {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* place, stop or given_up */
	int bell;               /* an eventfd, rung for the caller whose job is in the place */
	int interrupt;          /* or -1 */
	unsigned ms;            /* a module may be silent for so long */
	enum place place;
	owner_fn *fn;
	void *arg;
	struct err *e;
	int rc;
	bool stop;

	char module[NAME_SIZE]; /* called last */
	const char *doing;      /* NULL: nothing in particular */
	unsigned patience;
	int64_t limit; /* when it counts as hanging, in milliseconds */

	int true_stderr; /* or -1 */

	bool given_up;
	struct err why;
	sem_t frozen;
};

/* On the owner's thread its owner, elsewhere NULL. */
static _Thread_local struct owner *mine;

static void ring(struct owner *o)
{
	const uint64_t one = 1;

	/* It fails only when it has been rung 2^64 - 2 times. */
	if (write(o->bell, &one, sizeof(one)) < 0)
		return;
}

/* ---- on the owner's thread ---- */

static void sign_of_life(struct owner *o)
{
	o->limit = clock_ms() + (int64_t)o->ms * o->patience;
	ring(o);
}

void owner_module(const char *name)
{
	struct owner *o = mine;

	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	snprintf(o->module, sizeof(o->module), "%s", name);
	sign_of_life(o);
	pthread_mutex_unlock(&o->lock);
}

void owner_task(const char *doing, unsigned patience)
{
	struct owner *o = mine;

	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->doing = doing;
	o->patience = patience;
	sign_of_life(o);
	pthread_mutex_unlock(&o->lock);
}

void owner_stderr(int fd)
{
	struct owner *o = mine;

	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->true_stderr = fd;
	pthread_mutex_unlock(&o->lock);
}

static void do_job(struct owner *o)
{
	pthread_mutex_unlock(&o->lock);
	o->rc = o->fn(o->arg, o->e);
	pthread_mutex_lock(&o->lock);
	o->place = PLACE_DONE;
	ring(o);
}

static void *work(void *arg)
{
	struct owner *o = arg;

	mine = o;
	pthread_mutex_lock(&o->lock);
	while (!o->stop) {
		if (o->place == PLACE_WAITING)
			do_job(o);
		else
			pthread_cond_wait(&o->changed, &o->lock);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* ---- a thread that is given up ---- */

static int freeze_signal(void)
{
	return SIGRTMIN + 7;
}

/* Runs on the thread that hangs, in the midst of the module, and stays there. */
static void freeze(int signal)
{
	(void)signal;
	if (mine)
		sem_post(&mine->frozen);
	for (;;)
		pause();
}

/* What usually runs at exit (destructors of the module, of the libraries it uses) may wait for a
 * lock that the frozen thread holds. */
static void leave_now(int status, void *arg)
{
	(void)arg;
	if (!ftrylockfile(stdout))
		fflush_unlocked(stdout);
	_exit(status);
}

/* The lock is held, so the thread is not in the midst of something of ours. A thread that waits in
 * the kernel for a device does not feel the signal before it would touch memory again. */
static void give_up(struct owner *o)
{
	struct timespec end;

	o->given_up = true;
	on_exit(leave_now, NULL);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += FREEZE_SECONDS;
	pthread_kill(o->thread, freeze_signal());
	while (sem_timedwait(&o->frozen, &end) && errno == EINTR)
		continue;
	if (o->true_stderr >= 0)
		(void)dup2(o->true_stderr, STDERR_FILENO);
	pthread_cond_broadcast(&o->changed);
}

static void say_timeout(struct owner *o)
{
	struct err *e = &o->why;

	err_set(e, ERR_TOKEN, "token-timeout", "the module %s has not answered for %g s%s%s",
		*o->module ? o->module : "of the token", o->ms * o->patience / 1000.0,
		o->doing ? "; it was asked to " : "", o->doing ? o->doing : "");
	err_hint(e, "pull the token out and put it in again, or restart the service of its reader "
		    "(systemctl restart pcscd), and repeat the command; --token-timeout S gives a "
		    "slow token more time");
}

static void say_interrupted(struct owner *o)
{
	err_set(&o->why, ERR_FAILED, "interrupted", "interrupted while the module %s was silent",
		*o->module ? o->module : "of the token");
}

/* ---- on the caller's thread ---- */

/* Waits for the bell or the end of the time, with the lock let go. Returns true if the call is to
 * be cut short. */
static bool wait_for_bell(struct owner *o, int64_t until, int interrupt)
{
	struct pollfd fds[] = {{o->bell, POLLIN, 0}, {interrupt, POLLIN, 0}};
	const int64_t left = until - clock_ms();
	uint64_t rung;

	pthread_mutex_unlock(&o->lock);
	(void)poll(fds, 2, left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX);
	if (fds[0].revents && read(o->bell, &rung, sizeof(rung)) < 0)
		fds[0].revents = 0;
	pthread_mutex_lock(&o->lock);
	return fds[1].revents;
}

/* Until the job is done or given up. */
static void await(struct owner *o)
{
	int64_t grace = INT64_MAX; /* when a job that is cut short has to be done */
	int interrupt = o->interrupt;

	while (o->place != PLACE_DONE) {
		const int64_t until = o->limit < grace ? o->limit : grace;

		if (clock_ms() >= until) {
			if (until == grace)
				say_interrupted(o);
			else
				say_timeout(o);
			give_up(o);
			return;
		}
		if (wait_for_bell(o, until, interrupt)) {
			grace = clock_ms() + GRACE_MS;
			interrupt = -1;
		}
	}
}

static void put_job(struct owner *o, owner_fn *fn, void *arg, struct err *e)
{
	o->fn = fn;
	o->arg = arg;
	o->e = e;
	o->doing = NULL;
	o->patience = 1;
	o->limit = clock_ms() + (int64_t)o->ms;
	o->place = PLACE_WAITING;
	pthread_cond_broadcast(&o->changed);
}

int owner_run(struct owner *o, owner_fn *fn, void *arg, struct err *e)
{
	int rc;

	pthread_mutex_lock(&o->lock);
	while (o->place != PLACE_EMPTY && !o->given_up)
		pthread_cond_wait(&o->changed, &o->lock);
	if (!o->given_up) {
		put_job(o, fn, arg, e);
		await(o);
	}
	if (o->given_up) {
		*e = o->why;
		rc = (int)o->why.kind;
	} else {
		rc = o->rc;
		o->place = PLACE_EMPTY;
		pthread_cond_broadcast(&o->changed);
	}
	pthread_mutex_unlock(&o->lock);
	return rc;
}

void owner_interrupt(struct owner *o, int fd)
{
	pthread_mutex_lock(&o->lock);
	o->interrupt = fd;
	pthread_mutex_unlock(&o->lock);
}

/* ---- beginning and end ---- */

static void owner_free(struct owner *o)
{
	close(o->bell);
	sem_destroy(&o->frozen);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static int start_thread(struct owner *o)
{
	struct sigaction action = {.sa_handler = freeze};
	sigset_t left_to_others, before;
	int why;

	sigfillset(&action.sa_mask);
	sigaction(freeze_signal(), &action, NULL);
	sigemptyset(&left_to_others);
	sigaddset(&left_to_others, SIGINT);
	pthread_sigmask(SIG_BLOCK, &left_to_others, &before);
	why = pthread_create(&o->thread, NULL, work, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return why;
}

int owner_start(struct owner **out, unsigned ms, struct err *e)
{
	struct owner *o = calloc(1, sizeof(*o));
	int why;

	if (!o)
		return err_nomem(e);
	o->bell = eventfd(0, EFD_CLOEXEC);
	if (o->bell < 0) {
		free(o);
		return err_set(e, ERR_FAILED, "thread", "cannot start the token thread: %s",
			       strerror(errno));
	}
	o->interrupt = o->true_stderr = -1;
	o->ms = ms ? ms : OWNER_MS;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	sem_init(&o->frozen, 0, 0);
	why = start_thread(o);
	if (why) {
		owner_free(o);
		return err_set(e, ERR_FAILED, "thread", "cannot start the token thread: %s",
			       strerror(why));
	}
	*out = o;
	return 0;
}

void owner_stop(struct owner *o)
{
	if (!o)
		return;
	/* The frozen thread may have been on its way to the lock: it keeps all of o. */
	if (o->given_up)
		return;
	pthread_mutex_lock(&o->lock);
	o->stop = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	owner_free(o);
}
