#include "phone/boot.h"
#include "phone/report.h"
#include "phone/testkit.h"
#include "phone/verify.h"

#include "common/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char device[] = "SEP001122334455";
static const char own_ctl[] = "CTLSEP001122334455.tlv";

/* "ctl-sha1" as a path of the vectors; NULL for NULL. */
static const char *list_vector(char path[128], const char *name)
{
	if (!name)
		return NULL;
	snprintf(path, 128, "vectors/tlv/%s.tlv", name);
	return path;
}

static void store(const struct phone_folder *f, const char *vector)
{
	char path[128];

	folder_put_list(f, TL_CTL_NAME, list_vector(path, vector));
}

static void serve(struct phone_server *s, const char *name, const char *vector)
{
	char path[128];

	server_put_vector(s, name, list_vector(path, vector));
}

static void assert_stored(const struct phone_folder *f, const char *vector)
{
	struct buf want, got = {0};
	char path[128], *file;
	struct err e;

	assert_int_equal(folder_has(f, TL_CTL_NAME), vector != NULL);
	if (!vector)
		return;
	want = test_file(list_vector(path, vector));
	file = file_join(f->dir, TL_CTL_NAME);
	assert_int_equal(file_read(file, TL_FILE_MAX, &got, &e), 0);
	assert_true(span_eq(buf_view(&want), buf_view(&got)));
	buf_free(&want);
	buf_free(&got);
	free(file);
}

static void boot(struct boot *b, const struct phone_folder *f, struct phone_server *s, int want,
		 struct err *e)
{
	*b = (struct boot){.dir = f->dir, .account = b->account};
	assert_int_equal(boot_device(b->device, device, e), 0);
	*s->asked = '\0';
	assert_int_equal(boot_run(b, server_fetch, s, e), want);
}

static const char *mode(const struct boot *b)
{
	return boot_mode_word(b->stored.lists[STORED_CTL].tl);
}

static const struct {
	const char *stored, *offered; /* vectors */
	int rc;
	enum trust_result result;
	const char *status, *mode;
	const char *id; /* why it was refused */
} cases[] = {
	{NULL, "ctl-sha1", 0, TRUST_INSTALLED, "CTL Installed", "mixed", NULL},
	{NULL, "ctl-sha512", 0, TRUST_INSTALLED, "CTL Installed", "mixed", NULL},
	{NULL, "ctl-nonsecure", 0, TRUST_INSTALLED, "CTL Installed", "nonsecure", NULL},
	{NULL, "bad-sig-bitflip", 3, TRUST_KEPT, "Trust List update failed", "none",
	 "ctl-signature"},
	{NULL, "bad-wrong-filename", 3, TRUST_KEPT, "Trust List update failed", "none", "ctl-name"},
	{NULL, "bad-signer-not-sast", 3, TRUST_KEPT, "Trust List update failed", "none",
	 "ctl-signer"},
	{NULL, "trunc-empty", 3, TRUST_KEPT, "Trust List update failed", "none", "ctl-parse"},
	{NULL, "itl-ec", 3, TRUST_KEPT, "Trust List update failed", "none", "ctl-name"},
	{"ctl-sha1", "ctl-sha1", 0, TRUST_UNCHANGED, "CTL Installed", "mixed", NULL},
	{"ctl-sha1", "ctl-update-sast2", 0, TRUST_UPDATED, "Trust List updated", "mixed", NULL},
	{"ctl-sha1", "ctl-nonsecure", 0, TRUST_UPDATED, "Trust List updated", "nonsecure", NULL},
	{"ctl-nonsecure", "ctl-sha1", 0, TRUST_UPDATED, "Trust List updated", "mixed", NULL},
	{"ctl-new-signer", "ctl-update-sast2", 0, TRUST_UPDATED, "Trust List updated", "mixed",
	 NULL},
	{"ctl-sha1", "ctl-new-signer", 3, TRUST_KEPT, "Trust List update failed", "mixed",
	 "ctl-unknown-signer"},
	{"ctl-nonsecure", "ctl-new-signer", 3, TRUST_KEPT, "Trust List update failed", "nonsecure",
	 "ctl-unknown-signer"},
	{"ctl-sha1", "ctl-sha512", 3, TRUST_KEPT, "Trust List update failed", "mixed",
	 "ctl-signer-not-sast"},
	{"ctl-sha1", "bad-body-byteflip", 3, TRUST_KEPT, "Trust List update failed", "mixed", NULL},
	{"ctl-sha1", "trunc-minus1", 3, TRUST_KEPT, "Trust List update failed", "mixed",
	 "ctl-parse"},
};

