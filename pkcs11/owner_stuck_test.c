/* The thread that owns the tokens, when a module hangs. */
#include "pkcs11/owner.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void sleep_ms(long ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&left, &left))
		continue;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What a stuck job writes to when it comes back. */
struct victim {
	atomic_bool stop;
	volatile unsigned long writes;
};

/* As a module does that waits for a device: in the kernel, again and again. */
static int job_waits(void *arg, struct err *e)
{
	struct victim *v = arg;

	(void)e;
	owner_module("slow.so");
	owner_task("sign", 1);
	while (!v->stop) {
		sleep_ms(10);
		v->writes++;
	}
	return 0;
}

/* As a module does that waits for itself. */
static int job_spins(void *arg, struct err *e)
{
	struct victim *v = arg;

	(void)e;
	owner_module("mad.so");
	while (!v->stop)
		v->writes++;
	return 0;
}

static int job_nothing(void *arg, struct err *e)
{
	(void)e;
	++*(int *)arg;
	return 0;
}

static struct owner *start(unsigned ms)
{
	struct owner *o;
	struct err e;

	assert_int_equal(owner_start(&o, ms, &e), 0);
	return o;
}

static void assert_frozen(struct victim *v)
{
	const unsigned long before = v->writes;

	assert_true(before > 0);
	v->stop = true;
	sleep_ms(300);
	assert_int_equal(v->writes, before);
}

static void gives_up(owner_fn *job, const char *module, const char *doing)
{
	struct victim v = {0};
	struct owner *o = start(200);
	struct err e = {0};
	int runs = 0;
	const double began = now();

	assert_int_equal(owner_run(o, job, &v, &e), ERR_TOKEN);
	assert_true(now() - began >= 0.2);
	assert_string_equal(e.id, "token-timeout");
	assert_non_null(strstr(e.what, module));
	assert_non_null(strstr(e.what, doing));
	assert_frozen(&v);

	e = (struct err){0};
	assert_int_equal(owner_run(o, job_nothing, &runs, &e), ERR_TOKEN);
	assert_string_equal(e.id, "token-timeout");
	assert_non_null(strstr(e.what, module));
	assert_int_equal(runs, 0);
	owner_stop(o);
}

static void a_module_that_waits(void **state)
{
	(void)state;
	gives_up(job_waits, "slow.so", "asked to sign");
}

static void a_module_that_spins(void **state)
{
	(void)state;
	gives_up(job_spins, "mad.so", "0.2 s");
}

/* Slow, but alive: the limit is for silence. */
static int job_plods(void *arg, struct err *e)
{
	(void)e;
	for (int i = 0; i < 6; i++) {
		sleep_ms(200);
		owner_module("plodding.so");
	}
	return job_nothing(arg, e);
}

/* Longer than the limit, and said so. */
static int job_takes_long(void *arg, struct err *e)
{
	owner_task("make a key", OWNER_PATIENCE);
	sleep_ms(1200);
	return job_nothing(arg, e);
}

static void has_patience(void **state)
{
	owner_fn *const jobs[] = {job_plods, job_takes_long};
	struct owner *o = start(1000);
	struct err e;
	int runs = 0;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(owner_run(o, jobs[i], &runs, &e), 0);
	assert_int_equal(runs, 2);
	owner_stop(o);
}

struct other {
	struct owner *o;
	struct victim *v;
	int rc;
	struct err e;
};

static void *run_waits(void *arg)
{
	struct other *other = arg;

	other->rc = owner_run(other->o, job_waits, other->v, &other->e);
	return NULL;
}

/* Whoever waits for his turn behind the job that hangs is told too. */
static void tells_the_others(void **state)
{
	struct victim v = {0};
	struct other other = {.o = start(1000), .v = &v};
	struct err e;
	pthread_t thread;
	int runs = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_waits, &other), 0);
	while (!v.writes)
		sleep_ms(1);
	assert_int_equal(owner_run(other.o, job_nothing, &runs, &e), ERR_TOKEN);
	pthread_join(thread, NULL);
	assert_int_equal(other.rc, ERR_TOKEN);
	assert_string_equal(other.e.id, "token-timeout");
	assert_string_equal(e.what, other.e.what);
	assert_int_equal(runs, 0);
	owner_stop(other.o);
}

