#include "server/tftp/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *asked;
	size_t n;         /* 0: all of it */
	const char *text; /* NULL: no name */
	const char *device;
	bool ctl, config;
} names[] = {
	{"CTLFile.tlv", 0, "CTLFile.tlv", NULL, true, false},
	{"ctlfile.TLV", 0, "ctlfile.TLV", NULL, true, false},
	{"/CTLFile.tlv", 0, "CTLFile.tlv", NULL, true, false},
	{"\\CTLFile.tlv", 0, "CTLFile.tlv", NULL, true, false},
	{"CTLSEP001122334455.tlv", 0, "CTLSEP001122334455.tlv", "SEP001122334455", true, false},
	{"ctlsepAABBccddEEFF.tlv", 0, "ctlsepAABBccddEEFF.tlv", "SEPAABBCCDDEEFF", true, false},
	{"CTLSEP00112233445.tlv", 0, "CTLSEP00112233445.tlv", NULL, false, false},
	{"CTLSEP0011223344556.tlv", 0, "CTLSEP0011223344556.tlv", NULL, false, false},
	{"CTLSEP00112233445g.tlv", 0, "CTLSEP00112233445g.tlv", NULL, false, false},
	{"CTLSEP001122334455.tlv.sgn", 0, "CTLSEP001122334455.tlv.sgn", "SEP001122334455", false,
	 false},
	{"CTLFile.tl", 0, "CTLFile.tl", NULL, false, false},
	{"CTLSEP", 0, "CTLSEP", NULL, false, false},
	{"ITLSEP001122334455.tlv", 0, "ITLSEP001122334455.tlv", "SEP001122334455", false, false},
	{"ext_ITLSEP001122334455.tlv", 0, "ext_ITLSEP001122334455.tlv", "SEP001122334455", false,
	 false},
	{"SEP00112233445F.cnf.xml.sgn", 0, "SEP00112233445F.cnf.xml.sgn", "SEP00112233445F", false,
	 true},
	{"SIP001122334455.cnf.enc.sgn", 0, "SIP001122334455.cnf.enc.sgn", "SEP001122334455", false,
	 true},
	{"LD001122334455.x", 0, "LD001122334455.x", "SEP001122334455", false, true},
	{"LD001122334455", 0, "LD001122334455", "SEP001122334455", false, true},
	{"LD001122334455y", 0, "LD001122334455y", NULL, false, false},
	{"SEP001122334455", 0, "SEP001122334455", NULL, false, false},
	{"ata001122334455.cnf.xml", 0, "ata001122334455.cnf.xml", "ATA001122334455", false, true},
	{"CTLATA001122334455.tlv", 0, "CTLATA001122334455.tlv", "ATA001122334455", false, false},
	{"XMLDefault.cnf.xml", 0, "XMLDefault.cnf.xml", NULL, false, false},
	{"Desktops/320x196x4/List.xml", 0, "Desktops/320x196x4/List.xml", NULL, false, false},
	{"Desktops\\320x196x4\\List.xml", 0, "Desktops/320x196x4/List.xml", NULL, false, false},
	{"English_United States/g3-tones.xml", 0, "English_United States/g3-tones.xml", NULL, false,
	 false},
	{"//CTLFile.tlv", 0, NULL, NULL, false, false},
	{"a//b", 0, NULL, NULL, false, false},
	{"a/", 0, NULL, NULL, false, false},
	{"/", 0, NULL, NULL, false, false},
	{"", 0, NULL, NULL, false, false},
	{".", 0, NULL, NULL, false, false},
	{"..", 0, NULL, NULL, false, false},
	{"../CTLFile.tlv", 0, NULL, NULL, false, false},
	{"./CTLFile.tlv", 0, NULL, NULL, false, false},
	{"a/../b", 0, NULL, NULL, false, false},
	{"a/..", 0, NULL, NULL, false, false},
	{"..\\CTLFile.tlv", 0, NULL, NULL, false, false},
	{"../../../../etc/passwd", 0, NULL, NULL, false, false},
	{"a/.hidden", 0, NULL, NULL, false, false},
	{"CTLFile.tlv\0.txt", 16, NULL, NULL, false, false},
	{"CTLFile.tlv\0", 12, NULL, NULL, false, false},
	{"CTL\nFile.tlv", 0, NULL, NULL, false, false},
	{"CTLFile.tlv\x7f", 0, NULL, NULL, false, false},
	{"\xc3\xa4.xml", 0, NULL, NULL, false, false},
	{"CTLFile.tlv ", 0, "CTLFile.tlv ", NULL, false, false},
	{"%2e%2e/CTLFile.tlv", 0, "%2e%2e/CTLFile.tlv", NULL, false, false},
};

static void check(const struct name *n, bool good, size_t i)
{
	char device[NAME_DEVICE];

	print_message("%s\n", names[i].asked);
	assert_int_equal(good, names[i].text != NULL);
	if (!good)
		return;
	assert_string_equal(n->text, names[i].text);
	assert_int_equal(n->len, strlen(names[i].text));
	assert_int_equal(strlen(n->key), n->len);
	assert_true(!strcasecmp(n->key, n->text));
	assert_int_equal(name_is_ctl(n), names[i].ctl);
	assert_int_equal(name_is_config(n), names[i].config);
	assert_int_equal(name_device(device, n), names[i].device != NULL);
	if (names[i].device)
		assert_string_equal(device, names[i].device);
}

static void names_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const size_t len = names[i].n ? names[i].n : strlen(names[i].asked);
		/* A copy without a NUL, so that ASan sees one byte too many. */
		uint8_t *copy = malloc(len ? len : 1);
		struct name n;

		assert_non_null(copy);
		memcpy(copy, names[i].asked, len);
		check(&n, name_take(&n, span_of(copy, len)), i);
		free(copy);
	}
}

static void long_names(void **state)
{
	char text[600];
	struct name n;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_false(name_take(&n, span_of(text, sizeof(text))));
	assert_false(name_take(&n, span_of(text, NAME_BYTES)));
	assert_true(name_take(&n, span_of(text, NAME_BYTES - 1)));
	assert_int_equal(n.len, NAME_BYTES - 1);
	assert_int_equal(strlen(n.key), NAME_BYTES - 1);
}

static void paths_of_requests(void **state)
{
	static const struct {
		const char *path, *text;
	} paths[] = {
		{"/CTLFile.tlv", "CTLFile.tlv"},
		{"/a%20b/c.xml", "a b/c.xml"},
		{"/%43TLFile.tlv", "CTLFile.tlv"},
		{"/a+b", "a+b"},
		{"CTLFile.tlv", NULL},
		{"/", NULL},
		{"//CTLFile.tlv", NULL},
		{"/a%", NULL},
		{"/a%2", NULL},
		{"/a%zz", NULL},
		{"/a%00", NULL},
		{"/a%0a", NULL},
		{"/%2e%2e/etc/passwd", NULL},
		{"/a%2f%2e%2e%2fb", NULL},
		{"/a/%2E./b", NULL},
		{"/..%5cb", NULL},
	};
	struct name n;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		print_message("%s\n", paths[i].path);
		assert_int_equal(name_take_path(&n, paths[i].path), paths[i].text != NULL);
		if (paths[i].text)
			assert_string_equal(n.text, paths[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken),
		cmocka_unit_test(long_names),
		cmocka_unit_test(paths_of_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