static void lists_are_judged(void **state)
{
	const struct phone_folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const bool taken = cases[i].rc == 0;
		struct phone_server s = {0};
		struct boot b = {0};
		struct err e;

		print_message("%s after %s\n", cases[i].offered,
			      cases[i].stored ? cases[i].stored : "nothing");
		store(f, cases[i].stored);
		serve(&s, own_ctl, cases[i].offered);
		boot(&b, f, &s, cases[i].rc, &e);
		assert_int_equal(b.lists[STORED_CTL].result, cases[i].result);
		assert_int_equal(b.lists[STORED_CTL].trusted, taken);
		assert_string_equal(b.status, cases[i].status);
		assert_string_equal(mode(&b), cases[i].mode);
		if (cases[i].id)
			assert_string_equal(e.id, cases[i].id);
		assert_stored(f, taken ? cases[i].offered : cases[i].stored);
		boot_free(&b);
		server_free(&s);
	}
}

/* The same verdicts, and nothing is written. */
static void verify_installs_nothing(void **state)
{
	const struct phone_folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct boot b = {.dir = f->dir};
		char path[128];
		struct buf file = test_file(list_vector(path, cases[i].offered));
		struct err e;

		store(f, cases[i].stored);
		assert_int_equal(verify_file(&b, "a file", TL_CTL_NAME, buf_view(&file), &e),
				 cases[i].rc);
		assert_int_equal(b.lists[STORED_CTL].result, cases[i].result);
		assert_stored(f, cases[i].stored);
		assert_false(folder_has(f, "phone.json"));
		boot_free(&b);
		buf_free(&file);
	}
}

/* ---- the order of requests ---- */

static void everything_is_asked_for_in_order(void **state)
{
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct boot b = {0};
	struct err e;

	boot(&b, f, &s, 0, &e);
	assert_string_equal(s.asked,
			    "CTLSEP001122334455.tlv CTLFile.tlv ITLSEP001122334455.tlv ITLFile.tlv "
			    "SEP001122334455.cnf.xml XMLDefault.cnf.xml ");
	assert_int_equal(b.lists[STORED_CTL].result, TRUST_NONE);
	assert_false(b.lists[STORED_CTL].trusted);
	assert_string_equal(b.status, "No Trust List installed");
	assert_stored(f, NULL);
	boot_free(&b);

	/* A list changes what is asked for in the same boot. */
	serve(&s, TL_CTL_NAME, "ctl-sha1");
	boot(&b, f, &s, 0, &e);
	assert_string_equal(s.asked,
			    "CTLSEP001122334455.tlv CTLFile.tlv ITLSEP001122334455.tlv ITLFile.tlv "
			    "SEP001122334455.cnf.xml.sgn XMLDefault.cnf.xml.sgn ");
	assert_string_equal(b.lists[STORED_CTL].offered_name, TL_CTL_NAME);
	assert_stored(f, "ctl-sha1");
	boot_free(&b);
	server_free(&s);
}

static void old_models_know_no_itl(void **state)
{
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct boot b = {.dir = f->dir,
			 .model = device_model_find("7960"),
			 .protocol = DEVICE_SCCP,
			 .device = "SEP001122334455"};
	struct err e;

	assert_int_equal(boot_run(&b, server_fetch, &s, &e), 0);
	assert_string_equal(s.asked, "CTLSEP001122334455.tlv CTLFile.tlv SEP001122334455.cnf.xml "
				     "XMLDefault.cnf.xml ");
	boot_free(&b);

	/* It knows by itself the next time. */
	boot(&b, f, &s, 0, &e);
	assert_string_equal(b.stored.model->name, "7960");
	assert_int_equal(b.stored.protocol, DEVICE_SCCP);
	assert_null(strstr(s.asked, "ITL"));
	boot_free(&b);
}

