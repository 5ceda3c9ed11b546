/* What a power cut must not undo: the order in which file_write() asks for things to be durable.
 * The calls of libc are wrapped by the linker (CMakeLists.txt). */
#include "common/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEPS_MAX = 32 };

static char steps[STEPS_MAX][16];
static size_t nsteps, fail_at; /* fail_at: the step that fails, from 1; 0: none */

int __real_fsync(int fd);
ssize_t __real_write(int fd, const void *data, size_t n);
int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __wrap_fsync(int fd);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);

/* False if this step is to fail. */
static bool step(const char *what)
{
	assert_true(nsteps < STEPS_MAX);
	snprintf(steps[nsteps++], sizeof(steps[0]), "%s", what);
	errno = ENOSPC;
	return nsteps != fail_at;
}

int __wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return step(S_ISDIR(st.st_mode) ? "fsync folder" : "fsync file") ? __real_fsync(fd) : -1;
}

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	return step("write") ? __real_write(fd, data, n) : -1;
}

int __wrap_rename(const char *from, const char *to)
{
	return step("rename") ? __real_rename(from, to) : -1;
}

int __wrap_link(const char *from, const char *to)
{
	return step("link") ? __real_link(from, to) : -1;
}

struct fixture {
	char folder[64], path[96];
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/file_order_test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/list", f->folder);
	fail_at = 0;
	nsteps = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fail_at = 0;
	unlink(f->path);
	/* Nothing else may be left in it. */
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static void assert_steps(const char *const *want, size_t n)
{
	assert_int_equal(nsteps, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(steps[i], want[i]);
}

static int put(struct fixture *f, const char *text)
{
	nsteps = 0;
	return file_write(f->path, span_of(text, strlen(text)), 0644, &f->e);
}

static void assert_content(const struct fixture *f, const char *want)
{
	struct buf there = {0};
	struct err e;

	assert_int_equal(file_read(f->path, 100, &there, &e), 0);
	assert_string_equal(buf_cstr(&there), want);
	buf_free(&there);
}

static void test_order(void **state)
{
	static const char *const write_steps[] = {"write", "fsync file", "rename", "fsync folder"};
	static const char *const create_steps[] = {"write", "fsync file", "link", "fsync folder"};
	struct fixture *f = *state;

	assert_int_equal(file_create(f->path, span_of("old", 3), 0644, &f->e), 0);
	assert_steps(create_steps, 4);
	assert_int_equal(put(f, "new"), 0);
	assert_steps(write_steps, 4);
	assert_content(f, "new");
}

/* Whatever fails is said to have failed; until the rename, the old content is there. */
static void test_each_step_fails(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "old"), 0);
	for (size_t i = 1; i <= 4; i++) {
		fail_at = i;
		assert_int_equal(put(f, "new"), ERR_FAILED);
		assert_string_equal(f->e.id, "file-write");
		fail_at = 0;
		assert_content(f, i < 4 ? "old" : "new");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_step_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
