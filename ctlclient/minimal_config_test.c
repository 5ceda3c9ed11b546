/* The minimal configuration made from a whole one, and what is no configuration. */
#include "ctlclient/minimal_config.h"
#include "trustfile/testkit.h"

#include <string.h>

#define START "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n"
#define HASH "  <certHash>0e836369fdcf000f12cee03baa2a8b4a</certHash>\n"
#define END HASH "  <encrConfig>true</encrConfig>\n</device>\n"

static void test_minimal(void **state)
{
	static const struct {
		const char *full, *minimal; /* NULL: refused */
	} rows[] = {
		{"<device/>", START "  <fullConfig>false</fullConfig>\n" END},
		{"<device><capfAuthMode>1</capfAuthMode><ipAddressMode>0</ipAddressMode>"
		 "<certHash>0</certHash><fullConfig>true</fullConfig><sshPassword>x</sshPassword>"
		 "</device>",
		 START "  <fullConfig>false</fullConfig>\n  <ipAddressMode>0</ipAddressMode>\n"
		       "  <capfAuthMode>1</capfAuthMode>\n" END},
		{"<device><loadInformation model=\"a&amp;b\">x&lt;y</loadInformation>"
		 "<sub><capfAuthMode>7</capfAuthMode></sub></device>",
		 START "  <fullConfig>false</fullConfig>\n"
		       "  <loadInformation model=\"a&amp;b\">x&lt;y</loadInformation>\n" END},
		{"", NULL},
		{"x", NULL},
		{"<device>", NULL},
		{"<Default/>", NULL},
		{"<!DOCTYPE device><device/>", NULL},
		{"<!DOCTYPE device [<!ENTITY a \"b\">]><device>&a;</device>", NULL},
	};
	struct test_key phone = test_key_load("phone");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = {0};
		struct err e = {0};
		const int rc = minimal_config(&out, span_of(rows[i].full, strlen(rows[i].full)),
					      phone.cert, &e);

		if (!rows[i].minimal) {
			assert_int_equal(rc, ERR_REFUSED);
			assert_string_equal(e.id, "config-xml");
			assert_int_equal(out.len, 0);
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal(buf_cstr(&out), rows[i].minimal);
		}
		buf_free(&out);
	}
	test_key_free(&phone);
}

/* The vector's own minimal file, but for white space between elements. */
static void test_as_the_vector(void **state)
{
	struct test_key phone = test_key_load("phone");
	struct buf full = test_file("vectors/sgn/SEP001122334455.cnf.xml"), out = {0};
	static const char *const parts[] = {
		"<fullConfig>false</fullConfig>",
		"<ipAddressMode>0</ipAddressMode>",
		"<loadInformation>sip88xx.14-2-1-0101-26</loadInformation>",
		"<capfAuthMode>0</capfAuthMode>",
		"<phonePort>3804</phonePort>",
		"<processNodeName>10.1.1.10</processNodeName>",
		"<certHash>0e836369fdcf000f12cee03baa2a8b4a</certHash>",
		"<encrConfig>true</encrConfig>",
	};
	const char *at;
	struct err e;

	(void)state;
	assert_int_equal(minimal_config(&out, buf_view(&full), phone.cert, &e), 0);
	at = buf_cstr(&out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		at = strstr(at, parts[i]);
		assert_non_null(at);
	}
	buf_free(&full);
	buf_free(&out);
	test_key_free(&phone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_as_the_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