static void the_itl_is_judged_by_the_ctl(void **state)
{
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct boot b = {0};
	struct err e;

	serve(&s, own_ctl, "ctl-sha512");
	serve(&s, TL_ITL_NAME, "itl-ec");
	boot(&b, f, &s, 0, &e);
	assert_int_equal(b.lists[STORED_ITL].result, TRUST_INSTALLED);
	assert_true(folder_has(f, TL_ITL_NAME));
	boot_free(&b);

	/* A token's list does not know who signed this ITL; everything else goes on. */
	folder_remove(f, TL_ITL_NAME);
	folder_remove(f, TL_CTL_NAME);
	serve(&s, own_ctl, "ctl-sha1");
	boot(&b, f, &s, 3, &e);
	assert_string_equal(e.id, "ctl-unknown-signer");
	assert_string_equal(b.status, "Trust List update failed");
	assert_int_equal(b.lists[STORED_CTL].result, TRUST_INSTALLED);
	assert_int_equal(b.lists[STORED_ITL].result, TRUST_KEPT);
	assert_non_null(strstr(s.asked, "SEP001122334455.cnf.xml.sgn"));
	boot_free(&b);
	server_free(&s);
}

static void absence_takes_nothing_away(void **state)
{
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct boot b = {0};
	struct err e;

	store(f, "ctl-sha1");
	boot(&b, f, &s, 0, &e);
	assert_int_equal(b.lists[STORED_CTL].result, TRUST_KEPT);
	assert_true(b.lists[STORED_CTL].trusted);
	assert_string_equal(b.status, "File Not Found : CTLFile.tlv");
	assert_string_equal(mode(&b), "mixed");
	assert_stored(f, "ctl-sha1");
	boot_free(&b);
}

static void a_dead_server_changes_nothing(void **state)
{
	const struct phone_folder *f = *state;
	struct phone_server s = {.failure = "tftp-timeout"};
	struct boot b = {0};
	struct err e;

	store(f, "ctl-sha1");
	boot(&b, f, &s, 1, &e);
	assert_string_equal(s.asked, "CTLSEP001122334455.tlv ");
	assert_string_equal(e.id, "tftp-timeout");
	assert_int_equal(b.lists[STORED_CTL].result, TRUST_KEPT);
	assert_false(b.lists[STORED_CTL].trusted);
	assert_string_equal(mode(&b), "mixed");
	assert_stored(f, "ctl-sha1");
	boot_free(&b);
}

/* Nobody knows any more whom such a phone trusted: it must not trust anew. */
static void a_damaged_stored_list_stops_everything(void **state)
{
	static const char *const damaged[] = {"trunc-minus1", "trunc-empty", "bad-sig-bitflip",
					      "itl-ec"};
	const struct phone_folder *f = *state;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct phone_server s = {0};
		struct boot b = {0};
		struct err e;

		serve(&s, own_ctl, "ctl-sha1");
		store(f, damaged[i]);
		boot(&b, f, &s, 1, &e);
		assert_string_equal(e.id, "stored-list");
		assert_non_null(strstr(e.what, f->dir));
		assert_true(e.hint[0] != '\0');
		assert_string_equal(s.asked, "");
		assert_false(b.lists[STORED_CTL].trusted);
		assert_null(b.stored.lists[STORED_CTL].tl);
		assert_stored(f, damaged[i]);
		boot_free(&b);
		server_free(&s);
	}
}

static void other_damage_is_told(void **state)
{
	static const struct {
		const char *file, *content, *id;
	} damage[] = {
		{"phone.json", "{", "stored-phone"},
		{"phone.json", "{\"model\": \"9999\"}", "stored-phone"},
		{"digest.json", "{}", "stored-phone"},
		{"config.cnf", "<nothing/>", "stored-phone"},
		{"minimal.cnf", "", "stored-phone"},
		{"config.key", "00112233", "stored-phone"},
		{"config.key", "no digits", "stored-phone"},
		{"lsc.pem", "no certificate", "own-certificate"},
	};
	const struct phone_folder *f = *state;

	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct phone_server s = {0};
		struct boot b = {0};
		struct err e;

		folder_put(f, damage[i].file,
			   span_of(damage[i].content, strlen(damage[i].content)));
		boot(&b, f, &s, 1, &e);
		assert_string_equal(e.id, damage[i].id);
		assert_string_equal(s.asked, "");
		boot_free(&b);
		folder_remove(f, damage[i].file);
	}
}

static void a_folder_that_cannot_be_written(void **state)
{
	const struct phone_folder nowhere = {"/proc/ctl-phone"};
	struct phone_server s = {0};
	struct boot b = {0};
	struct err e;

	(void)state;
	serve(&s, own_ctl, "ctl-sha1");
	boot(&b, &nowhere, &s, 1, &e);
	assert_string_equal(e.id, "file-write");
	assert_int_equal(b.lists[STORED_CTL].result, TRUST_KEPT);
	assert_false(b.lists[STORED_CTL].trusted);
	assert_null(b.stored.lists[STORED_CTL].tl);
	boot_free(&b);
	server_free(&s);
}

