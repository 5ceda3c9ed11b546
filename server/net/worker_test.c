#include "server/net/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS = 200 };

struct fixture {
	struct event_base *base;
	struct worker_pool *pool;
	pthread_t loop;
	pthread_mutex_t gate; /* jobs that wait for it keep their thread busy */
	atomic_int ran, on_loop_thread;
	int done;
	int expected;
	char own[2];
	void *owned[2];
	atomic_int seen[2];
	struct err e;
};

static void start(struct fixture *f, size_t threads, size_t queue_max)
{
	const struct worker_opts opts = {
		.base = f->base, .threads = threads, .queue_max = queue_max, .own = f->owned};

	assert_int_equal(worker_pool_new(&f->pool, &opts, &f->e), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	f->loop = pthread_self();
	f->owned[0] = &f->own[0];
	f->owned[1] = &f->own[1];
	pthread_mutex_init(&f->gate, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	worker_pool_free(f->pool);
	event_base_free(f->base);
	pthread_mutex_destroy(&f->gate);
	free(f);
	return 0;
}

static void run_job(void *job, void *own)
{
	struct fixture *f = job;

	pthread_mutex_lock(&f->gate);
	pthread_mutex_unlock(&f->gate);
	if (pthread_equal(pthread_self(), f->loop))
		f->on_loop_thread++;
	for (int i = 0; i < 2; i++)
		if (own == f->owned[i])
			f->seen[i]++;
	f->ran++;
}

static void done_job(void *job)
{
	struct fixture *f = job;

	assert_true(pthread_equal(pthread_self(), f->loop));
	if (++f->done == f->expected)
		event_base_loopbreak(f->base);
}

static void test_every_job_runs_on_a_thread_and_ends_on_the_loop(void **state)
{
	struct fixture *f = *state;

	start(f, 2, JOBS);
	f->expected = JOBS;
	for (int i = 0; i < JOBS; i++)
		assert_int_equal(worker_submit(f->pool, run_job, done_job, f, &f->e), 0);
	assert_int_equal(f->done, 0);
	event_base_dispatch(f->base);
	assert_int_equal(f->ran, JOBS);
	assert_int_equal(f->done, JOBS);
	assert_int_equal(f->on_loop_thread, 0);
	assert_int_equal(f->seen[0] + f->seen[1], JOBS);
}

static void test_a_full_queue_refuses(void **state)
{
	struct fixture *f = *state;
	int taken = 0;

	start(f, 1, 3);
	pthread_mutex_lock(&f->gate);
	/* One may be with the thread already, three wait. */
	while (taken < 10 && !worker_submit(f->pool, run_job, done_job, f, &f->e))
		taken++;
	assert_in_range(taken, 3, 4);
	assert_int_equal(f->e.kind, ERR_FAILED);
	assert_string_equal(f->e.id, "busy");

	f->expected = taken;
	pthread_mutex_unlock(&f->gate);
	event_base_dispatch(f->base);
	assert_int_equal(f->ran, taken);
	assert_int_equal(worker_submit(f->pool, run_job, done_job, f, &f->e), 0);
}

static void test_the_end_waits_for_all_jobs(void **state)
{
	struct fixture *f = *state;

	start(f, 2, JOBS);
	for (int i = 0; i < JOBS; i++)
		assert_int_equal(worker_submit(f->pool, run_job, done_job, f, &f->e), 0);
	worker_pool_free(f->pool);
	f->pool = NULL;
	assert_int_equal(f->ran, JOBS);
	assert_int_equal(f->done, JOBS);
}

static void submit_too_late(void *job)
{
	struct fixture *f = job;

	f->done++;
	assert_int_equal(worker_submit(f->pool, run_job, done_job, f, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "busy");
}

static void test_at_the_end_nothing_more_is_taken(void **state)
{
	struct fixture *f = *state;

	start(f, 1, JOBS);
	assert_int_equal(worker_submit(f->pool, run_job, submit_too_late, f, &f->e), 0);
	worker_pool_free(f->pool);
	f->pool = NULL;
	assert_int_equal(f->ran, 1);
	assert_int_equal(f->done, 1);
}

static void resubmit(void *job)
{
	struct fixture *f = job;

	if (++f->done < f->expected)
		assert_int_equal(worker_submit(f->pool, run_job, resubmit, f, &f->e), 0);
	else
		event_base_loopbreak(f->base);
}

static void test_done_may_submit(void **state)
{
	struct fixture *f = *state;

	start(f, 2, 1);
	f->expected = 50;
	assert_int_equal(worker_submit(f->pool, run_job, resubmit, f, &f->e), 0);
	event_base_dispatch(f->base);
	assert_int_equal(f->ran, 50);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_every_job_runs_on_a_thread_and_ends_on_the_loop),
		T(test_a_full_queue_refuses),
		T(test_the_end_waits_for_all_jobs),
		T(test_at_the_end_nothing_more_is_taken),
		T(test_done_may_submit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
