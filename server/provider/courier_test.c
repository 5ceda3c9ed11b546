#include "server/provider/courier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_pauses(void **state)
{
	static const struct {
		unsigned failures, ms;
	} rows[] = {{0, 0},
		    {1, 1000},
		    {2, 2000},
		    {3, 4000},
		    {4, 8000},
		    {8, 128000},
		    {9, 256000},
		    {10, 300000},
		    {11, 300000},
		    {1000, 300000},
		    {4294967295U, 300000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(courier_pause_ms(rows[i].failures), rows[i].ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pauses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
