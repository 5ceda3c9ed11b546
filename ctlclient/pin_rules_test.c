/* The rules for new PINs. */
#include "ctlclient/pin_rules.h"

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>
#include <string.h>

static struct secret secret_of(const char *text)
{
	struct secret s = {0};
	struct err e;

	assert_int_equal(secret_set(&s, text, strlen(text), &e), 0);
	return s;
}

static void forbids(void **state)
{
	static const struct {
		const char *pin, *old;
		unsigned long min, max;
		bool allowed;
		const char *says;
	} cases[] = {
		{"271828", "314159", 4, 8, true, NULL},
		{"271828", NULL, 4, 8, true, NULL},
		{"2718", NULL, 4, 8, true, NULL},
		{"27182818", NULL, 4, 8, true, NULL},
		{"271", NULL, 4, 8, false, "4 to 8 characters"},
		{"271828182", NULL, 4, 8, false, "9 characters"},
		/* What tokens say that do not know their limits. */
		{"271828182", NULL, 0, 0, true, NULL},
		{"271828182", NULL, 4, 0, true, NULL},
		{"271828182", NULL, 4, 3, true, NULL},
		{"27", NULL, 4, 0, false, "4 characters or more"},
		{"271828", "271828", 4, 8, false, "is the old one"},
		{"271828", "2718281", 4, 8, true, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct token_info info = {
			.label = "T", .pin_min = cases[i].min, .pin_max = cases[i].max};
		struct secret pin = secret_of(cases[i].pin);
		struct secret old = secret_of(cases[i].old ? cases[i].old : "");
		struct err e = {0};
		const int rc = pin_rules_check(&pin, cases[i].old ? &old : NULL, &info, "PIN", &e);

		assert_int_equal(rc, cases[i].allowed ? 0 : ERR_REFUSED);
		if (rc) {
			assert_string_equal(e.id, "pin-rules");
			assert_non_null(strstr(e.what, cases[i].says));
			assert_null(strstr(e.what, cases[i].pin));
		}
		secret_free(&pin);
		secret_free(&old);
	}
}

static void advises(void **state)
{
	static const struct {
		const char *pin;
		const char *says; /* NULL: nothing */
	} cases[] = {
		{"271828", NULL},
		{"correct horse", NULL},
		{"Cisco123", "everybody knows"},
		{"cisco124", NULL},
		{"000000", "over and over"},
		{"7", "over and over"},
		{"123456", "in order"},
		{"987654", "in order"},
		{"abcdefgh", "in order"},
		{"123457", NULL},
		{"1998", "a year"},
		{"2011", "a year"},
		{"2718", "fewer than 6"},
		{"c0ffee42", "read off"}, /* the serial number */
		{"ffee42", "read off"},   /* a part of it */
		{"0000c0ffee42", "read off"},
		{"Sast 77", "read off"}, /* the label, in any case */
		{"mysast 77!", "read off"},
	};
	const struct token_info info = {.label = "SAST 77", .serial = "c0ffee42"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret pin = secret_of(cases[i].pin);
		struct buf lines = {0};

		pin_rules_advice(&lines, &pin, &info);
		if (!cases[i].says && lines.len)
			fail_msg("%s: %s", cases[i].pin, buf_cstr(&lines));
		if (cases[i].says && !strstr(buf_cstr(&lines), cases[i].says))
			fail_msg("%s: %s", cases[i].pin, buf_cstr(&lines));
		buf_free(&lines);
		secret_free(&pin);
	}
}

/* A token without label and serial number gives nothing away. */
static void knows_empty_names(void **state)
{
	const struct token_info info = {.label = "", .serial = "42"};
	struct secret pin = secret_of("271842");
	struct buf lines = {0};

	(void)state;
	pin_rules_advice(&lines, &pin, &info);
	assert_int_equal(lines.len, 0);
	secret_free(&pin);
}

static void tells_tips(void **state)
{
	const struct token_info info = {.label = "SAST 1", .pin_min = 4, .pin_max = 8};
	struct buf b = {0};

	(void)state;
	pin_rules_tips(&b, &info);
	assert_non_null(strstr(buf_cstr(&b), "4 to 8 characters"));
	assert_non_null(strstr(buf_cstr(&b), "SAST 1"));
	buf_free(&b);
	pin_rules_tips(&b, NULL);
	assert_non_null(strstr(buf_cstr(&b), "Cisco123"));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbids),
		cmocka_unit_test(advises),
		cmocka_unit_test(knows_empty_names),
		cmocka_unit_test(tells_tips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
