#include "phone/boot.h"
#include "phone/report.h"

#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char device[] = "SEP001122334455";

/* A phone's folder that is gone after the test. */
struct fixture {
	char dir[64];
	char *file; /* the stored list */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/ctl-phone.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->file = file_join(f->dir, TL_CTL_NAME);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	rmdir(f->dir);
	free(f->file);
	free(f);
	return 0;
}

static void read_vector(struct buf *out, const char *name)
{
	const char *source = getenv("CTL_SOURCE_DIR");
	char path[512];
	struct err e;

	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/trustfile/vectors/tlv/%s.tlv", source, name);
	if (file_read(path, TL_FILE_MAX, out, &e))
		fail_msg("%s", e.what);
}

static void store(const struct fixture *f, const char *vector)
{
	struct buf b = {0};
	struct err e;

	read_vector(&b, vector);
	assert_int_equal(file_write(f->file, buf_view(&b), 0644, &e), 0);
	buf_free(&b);
}

static void assert_stored(const struct fixture *f, const char *vector)
{
	struct buf want = {0}, got = {0};
	struct err e;

	if (!vector) {
		assert_int_equal(access(f->file, F_OK), -1);
		return;
	}
	read_vector(&want, vector);
	assert_int_equal(file_read(f->file, TL_FILE_MAX, &got, &e), 0);
	assert_true(span_eq(buf_view(&want), buf_view(&got)));
	buf_free(&want);
	buf_free(&got);
}

/* A server with one file, or a broken one. */
struct server {
	const char *name;    /* of its file; NULL: it has none */
	const char *vector;  /* its content */
	const char *failure; /* id of an error for everything else than name; NULL: not found */
	unsigned asked;
};

static int fetch(void *arg, const char *name, struct buf *out, struct err *e)
{
	struct server *s = arg;

	s->asked++;
	if (s->name && !strcmp(s->name, name)) {
		read_vector(out, s->vector);
		return 0;
	}
	return err_set(e, ERR_FAILED, s->failure ? s->failure : "tftp-not-found", "no %s", name);
}

static void boot(struct boot *b, const struct fixture *f, struct server *s, int want, struct err *e)
{
	*b = (struct boot){.dir = f->dir};
	assert_int_equal(boot_device(b->device, device, e), 0);
	assert_int_equal(boot_run(b, fetch, s, e), want);
}

static const struct {
	const char *stored, *offered; /* vectors */
	int rc;
	enum boot_result result;
	const char *status, *mode;
	const char *id; /* why it was refused */
} cases[] = {
	{NULL, "ctl-sha1", 0, BOOT_INSTALLED, "CTL Installed", "mixed", NULL},
	{NULL, "ctl-sha512", 0, BOOT_INSTALLED, "CTL Installed", "mixed", NULL},
	{NULL, "ctl-nonsecure", 0, BOOT_INSTALLED, "CTL Installed", "nonsecure", NULL},
	{NULL, "bad-sig-bitflip", 3, BOOT_KEPT, "Trust List update failed", "none",
	 "ctl-signature"},
	{NULL, "bad-wrong-filename", 3, BOOT_KEPT, "Trust List update failed", "none", "ctl-name"},
	{NULL, "bad-signer-not-sast", 3, BOOT_KEPT, "Trust List update failed", "none",
	 "ctl-signer"},
	{NULL, "trunc-empty", 3, BOOT_KEPT, "Trust List update failed", "none", "ctl-parse"},
	{NULL, "itl-ec", 3, BOOT_KEPT, "Trust List update failed", "none", "ctl-name"},
	{"ctl-sha1", "ctl-sha1", 0, BOOT_UNCHANGED, "CTL Installed", "mixed", NULL},
	{"ctl-sha1", "ctl-update-sast2", 0, BOOT_UPDATED, "Trust List updated", "mixed", NULL},
	{"ctl-sha1", "ctl-nonsecure", 0, BOOT_UPDATED, "Trust List updated", "nonsecure", NULL},
	{"ctl-nonsecure", "ctl-sha1", 0, BOOT_UPDATED, "Trust List updated", "mixed", NULL},
	{"ctl-new-signer", "ctl-update-sast2", 0, BOOT_UPDATED, "Trust List updated", "mixed",
	 NULL},
	{"ctl-sha1", "ctl-new-signer", 3, BOOT_KEPT, "Trust List update failed", "mixed",
	 "ctl-unknown-signer"},
	{"ctl-nonsecure", "ctl-new-signer", 3, BOOT_KEPT, "Trust List update failed", "nonsecure",
	 "ctl-unknown-signer"},
	{"ctl-sha1", "ctl-sha512", 3, BOOT_KEPT, "Trust List update failed", "mixed",
	 "ctl-signer-not-sast"},
	{"ctl-sha1", "bad-body-byteflip", 3, BOOT_KEPT, "Trust List update failed", "mixed", NULL},
	{"ctl-sha1", "trunc-minus1", 3, BOOT_KEPT, "Trust List update failed", "mixed",
	 "ctl-parse"},
};

