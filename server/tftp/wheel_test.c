#include "server/tftp/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 1000003, TIMERS = 4 };

struct fixture {
	struct wheel wheel;
	struct wheel_timer timers[TIMERS];
	unsigned fired[TIMERS];
	uint64_t again_ms;        /* what a timer arms itself for when it fires; 0: not */
	struct wheel_timer *stop; /* what a timer stops when it fires */
};

static void on_due(void *arg, struct wheel_timer *t)
{
	struct fixture *f = arg;

	f->fired[t - f->timers]++;
	if (f->again_ms)
		wheel_set(&f->wheel, t, f->again_ms);
	if (f->stop)
		wheel_stop(&f->wheel, f->stop);
}

static void start(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	wheel_init(&f->wheel, START_MS);
}

static void timers_fire_once_and_in_time(void **state)
{
	static const uint64_t delays[] = {0,     1,     19,    20,      21,     1000,
					  10239, 10240, 10241, 1000000, 255000, 40960};

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		const uint64_t due = START_MS + delays[i];
		struct fixture f;
		uint64_t now = START_MS;

		start(&f);
		wheel_set(&f.wheel, &f.timers[0], due);
		while (!f.fired[0] && now < due + 10 * WHEEL_TICK_MS) {
			now += 7;
			wheel_run(&f.wheel, now, on_due, &f);
		}
		assert_int_equal(f.fired[0], 1);
		assert_true(now >= due);
		assert_true(now <= due + WHEEL_TICK_MS + 7);
		assert_int_equal(f.wheel.armed, 0);
		wheel_run(&f.wheel, now + 100000, on_due, &f);
		assert_int_equal(f.fired[0], 1);
	}
}

static void stopped_timers_do_not_fire(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	wheel_stop(&f.wheel, &f.timers[0]);
	wheel_set(&f.wheel, &f.timers[0], START_MS + 50);
	wheel_set(&f.wheel, &f.timers[0], START_MS + 500);
	wheel_set(&f.wheel, &f.timers[1], START_MS + 50);
	assert_int_equal(f.wheel.armed, 2);
	wheel_stop(&f.wheel, &f.timers[1]);
	wheel_run(&f.wheel, START_MS + 400, on_due, &f);
	assert_int_equal(f.fired[0] + f.fired[1], 0);
	wheel_run(&f.wheel, START_MS + 600, on_due, &f);
	assert_int_equal(f.fired[0], 1);
	assert_int_equal(f.fired[1], 0);
}

static void a_long_pause_loses_nothing(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < TIMERS; i++)
		wheel_set(&f.wheel, &f.timers[i], START_MS + 3000 * (i + 1));
	wheel_run(&f.wheel, START_MS + 1000000, on_due, &f);
	for (size_t i = 0; i < TIMERS; i++)
		assert_int_equal(f.fired[i], 1);
	wheel_set(&f.wheel, &f.timers[0], START_MS + 1000100);
	wheel_run(&f.wheel, START_MS + 1000200, on_due, &f);
	assert_int_equal(f.fired[0], 2);
}

/* What is armed while the wheel runs, even for a time that has passed, runs soon, not now. */
static void timers_arm_themselves(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	f.again_ms = START_MS;
	wheel_set(&f.wheel, &f.timers[0], START_MS + 100);
	wheel_run(&f.wheel, START_MS + 130, on_due, &f);
	assert_int_equal(f.fired[0], 1);
	wheel_run(&f.wheel, START_MS + 131 + WHEEL_TICK_MS, on_due, &f);
	assert_int_equal(f.fired[0], 2);
}

static void timers_stop_their_neighbours(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	wheel_set(&f.wheel, &f.timers[0], START_MS + 100);
	wheel_set(&f.wheel, &f.timers[1], START_MS + 100);
	f.stop = &f.timers[1];
	wheel_run(&f.wheel, START_MS + 200, on_due, &f);
	assert_int_equal(f.fired[0], 1);
	assert_int_equal(f.fired[1], 0);
	assert_int_equal(f.wheel.armed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_once_and_in_time),
		cmocka_unit_test(stopped_timers_do_not_fire),
		cmocka_unit_test(a_long_pause_loses_nothing),
		cmocka_unit_test(timers_arm_themselves),
		cmocka_unit_test(timers_stop_their_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
