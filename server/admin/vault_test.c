#include "server/admin/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char right[] = "correct horse", wrong[] = "correct horsf";
static const struct secret good = {right, sizeof(right) - 1}, bad = {wrong, sizeof(wrong) - 1};

static void test_sealed_bytes_come_back(void **state)
{
	static const char text[] = "keys that phones trust";
	const struct span plain[] = {span_of(text, sizeof(text)), span_of("", 0)};
	struct err e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf sealed = {0}, opened = {0};

		assert_int_equal(vault_seal(&sealed, plain[i], &good, &e), 0);
		assert_int_equal(sealed.len, 48 + plain[i].len + 16);
		assert_int_equal(vault_open(&opened, buf_view(&sealed), &good, &e), 0);
		assert_int_equal(opened.len, plain[i].len);
		if (opened.len)
			assert_memory_equal(opened.data, plain[i].data, opened.len);
		opened.len = 0;
		assert_int_equal(vault_open(&opened, buf_view(&sealed), &bad, &e), ERR_REFUSED);
		assert_string_equal(e.id, "backup-passphrase");
		assert_int_equal(opened.len, 0);
		buf_free(&opened);
		buf_free(&sealed);
	}
}

static void test_what_was_changed_does_not_open(void **state)
{
	static const struct {
		const char *why;
		size_t at;
		uint8_t value;
		int kind;
	} cases[] = {
		{"magic", 0, 'C', ERR_FAILED},      {"version", 16, 2, ERR_FAILED},
		{"no N", 17, 0, ERR_FAILED},        {"N that takes all memory", 17, 40, ERR_FAILED},
		{"no r", 18, 0, ERR_FAILED},        {"large r", 18, 200, ERR_FAILED},
		{"no p", 19, 0, ERR_FAILED},        {"another N", 17, 10, ERR_REFUSED},
		{"ciphertext", 48, 0, ERR_REFUSED},
	};
	struct buf sealed = {0}, opened = {0};
	struct err e;

	(void)state;
	assert_int_equal(vault_seal(&sealed, span_of("abc", 3), &good, &e), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t was = sealed.data[cases[i].at];

		sealed.data[cases[i].at] = cases[i].value == was ? was ^ 1 : cases[i].value;
		if (vault_open(&opened, buf_view(&sealed), &good, &e) != cases[i].kind)
			fail_msg("%s: %s", cases[i].why, e.what);
		sealed.data[cases[i].at] = was;
	}
	for (size_t n = 0; n < sealed.len; n += 5)
		assert_int_not_equal(vault_open(&opened, span_of(sealed.data, n), &good, &e), 0);
	assert_int_equal(opened.len, 0);
	buf_free(&opened);
	buf_free(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed_bytes_come_back),
		cmocka_unit_test(test_what_was_changed_does_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