static void lists_are_judged(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const bool taken = cases[i].rc == 0;
		struct server s = {"CTLSEP001122334455.tlv", cases[i].offered, NULL, 0};
		struct boot b;
		struct err e;

		print_message("%s after %s\n", cases[i].offered,
			      cases[i].stored ? cases[i].stored : "nothing");
		unlink(f->file);
		if (cases[i].stored)
			store(f, cases[i].stored);
		boot(&b, f, &s, cases[i].rc, &e);
		assert_int_equal(s.asked, 1);
		assert_int_equal(b.result, cases[i].result);
		assert_int_equal(b.trusted, taken);
		assert_string_equal(b.status, cases[i].status);
		assert_string_equal(boot_mode_word(b.in_force), cases[i].mode);
		if (cases[i].id)
			assert_string_equal(e.id, cases[i].id);
		assert_stored(f, taken ? cases[i].offered : cases[i].stored);
		boot_free(&b);
	}
}

/* The same verdicts, and nothing is written. */
static void verify_installs_nothing(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct boot b = {.dir = f->dir};
		struct buf file = {0};
		struct err e;

		unlink(f->file);
		if (cases[i].stored)
			store(f, cases[i].stored);
		read_vector(&file, cases[i].offered);
		assert_int_equal(boot_verify(&b, "a file", buf_view(&file), &e), cases[i].rc);
		assert_int_equal(b.result, cases[i].result);
		assert_stored(f, cases[i].stored);
		boot_free(&b);
		buf_free(&file);
	}
}

static void the_common_name_is_asked_for_next(void **state)
{
	struct fixture *f = *state;
	struct server s = {TL_CTL_NAME, "ctl-sha1", NULL, 0};
	struct boot b;
	struct err e;

	boot(&b, f, &s, 0, &e);
	assert_int_equal(s.asked, 2);
	assert_int_equal(b.result, BOOT_INSTALLED);
	assert_string_equal(b.offered_name, TL_CTL_NAME);
	assert_stored(f, "ctl-sha1");
	boot_free(&b);
}

static void absence_takes_nothing_away(void **state)
{
	struct fixture *f = *state;
	struct server s = {0};
	struct boot b;
	struct err e;

	boot(&b, f, &s, 0, &e);
	assert_int_equal(s.asked, 2);
	assert_int_equal(b.result, BOOT_NONE);
	assert_false(b.trusted);
	assert_string_equal(b.status, "No Trust List installed");
	assert_stored(f, NULL);
	boot_free(&b);

	store(f, "ctl-sha1");
	boot(&b, f, &s, 0, &e);
	assert_int_equal(b.result, BOOT_KEPT);
	assert_true(b.trusted);
	assert_string_equal(b.status, "File Not Found : CTLFile.tlv");
	assert_string_equal(boot_mode_word(b.in_force), "mixed");
	assert_stored(f, "ctl-sha1");
	boot_free(&b);
}

static void a_dead_server_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct server s = {NULL, NULL, "tftp-timeout", 0};
	struct boot b;
	struct err e;

	store(f, "ctl-sha1");
	boot(&b, f, &s, 1, &e);
	assert_int_equal(s.asked, 1);
	assert_string_equal(e.id, "tftp-timeout");
	assert_int_equal(b.result, BOOT_KEPT);
	assert_false(b.trusted);
	assert_string_equal(boot_mode_word(b.in_force), "mixed");
	assert_stored(f, "ctl-sha1");
	boot_free(&b);
}

/* Nobody knows any more whom such a phone trusted: it must not trust anew. */
static void a_damaged_stored_list_stops_everything(void **state)
{
	static const char *const damaged[] = {"trunc-minus1", "trunc-empty", "bad-sig-bitflip",
					      "itl-ec"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct server s = {TL_CTL_NAME, "ctl-sha1", NULL, 0};
		struct boot b;
		struct err e;

		store(f, damaged[i]);
		boot(&b, f, &s, 1, &e);
		assert_string_equal(e.id, "stored-list");
		assert_non_null(strstr(e.what, f->file));
		assert_true(e.hint[0] != '\0');
		assert_int_equal(s.asked, 0);
		assert_false(b.trusted);
		assert_null(b.in_force);
		assert_stored(f, damaged[i]);
		boot_free(&b);
	}
}