/* ---- cut short ---- */

struct pinch {
	int fd;
	long after_ms;
};

static void *pinch(void *arg)
{
	const struct pinch *p = arg;

	sleep_ms(p->after_ms);
	assert_int_equal(write(p->fd, "x", 1), 1);
	return NULL;
}

static int run_interrupted(owner_fn *job, void *arg, struct err *e, double *took)
{
	struct owner *o = start(60000);
	int fds[2];
	struct pinch p;
	pthread_t thread;
	int rc;

	assert_int_equal(pipe(fds), 0);
	p = (struct pinch){fds[1], 200};
	owner_interrupt(o, fds[0]);
	*took = now();
	assert_int_equal(pthread_create(&thread, NULL, pinch, &p), 0);
	rc = owner_run(o, job, arg, e);
	*took = now() - *took;
	pthread_join(thread, NULL);
	owner_interrupt(o, -1);
	owner_stop(o);
	close(fds[0]);
	close(fds[1]);
	return rc;
}

static void is_cut_short(void **state)
{
	struct victim v = {0};
	struct err e;
	double took;

	(void)state;
	assert_int_equal(run_interrupted(job_waits, &v, &e, &took), ERR_FAILED);
	assert_string_equal(e.id, "interrupted");
	assert_true(took < 30);
	assert_frozen(&v);
}

static int job_half_second(void *arg, struct err *e)
{
	sleep_ms(500);
	return job_nothing(arg, e);
}

static void may_come_to_its_end(void **state)
{
	struct err e;
	double took;
	int runs = 0;

	(void)state;
	assert_int_equal(run_interrupted(job_half_second, &runs, &e, &took), 0);
	assert_int_equal(runs, 1);
}

/* ---- the end of a program with a module that hangs ---- */

static void hangs_at_exit(void)
{
	for (;;)
		pause();
}

/* In a child: what is registered before (a library's destructor, say) is not called, what was
 * printed is, and the exit code stays. */
static void ends_with_it(void **state)
{
	char said[64] = {0};
	int fds[2];
	int status;
	pid_t child;

	(void)state;
	fflush(stdout);
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct victim v = {0};
		struct owner *o;
		struct err e;

		dup2(fds[1], STDOUT_FILENO);
		atexit(hangs_at_exit);
		alarm(60);
		if (owner_start(&o, 200, &e) || owner_run(o, job_waits, &v, &e) != ERR_TOKEN)
			_exit(99);
		printf("the end");
		owner_stop(o);
		exit(ERR_TOKEN);
	}
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_TOKEN);
	assert_true(read(fds[0], said, sizeof(said) - 1) > 0);
	assert_string_equal(said, "the end");
	close(fds[0]);
}

/* Ctrl-C is not for the owner's thread to die of; everybody's it still is. */
static void leaves_ctrl_c_alone(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct victim v = {0};
		struct owner *o;
		struct err e;
		pid_t target;

		signal(SIGINT, SIG_DFL);
		alarm(60);
		if (owner_start(&o, 0, &e))
			_exit(99);
		target = getpid();
		if (fork() == 0) {
			sleep_ms(300);
			kill(target, SIGINT);
			_exit(0);
		}
		owner_run(o, job_waits, &v, &e);
		_exit(98);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_that_waits), cmocka_unit_test(a_module_that_spins),
		cmocka_unit_test(has_patience),        cmocka_unit_test(tells_the_others),
		cmocka_unit_test(is_cut_short),        cmocka_unit_test(may_come_to_its_end),
		cmocka_unit_test(ends_with_it),        cmocka_unit_test(leaves_ctrl_c_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
