/* Files written together: nothing is seen before the commit, and nothing is left over without. */
#include "common/file_batch.h"

#include "common/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES = 200 }; /* more than the first room for them */

struct fixture {
	char dir[64], path[256];
	struct file_batch *b;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/file_batch.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->b = file_batch_new();
	assert_non_null(f->b);
	*state = f;
	return 0;
}

/* Removes what is below; returns how many files there were. */
static size_t clear(const char *path)
{
	char below[512];
	DIR *d = opendir(path);
	const struct dirent *entry;
	size_t n = 0;

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below)) {
			n += clear(below);
			rmdir(below);
		} else {
			n++;
		}
	}
	if (d)
		closedir(d);
	return n;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	file_batch_free(f->b);
	clear(f->dir);
	rmdir(f->dir);
	free(f);
	return 0;
}

static const char *at(struct fixture *f, const char *name)
{
	snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	return f->path;
}

static void assert_content(struct fixture *f, const char *name, const char *content)
{
	struct buf got = {0};

	assert_int_equal(file_read(at(f, name), 100, &got, &f->e), 0);
	assert_string_equal(buf_cstr(&got), content);
	buf_free(&got);
}

static int add(struct fixture *f, const char *name, const char *content)
{
	return file_batch_add(f->b, at(f, name), span_of(content, strlen(content)), 0640, &f->e);
}

static void test_all_at_once(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(file_write(at(f, "n7"), span_of("old", 3), 0600, &f->e), 0);
	for (int i = 0; i < FILES; i++) {
		char name[32];

		snprintf(name, sizeof(name), i % 2 ? "n%d" : "a/b/n%d", i);
		assert_int_equal(add(f, name, name), 0);
	}
	assert_content(f, "n7", "old");
	assert_int_equal(file_batch_commit(f->b, &f->e), 0);
	assert_content(f, "n7", "n7");
	assert_content(f, "a/b/n8", "a/b/n8");
	assert_int_equal(stat(at(f, "n7"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	/* Once more, with the same batch. */
	assert_int_equal(add(f, "n7", "again"), 0);
	assert_int_equal(file_batch_commit(f->b, &f->e), 0);
	assert_content(f, "n7", "again");
	assert_int_equal(clear(f->dir), FILES);
}

static void test_nothing_without_commit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, "x", "x"), 0);
	assert_int_equal(add(f, "a/y", "y"), 0);
	file_batch_free(f->b);
	f->b = file_batch_new();
	assert_int_equal(clear(f->dir), 0);
}

static void test_failures(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_write(at(f, "file"), span_of("x", 1), 0600, &f->e), 0);
	assert_int_equal(add(f, "file/below", "x"), ERR_FAILED);
	assert_string_equal(f->e.id, "file-write");
	/* A folder where a file should be: seen when it gets its name. */
	assert_int_equal(mkdir(at(f, "folder"), 0700), 0);
	assert_int_equal(add(f, "folder", "x"), 0);
	assert_int_equal(file_batch_commit(f->b, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "file-write");
	assert_int_equal(clear(f->dir), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_without_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
