/* The thread that owns the tokens. */
#include "pkcs11/owner.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int job_self(void *arg, struct err *e)
{
	(void)e;
	*(pthread_t *)arg = pthread_self();
	return 0;
}

static int job_fails(void *arg, struct err *e)
{
	return err_set(e, ERR_TOKEN, "sad", "%s", (const char *)arg);
}

static struct owner *start(void)
{
	struct owner *o;
	struct err e;

	assert_int_equal(owner_start(&o, 0, &e), 0);
	return o;
}

static void runs_on_one_other_thread(void **state)
{
	struct owner *o = start();
	pthread_t a, b;
	struct err e;

	(void)state;
	assert_int_equal(owner_run(o, job_self, &a, &e), 0);
	assert_int_equal(owner_run(o, job_self, &b, &e), 0);
	assert_true(pthread_equal(a, b));
	assert_false(pthread_equal(a, pthread_self()));
	owner_stop(o);
}

static void hands_back_errors(void **state)
{
	struct owner *o = start();
	char text[] = "no token";
	struct err e;

	(void)state;
	assert_int_equal(owner_run(o, job_fails, text, &e), ERR_TOKEN);
	assert_string_equal(e.what, "no token");
	owner_stop(o);
}

static void stops_without_work(void **state)
{
	(void)state;
	owner_stop(start());
	owner_stop(NULL);
}

enum { CALLERS = 8, CALLS = 200 };

struct crowd {
	struct owner *o;
	atomic_int inside; /* jobs at work: never more than one */
	int done;          /* touched by the owner's thread only */
	bool crossed;
};

static int job_count(void *arg, struct err *e)
{
	struct crowd *c = arg;

	(void)e;
	if (atomic_fetch_add(&c->inside, 1) != 0)
		c->crossed = true;
	c->done++;
	atomic_fetch_sub(&c->inside, 1);
	return 0;
}

static void *caller(void *arg)
{
	struct crowd *c = arg;
	struct err e;

	for (int i = 0; i < CALLS; i++)
		owner_run(c->o, job_count, c, &e);
	return NULL;
}

static void takes_turns(void **state)
{
	struct crowd c = {.o = start()};
	pthread_t threads[CALLERS];

	(void)state;
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, caller, &c), 0);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	owner_stop(c.o);
	assert_int_equal(c.done, CALLERS * CALLS);
	assert_false(c.crossed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_on_one_other_thread),
		cmocka_unit_test(hands_back_errors),
		cmocka_unit_test(stops_without_work),
		cmocka_unit_test(takes_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
