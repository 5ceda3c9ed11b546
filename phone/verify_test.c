#include "phone/testkit.h"
#include "phone/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All vectors with a verdict, judged by a phone that trusts their TFTP service and has their key.
 */

static void split(char *line, char *columns[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		columns[i] = strsep(&line, "\t");
}

static void judge(const struct phone_folder *f, const char *file, const char *verdict,
		  const char *as)
{
	struct boot b = {.dir = f->dir, .device = "SEP001122334455"};
	char path[256];
	struct buf bytes;
	struct err e;
	int rc;

	snprintf(path, sizeof(path), "vectors/%s", file);
	bytes = test_file(path);
	rc = verify_file(&b, path, as, buf_view(&bytes), &e);
	if ((rc == 0) != !strcmp(verdict, "ACCEPT"))
		fail_msg("%s: %s, but the phone says %d", file, verdict, rc);
	boot_free(&b);
	buf_free(&bytes);
}

enum { FILE_COLUMN, KIND_COLUMN, VERDICT_COLUMN, NAME_COLUMN = 5, COLUMNS };

/* Lists are judged by a phone that has none. */
static void all_vectors(void **state)
{
	const struct phone_folder *f = *state;
	struct buf table = test_file("vectors/expected.tsv");
	char *text = strdup(buf_cstr(&table)), *rest = text, *line;
	size_t n = 0;

	buf_free(&table);
	folder_put_own(f, OWN_LSC, "phone");
	strsep(&rest, "\n");
	while ((line = strsep(&rest, "\n")) && *line) {
		char *c[COLUMNS];
		bool is_list;

		split(line, c, COLUMNS);
		is_list = !strcmp(c[KIND_COLUMN], "tlv");
		folder_put_list(f, TL_CTL_NAME, is_list ? NULL : "vectors/tlv/ctl-sha512.tlv");
		judge(f, c[FILE_COLUMN], c[VERDICT_COLUMN], c[NAME_COLUMN]);
		n++;
	}
	assert_true(n > 50);
	free(text);
}

/* Its kind is seen from the name and the bytes, the name that is expected from the state. */
static void kinds(void **state)
{
	static const struct {
		const char *name, *vector, *list;
		int rc;
		const char *id;
	} table[] = {
		{"CTLFile.tlv", "tlv/ctl-sha1.tlv", NULL, 0, NULL},
		{"ITLSEP001122334455.tlv", "tlv/itl-ec.tlv", "ctl-sha512", 0, NULL},
		{"CTLFile.tlv", "tlv/itl-ec.tlv", "ctl-sha512", 3, "ctl-name"},
		{"download", "tlv/itl-ec.tlv", "ctl-sha512", 0, NULL},
		{"download", "tlv/ctl-sha1.tlv", NULL, 0, NULL},
		{"download", "sgn/dialplan.xml.sgn", "ctl-sha512", 0, NULL},
		{"download", "enc/exact16.enc.sgn", "ctl-sha512", 0, NULL},
		{"ring/Ringlist.xml.sgn", "sgn/dialplan.xml.sgn", "ctl-sha512", 0, NULL},
		{"x.sgn", "sgn/bad-wrong-name.sgn", "ctl-sha512", 3, "sgn-name"},
		{"x.sgn", "sgn/dialplan.xml.sgn", "ctl-sha1", 0, NULL},
		{"x.sgn", "sgn/dialplan.xml.sgn", NULL, 3, "sgn-signer"},
		{"SEP001122334455.cnf.xml", "sgn/SEP001122334455.cnf.xml", "ctl-sha512", 3,
		 "file-unsigned"},
		{"SEP001122334455.cnf.xml", "sgn/SEP001122334455.cnf.xml", "ctl-nonsecure", 0,
		 NULL},
		{"SEP001122334455.cnf.xml", "sgn/SEP001122334455.cnf.xml", NULL, 0, NULL},
		{"dialplan.xml", "sgn/dialplan.xml", "ctl-sha512", 3, "file-unsigned"},
		{"dialplan.xml", "sgn/dialplan.xml", NULL, 0, NULL},
		{"SEP001122334455.cnf.xml", "sgn/dialplan.xml", NULL, 3, "config-xml"},
		{"term88xx.loads", "sgn/dialplan.xml", "ctl-sha512", 1, "file-firmware"},
	};
	const struct phone_folder *f = *state;

	folder_put_own(f, OWN_MIC, "phone");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct boot b = {.dir = f->dir, .device = "SEP001122334455"};
		char path[128];
		struct buf bytes;
		struct err e = {0};

		print_message("%s as %s\n", table[i].vector, table[i].name);
		snprintf(path, sizeof(path), "vectors/tlv/%s.tlv",
			 table[i].list ? table[i].list : "");
		folder_put_list(f, TL_CTL_NAME, table[i].list ? path : NULL);
		snprintf(path, sizeof(path), "vectors/%s", table[i].vector);
		bytes = test_file(path);
		assert_int_equal(verify_file(&b, table[i].name, NULL, buf_view(&bytes), &e),
				 table[i].rc);
		if (table[i].id)
			assert_string_equal(e.id, table[i].id);
		boot_free(&b);
		buf_free(&bytes);
	}
	assert_false(folder_has(f, "config.cnf"));
	assert_false(folder_has(f, "phone.json"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(all_vectors), TEST(kinds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
