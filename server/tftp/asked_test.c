#include "server/tftp/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note(struct asked *a, const char *text, const char *outcome,
		 const struct content *content)
{
	struct asked_note n = {.address = "192.0.2.7", .outcome = outcome, .content = content};
	struct name name;

	assert_true(name_take(&name, span_of(text, strlen(text))));
	n.name = &name;
	asked_note(a, &n);
}

static void the_last_of_each_phone(void **state)
{
	const struct content sent = {.outcome = "minimal", .stamp = 42};
	struct asked *a = asked_new();
	struct store_seen *list;
	size_t n;

	(void)state;
	assert_non_null(a);
	note(a, "CTLFile.tlv", NULL, &sent);
	note(a, "Ringlist.xml", NULL, &sent);
	asked_take(a, &list, &n);
	assert_int_equal(n, 0);
	free(list);

	note(a, "CTLSEP001122334455.tlv", "not-found", NULL);
	note(a, "sep001122334455.cnf.xml.sgn", NULL, &sent);
	note(a, "ITLSEP001122334455.tlv", "broken-off", &sent);
	asked_take(a, &list, &n);
	assert_int_equal(n, 1);
	assert_string_equal(list->device, "SEP001122334455");
	assert_string_equal(list->file, "ITLSEP001122334455.tlv");
	assert_string_equal(list->address, "192.0.2.7");
	assert_string_equal(list->outcome, "broken-off");
	assert_int_equal(list->stamp, 42);
	assert_true(list->time > 0);
	free(list);

	note(a, "SEP001122334455.cnf.xml.sgn", "broken-off", &sent);
	asked_take(a, &list, &n);
	assert_int_equal(n, 1);
	assert_int_equal(list->stamp, 0);
	free(list);
	asked_free(a);
}

static void no_more_than_a_fleet(void **state)
{
	struct asked *a = asked_new();
	struct store_seen *list;
	char name[64];
	size_t n;

	(void)state;
	assert_non_null(a);
	for (unsigned i = 0; i < ASKED_MAX + 100; i++) {
		snprintf(name, sizeof(name), "SEP%012X.cnf.xml", i);
		note(a, name, "not-found", NULL);
	}
	asked_take(a, &list, &n);
	assert_int_equal(n, ASKED_MAX);
	free(list);
	note(a, "SEP001122334455.cnf.xml", "not-found", NULL);
	asked_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_of_each_phone),
		cmocka_unit_test(no_more_than_a_fleet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