static void the_server_is_looked_up_in_the_list(void **state)
{
	static const struct {
		const char *host;
		enum boot_server listed;
	} hosts[] = {
		{NULL, BOOT_SERVER_UNKNOWN},
		{"192.0.2.99", BOOT_SERVER_UNLISTED},
		{"10.1.1.10", BOOT_SERVER_LISTED},
	};
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct err e;

	serve(&s, own_ctl, "ctl-sha1");
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct boot b = {.dir = f->dir, .device = "SEP001122334455"};

		b.server = hosts[i].host;
		assert_int_equal(boot_run(&b, server_fetch, &s, &e), 0);
		assert_int_equal(b.listed, hosts[i].listed);
		boot_free(&b);
	}
	server_free(&s);
}

/* ---- names, reports ---- */

static void device_names(void **state)
{
	static const char *const bad[] = {"",
					  "SEP",
					  "SEP00112233445",
					  "SEP0011223344556",
					  "SEP00112233445G",
					  "sep001122334455",
					  "SIP001122334455",
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
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct boot b = {0};
	struct err e;
	char file[128];
	json_t *doc;

	snprintf(file, sizeof(file), "%s/%s", f->dir, TL_CTL_NAME);
	store(f, "ctl-sha1");
	serve(&s, TL_CTL_NAME, "ctl-new-signer");
	b.account.steps = json_array();
	boot(&b, f, &s, 3, &e);
	doc = report_json(&b, &e);
	assert_non_null(doc);
	assert_string_equal(text_at(doc, "device"), device);
	assert_string_equal(text_at(doc, "model"), STORED_MODEL_DEFAULT);
	assert_string_equal(text_at(doc, "result"), "kept");
	assert_string_equal(text_at(doc, "mode"), "mixed");
	assert_string_equal(text_at(doc, "file"), file);
	assert_true(json_is_false(json_object_get(doc, "trusted")));
	assert_string_equal(text_at(json_object_get(doc, "reason"), "id"), "ctl-unknown-signer");
	assert_string_equal(text_at(json_object_get(doc, "signer"), "serial"),
			    "5af12700000011a2da01");
	assert_string_equal(
		text_at(json_object_get(json_object_get(doc, "offered"), "signer"), "serial"),
		"4d770900000066120c03");
	assert_string_equal(text_at(json_object_get(doc, "itl"), "result"), "none");
	assert_string_equal(text_at(json_object_get(doc, "config"), "result"), "none");
	assert_string_equal(text_at(json_object_get(doc, "next"), "step"), "nothing");
	assert_true(json_array_size(json_object_get(doc, "steps")) > 5);
	json_decref(doc);
	json_decref(b.account.steps);
	b.account.steps = NULL;
	boot_free(&b);

	store(f, NULL);
	server_free(&s);
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
	const struct phone_folder *f = *state;
	struct phone_server s = {0};
	struct boot b = {0};
	char *text = NULL;
	size_t n = 0;
	struct err e;

	serve(&s, TL_CTL_NAME, "ctl-sha1");
	b.account.out = open_memstream(&text, &n);
	assert_non_null(b.account.out);
	boot(&b, f, &s, 0, &e);
	fclose(b.account.out);
	assert_non_null(strstr(text, "asks for CTLSEP001122334455.tlv"));
	assert_non_null(strstr(text, "asks for CTLFile.tlv"));
	assert_non_null(strstr(text, "status   CTL Installed"));
	assert_non_null(strstr(text, "5A:F1:27:00:00:00:11:A2:DA:01"));
	assert_non_null(strstr(text, f->dir));
	free(text);
	boot_free(&b);
	server_free(&s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_are_judged),
		TEST(verify_installs_nothing),
		TEST(everything_is_asked_for_in_order),
		TEST(old_models_know_no_itl),
		TEST(the_itl_is_judged_by_the_ctl),
		TEST(absence_takes_nothing_away),
		TEST(a_dead_server_changes_nothing),
		TEST(a_damaged_stored_list_stops_everything),
		TEST(other_damage_is_told),
		TEST(a_folder_that_cannot_be_written),
		TEST(the_server_is_looked_up_in_the_list),
		TEST(device_names),
		TEST(reports),
		TEST(the_account_tells_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
