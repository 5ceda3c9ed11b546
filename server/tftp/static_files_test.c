#include "server/tftp/static_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"

struct fixture {
	char folder[64];
	struct static_files *files;
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	char *path = file_join(f->folder, name);
	struct err e;

	assert_int_equal(file_write(path, span_of(text, strlen(text)), 0644, &e), 0);
	free(path);
}

static void run(const char *command, const struct fixture *f)
{
	char line[256];

	snprintf(line, sizeof(line), "cd '%s' && %s", f->folder, command);
	assert_int_equal(system(line), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e;

	strcpy(f->folder, "/tmp/ctl-static.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	run("mkdir -p root/Desktops/320x196x4 root/.git && mkfifo root/fifo", f);
	put(f, "outside", "outside");
	put(f, "root/Ringlist.xml", "rings");
	put(f, "root/empty", "");
	put(f, "root/.hidden", "hidden");
	put(f, "root/.git/config", "hidden");
	put(f, "root/Desktops/320x196x4/List.xml", "pictures");
	run("ln -s ../outside root/link && ln -s ../root root/folder && ln root/Ringlist.xml "
	    "root/hard",
	    f);
	strcat(f->folder, "/root");
	assert_int_equal(static_files_open(&f->files, f->folder, &e), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	static_files_close(f->files);
	run("rm -rf ../../$(basename $(dirname $PWD))", f);
	free(f);
	return 0;
}

static struct catalog_job make(const struct fixture *f, const char *name)
{
	struct catalog_job j = {.made = CATALOG_FAILED};

	assert_true(name_take(&j.name, span_of(name, strlen(name))));
	static_files_make(&j, f->files);
	return j;
}

static void names_find_their_files(void **state)
{
	static const struct {
		const char *name, *text; /* NULL: there is none */
	} cases[] = {
		{"Ringlist.xml", "rings"},
		{"/ringlist.XML", "rings"},
		{"hard", "rings"},
		{"empty", ""},
		{"Desktops/320x196x4/List.xml", "pictures"},
		{"desktops\\320X196x4\\LIST.xml", "pictures"},
		{"Desktops", NULL},
		{"Desktops/320x196x4", NULL},
		{"Desktops/List.xml", NULL},
		{"Ringlist.xml/x", NULL},
		{"Ringlist", NULL},
		{"link", NULL},
		{"folder/Ringlist.xml", NULL},
		{"fifo", NULL},
		{"a/b/c/d/e/f/g/h/i/j", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog_job j = make(*state, cases[i].name);

		print_message("%s\n", cases[i].name);
		assert_int_equal(j.made, cases[i].text ? CATALOG_MADE : CATALOG_NONE);
		if (!cases[i].text)
			continue;
		assert_int_equal(j.content->size, strlen(cases[i].text));
		assert_memory_equal(j.content->bytes.data, cases[i].text, j.content->size);
		content_unref(j.content);
	}
}

static void changes_are_seen(void **state)
{
	struct fixture *f = *state;
	struct catalog_job j = make(f, "Ringlist.xml"), again = j;

	content_unref(j.content);
	again.was = j.tag;
	static_files_make(&again, f->files);
	assert_int_equal(again.made, CATALOG_UNCHANGED);

	/* As long as before; the time may be, too. */
	put(f, "Ringlist.xml", "bells");
	static_files_make(&again, f->files);
	assert_int_equal(again.made, CATALOG_MADE);
	assert_memory_equal(again.content->bytes.data, "bells", 5);
	content_unref(again.content);
	run("rm Ringlist.xml", f);
	static_files_make(&again, f->files);
	assert_int_equal(again.made, CATALOG_NONE);
}

static void large_files_stay_on_the_disk(void **state)
{
	struct fixture *f = *state;
	struct catalog_job j;
	uint8_t room[100];
	struct span piece;

	run("head -c 262145 /dev/zero >load.bin && printf end >>load.bin", f);
	j = make(f, "load.bin");
	assert_int_equal(j.made, CATALOG_MADE);
	assert_true(j.content->fd >= 0);
	assert_int_equal(j.content->size, 262148);
	assert_int_equal(j.content->bytes.len, 0);
	piece = content_piece(j.content, 262145, 3, room);
	assert_int_equal(piece.len, 3);
	assert_memory_equal(piece.data, "end", 3);
	run("truncate -s 10 load.bin", f);
	assert_int_equal(content_piece(j.content, 262145, 3, room).len, 0);
	content_unref(j.content);
}

static void the_folder_has_to_be_there(void **state)
{
	struct static_files *files;
	struct err e;

	(void)state;
	assert_int_equal(static_files_open(&files, "/tmp/ctl-static.none", &e), ERR_FAILED);
	assert_string_equal(e.id, "static");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_find_their_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_are_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(large_files_stay_on_the_disk, set_up, tear_down),
		cmocka_unit_test(the_folder_has_to_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
