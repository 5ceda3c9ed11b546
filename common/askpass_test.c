/* Programs that ask for a secret. */
#include "common/secret.h"

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/askpass.XXXXXX";
static char program[64];

/* A shell script as the askpass program. */
static const char *script(const char *lines)
{
	FILE *f;

	snprintf(program, sizeof(program), "%s/ask", folder);
	f = fopen(program, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", lines);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(program, 0700), 0);
	return program;
}

static int ask(struct secret *s, const char *source, struct err *e)
{
	return secret_read(s, source, "PIN of the token \"a b\"", "PIN", "--pin-source", e);
}

static int setup(void **state)
{
	(void)state;
	unsetenv("CTL_ASKPASS");
	unsetenv("SSH_ASKPASS");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlink(program);
	return rmdir(folder);
}

static void gives_the_answer(void **state)
{
	struct secret s;
	struct err e;

	(void)state;
	/* The prompt is one argument, whatever is in it. */
	setenv("CTL_ASKPASS",
	       script("[ $# = 1 ] && [ \"$1\" = 'PIN of the token \"a b\"' ] && echo 27 18"), 1);
	assert_int_equal(ask(&s, "askpass", &e), 0);
	assert_string_equal(s.text, "27 18");
	secret_free(&s);
	unsetenv("CTL_ASKPASS");

	setenv("SSH_ASKPASS", script("echo by-ssh; echo another line"), 1);
	assert_int_equal(ask(&s, "askpass", &e), 0);
	assert_string_equal(s.text, "by-ssh");
	secret_free(&s);

	setenv("CTL_ASKPASS", "/nonexistent/first", 1);
	assert_int_equal(ask(&s, "askpass", &e), ERR_FAILED);
	assert_non_null(strstr(e.what, "/nonexistent/first"));
	unsetenv("CTL_ASKPASS");
	unsetenv("SSH_ASKPASS");
}

static void takes_a_program_by_name(void **state)
{
	char source[128];
	struct secret s;
	struct err e;

	(void)state;
	snprintf(source, sizeof(source), "askpass:%s", script("printf 1234"));
	assert_int_equal(ask(&s, source, &e), 0);
	assert_string_equal(s.text, "1234");
	secret_free(&s);
}

static void says_why_there_is_no_answer(void **state)
{
	static const struct {
		const char *lines;
		const char *says;
	} cases[] = {
		{"exit 1", "cancelled"},     {"echo 1234; exit 1", "cancelled"},
		{"kill -9 $$", "cancelled"}, {"exit 0", "is empty"},
		{"echo", "is empty"},        {"head -c 300 /dev/zero | tr '\\0' 1", "longer than"},
	};
	char source[128];
	struct secret s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(source, sizeof(source), "askpass:%s", script(cases[i].lines));
		assert_int_equal(ask(&s, source, &e), ERR_FAILED);
		assert_null(s.text);
		assert_non_null(strstr(e.what, cases[i].says));
	}
	assert_int_equal(ask(&s, "askpass:/nonexistent/ask", &e), ERR_FAILED);
	assert_int_equal(ask(&s, "askpass:", &e), ERR_USAGE);
	assert_int_equal(ask(&s, "askpass", &e), ERR_USAGE);
	assert_int_equal(ask(&s, "askpasses", &e), ERR_USAGE);
}

/* No descriptor of ours gets there, closed on exec or not. */
static void inherits_nothing(void **state)
{
	const int fd = open("/dev/null", O_RDONLY); // NOLINT(android-cloexec-open): the point
	char source[128];
	struct secret s;
	struct err e;

	(void)state;
	assert_true(fd > STDERR_FILENO);
	snprintf(
		source, sizeof(source), "askpass:%s",
		script("for i in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$i ] || "
		       "[ \"$(readlink /proc/$$/fd/$i)\" != /dev/null ] || exit 1; done; echo ok"));
	assert_int_equal(ask(&s, source, &e), 0);
	assert_string_equal(s.text, "ok");
	secret_free(&s);
	close(fd);
}

/* The program answers "first", then what second says. */
static int ask_new(struct secret *s, const char *second, struct err *e)
{
	char lines[256], source[128];

	snprintf(lines, sizeof(lines),
		 "if [ -e %s/once ]; then rm %s/once; %s; else : > %s/once; echo first; fi", folder,
		 folder, second, folder);
	snprintf(source, sizeof(source), "askpass:%s", script(lines));
	return secret_read_new(s, source, "New PIN", "PIN", "--pin-source", e);
}

static void asks_twice_for_what_is_kept(void **state)
{
	struct secret s;
	struct err e;

	(void)state;
	assert_int_equal(ask_new(&s, "[ \"$1\" = 'The same again' ] && echo first", &e), 0);
	assert_string_equal(s.text, "first");
	secret_free(&s);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ask_new(&s, i ? "echo firs" : "echo First", &e), ERR_FAILED);
		assert_string_equal(e.id, "secret-mismatch");
		assert_null(s.text);
	}
	assert_int_equal(ask_new(&s, "exit 1", &e), ERR_FAILED);
	assert_null(s.text);

	/* Nobody types that. */
	setenv("CTL_TEST_NEW", "once is enough", 1);
	assert_int_equal(secret_read_new(&s, "env:CTL_TEST_NEW", "PIN", "PIN", "-p", &e), 0);
	assert_string_equal(s.text, "once is enough");
	secret_free(&s);
	unsetenv("CTL_TEST_NEW");
}

static void knows_who_types(void **state)
{
	(void)state;
	assert_true(secret_is_typed(NULL));
	assert_true(secret_is_typed("prompt"));
	assert_true(secret_is_typed("askpass"));
	assert_true(secret_is_typed("askpass:/bin/x"));
	assert_false(secret_is_typed("env:PIN"));
	assert_false(secret_is_typed("file:askpass"));
	assert_false(secret_is_typed("fd:3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_answer),
		cmocka_unit_test(takes_a_program_by_name),
		cmocka_unit_test(says_why_there_is_no_answer),
		cmocka_unit_test(inherits_nothing),
		cmocka_unit_test(asks_twice_for_what_is_kept),
		cmocka_unit_test(knows_who_types),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
