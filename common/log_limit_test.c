#include "common/log_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PER_SECOND = 5, LINES = 1000 };

/* What the calls between start and end write on standard error. */
struct capture {
	FILE *file;
	int saved;
	char text[16384];
};

static void capture_start(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->saved = dup(STDERR_FILENO);
	assert_true(c->saved >= 0);
	assert_true(dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

static void capture_end(struct capture *c)
{
	size_t n;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	rewind(c->file);
	n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	fclose(c->file);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void many_lines_become_few(void **state)
{
	struct log log = {.program = "test", .level = LOG_LEVEL_INFO};
	struct log_limit limit = {.log = &log, .per_second = PER_SECOND};
	struct capture c;

	(void)state;
	capture_start(&c);
	for (int i = 0; i < LINES; i++)
		log_limited(&limit, LOG_LEVEL_INFO, "line %d", i);
	capture_end(&c);
	/* The calls may fall into two seconds. */
	assert_in_range(lines_of(c.text), PER_SECOND, 2 * PER_SECOND + 1);
	assert_non_null(strstr(c.text, "test: line 0\n"));

	capture_start(&c);
	limit.second--;
	log_limited(&limit, LOG_LEVEL_INFO, "the next second");
	capture_end(&c);
	assert_non_null(strstr(c.text, "lines like these were left out\n"));
	assert_non_null(strstr(c.text, "test: the next second\n"));
	assert_int_equal(limit.left_out, 0);
}

static void dropped_levels_do_not_count(void **state)
{
	struct log log = {.program = "test", .level = LOG_LEVEL_INFO};
	struct log_limit limit = {.log = &log, .per_second = PER_SECOND};
	struct capture c;

	(void)state;
	capture_start(&c);
	for (int i = 0; i < LINES; i++)
		log_limited(&limit, LOG_LEVEL_DEBUG, "line %d", i);
	log_limited(&limit, LOG_LEVEL_INFO, "shown");
	capture_end(&c);
	assert_string_equal(c.text, "test: shown\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_lines_become_few),
		cmocka_unit_test(dropped_levels_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