static void a_folder_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	struct server s = {TL_CTL_NAME, "ctl-sha1", NULL, 0};
	struct boot b = {.dir = "/proc/ctl-phone"};
	struct err e;

	(void)f;
	assert_int_equal(boot_device(b.device, device, &e), 0);
	assert_int_equal(boot_run(&b, fetch, &s, &e), 1);
	assert_string_equal(e.id, "file-write");
	assert_int_equal(b.result, BOOT_KEPT);
	assert_false(b.trusted);
	assert_null(b.in_force);
	boot_free(&b);
}

static void device_names(void **state)
{
	static const char *const bad[] = {"",
					  "SEP",
					  "SEP00112233445",
					  "SEP0011223344556",
					  "SEP00112233445G",
					  "sep001122334455",
					  "ATA001122334455",
					  "SEP00112233445/",
					  "../SEP0011223344"};
	char name[BOOT_DEVICE_MAX];
	struct err e;

	(void)state;
	assert_int_equal(boot_device(name, "SEP0011aaBBccDD", &e), 0);
	assert_string_equal(name, "SEP0011AABBCCDD");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(boot_device(name, bad[i], &e), ERR_USAGE);
		assert_string_equal(e.id, "device-name");
	}
}

static const char *text_at(const json_t *doc, const char *key)
{
	return json_string_value(json_object_get(doc, key));
}

static void reports(void **state)
{
	struct fixture *f = *state;
	struct server s = {TL_CTL_NAME, "ctl-new-signer", NULL, 0};
	struct boot b;
	struct err e;
	json_t *doc;

	store(f, "ctl-sha1");
	boot(&b, f, &s, 3, &e);
	doc = report_json(&b, &e);
	assert_non_null(doc);
	assert_string_equal(text_at(doc, "device"), device);
	assert_string_equal(text_at(doc, "result"), "kept");
	assert_string_equal(text_at(doc, "mode"), "mixed");
	assert_string_equal(text_at(doc, "file"), f->file);
	assert_true(json_is_false(json_object_get(doc, "trusted")));
	assert_string_equal(text_at(json_object_get(doc, "reason"), "id"), "ctl-unknown-signer");
	assert_string_equal(text_at(json_object_get(doc, "signer"), "serial"),
			    "5af12700000011a2da01");
	assert_string_equal(
		text_at(json_object_get(json_object_get(doc, "offered"), "signer"), "serial"),
		"4d770900000066120c03");
	json_decref(doc);
	boot_free(&b);

	unlink(f->file);
	s.name = NULL;
	boot(&b, f, &s, 0, &e);
	doc = report_json(&b, NULL);
	assert_non_null(doc);
	assert_string_equal(text_at(doc, "result"), "none");
	assert_string_equal(text_at(doc, "mode"), "none");
	assert_true(json_is_null(json_object_get(doc, "reason")));
	assert_true(json_is_null(json_object_get(doc, "signer")));
	assert_true(json_is_null(json_object_get(doc, "sha256")));
	assert_true(json_is_null(json_object_get(doc, "file")));
	assert_true(json_is_null(json_object_get(doc, "offered")));
	json_decref(doc);
	boot_free(&b);
}

static void the_account_tells_each_step(void **state)
{
	struct fixture *f = *state;
	struct server s = {TL_CTL_NAME, "ctl-sha1", NULL, 0};
	struct boot b = {.dir = f->dir};
	char *text = NULL;
	size_t n = 0;
	struct err e;

	b.account = open_memstream(&text, &n);
	assert_non_null(b.account);
	assert_int_equal(boot_device(b.device, device, &e), 0);
	assert_int_equal(boot_run(&b, fetch, &s, &e), 0);
	fclose(b.account);
	assert_non_null(strstr(text, "asks for CTLSEP001122334455.tlv"));
	assert_non_null(strstr(text, "asks for CTLFile.tlv"));
	assert_non_null(strstr(text, "status   CTL Installed"));
	assert_non_null(strstr(text, "5A:F1:27:00:00:00:11:A2:DA:01"));
	assert_non_null(strstr(text, f->file));
	free(text);
	boot_free(&b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_are_judged),
		TEST(verify_installs_nothing),
		TEST(the_common_name_is_asked_for_next),
		TEST(absence_takes_nothing_away),
		TEST(a_dead_server_changes_nothing),
		TEST(a_damaged_stored_list_stops_everything),
		TEST(a_folder_that_cannot_be_written),
		TEST(device_names),
		TEST(reports),
		TEST(the_account_tells_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
