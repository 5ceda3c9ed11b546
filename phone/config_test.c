#include "phone/config.h"

#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct config *c, const char *text, struct err *e)
{
	return config_parse(c, span_of(text, strlen(text)), e);
}

static void the_vector_is_read(void **state)
{
	const char *source = getenv("CTL_SOURCE_DIR");
	char path[512];
	struct buf file = {0};
	struct config c;
	struct err e;

	(void)state;
	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/trustfile/vectors/sgn/SEP001122334455.cnf.xml", source);
	assert_int_equal(file_read(path, CONFIG_FILE_MAX, &file, &e), 0);
	assert_int_equal(config_parse(&c, buf_view(&file), &e), 0);
	buf_free(&file);
	assert_true(c.full);
	assert_false(c.encrypted);
	assert_int_equal(c.protocol, DEVICE_SIP);
	assert_int_equal(c.mode, DEVICE_ENCRYPTED);
	assert_int_equal(c.transport, DEVICE_TLS);
	assert_int_equal(c.ncms, 1);
	assert_string_equal(c.cms[0].host, "10.1.1.10");
	assert_int_equal(c.cms[0].sip, 5060);
	assert_int_equal(c.cms[0].sips, 5061);
	assert_int_equal(c.cms[0].sccp, 2000);
	assert_int_equal(c.cms[0].sccps, 2443);
	assert_int_equal(c.ntvs, 1);
	assert_string_equal(c.tvs[0].host, "10.1.1.10");
	assert_int_equal(c.tvs[0].port, 2445);
	assert_int_equal(c.ncapf, 1);
	assert_int_equal(c.capf[0].port, 3804);
	assert_int_equal(c.capf_auth_mode, 0);
	assert_string_equal(c.cert_hash, "");
	assert_string_equal(c.load, "sip88xx.14-2-1-0101-26");
	assert_string_equal(c.stamp, "1600000000");
	assert_false(c.has_digest);
	config_free(&c);
}

static void what_is_absent_has_a_default(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(parse(&c, "<device/>", &e), 0);
	assert_true(c.full);
	assert_false(c.encrypted);
	assert_int_equal(c.mode, DEVICE_NONSECURE);
	assert_int_equal(c.protocol, 0);
	assert_int_equal(c.transport, 0);
	assert_int_equal(c.ncms + c.ncapf + c.ntvs + c.nlines + c.nvalues, 0);
	config_free(&c);
}

static void a_minimal_file(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(parse(&c,
			       "<device><fullConfig> false\n</fullConfig>"
			       "<capfAuthMode>1</capfAuthMode><capfList><capf><processNodeName>pub"
			       "</processNodeName></capf></capfList>"
			       "<certHash>0E836369FDCF000F12CEE03BAA2A8B4A</certHash>"
			       "<encrConfig>true</encrConfig></device>",
			       &e),
			 0);
	assert_false(c.full);
	assert_true(c.encrypted);
	assert_string_equal(c.cert_hash, "0e836369fdcf000f12cee03baa2a8b4a");
	assert_string_equal(config_auth_word(c.capf_auth_mode), "string");
	assert_string_equal(c.capf[0].host, "pub");
	assert_int_equal(c.capf[0].port, 3804);
	config_free(&c);
}

static void call_managers_come_in_order_of_priority(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(
		parse(&c,
		      "<device><devicePool><callManagerGroup><members>"
		      "<member priority='1'><callManager><processNodeName>sub</processNodeName>"
		      "<ports><securedSipPort>15061</securedSipPort></ports></callManager></member>"
		      "<member priority='2'><callManager/></member>"
		      "<member priority='0'><callManager><processNodeName>pub</processNodeName>"
		      "</callManager></member>"
		      "</members></callManagerGroup></devicePool></device>",
		      &e),
		0);
	assert_int_equal(c.ncms, 2);
	assert_string_equal(c.cms[0].host, "pub");
	assert_string_equal(c.cms[1].host, "sub");
	assert_int_equal(c.cms[1].sips, 15061);
	config_free(&c);
}

static void lines_and_credentials(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(
		parse(&c,
		      "<device><sipProfile><sipLines>"
		      "<line button='1'><name>1001</name><featureLabel>Anna &amp; "
		      "Bob</featureLabel>"
		      "<authName>anna</authName><authPassword> with blanks </authPassword></line>"
		      "<line button='3'><name>1002</name><authName>other</authName></line>"
		      "</sipLines></sipProfile></device>",
		      &e),
		0);
	assert_int_equal(c.nlines, 2);
	assert_string_equal(c.lines[0].name, "1001");
	assert_string_equal(c.lines[0].label, "Anna & Bob");
	assert_int_equal(c.lines[1].button, 3);
	assert_true(c.has_digest);
	assert_string_equal(c.digest_user, "anna");
	assert_string_equal(c.digest_password.text, " with blanks ");
	config_free(&c);

	/* Blank ones are credentials, too: they replace what the phone has. */
	assert_int_equal(parse(&c,
			       "<device><sipProfile><sipLines><line><authName/></line></sipLines>"
			       "</sipProfile></device>",
			       &e),
			 0);
	assert_true(c.has_digest);
	assert_string_equal(c.digest_user, "");
	assert_null(c.digest_password.text);
	config_free(&c);
}

static void assert_value(const struct config *c, const char *name, const char *value)
{
	const struct config_value *v = config_value_find(c, name);

	assert_non_null(v);
	assert_string_equal(v->value, value);
}

static void parameters_of_the_phone(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(
		parse(&c,
		      "<device><vendorConfig><webAccess>1</webAccess><pcPort>1</pcPort>"
		      "<webaccess>0</webaccess><newThing>7</newThing><nested><a>1</a></nested>"
		      "</vendorConfig><commonConfig><pcPort>0</pcPort><garp>1</garp></commonConfig>"
		      "<enterpriseConfig><garp>0</garp></enterpriseConfig>"
		      "<commonProfile><phonePassword>1234</phonePassword></commonProfile>"
		      "<authenticationURL>http://pub/a?b=c&amp;d</authenticationURL></device>",
		      &e),
		0);
	assert_value(&c, "webAccess", "1");
	assert_value(&c, "pcPort", "1"); /* the phone's own above the common one */
	assert_value(&c, "garp", "1");
	assert_value(&c, "newThing", "7");
	assert_value(&c, "phonePassword", "1234");
	assert_value(&c, "authenticationURL", "http://pub/a?b=c&d");
	assert_non_null(config_value_find(&c, "webAccess")->param);
	/* Names are case-sensitive: this is another one, of no meaning. */
	assert_null(config_value_find(&c, "webaccess")->param);
	assert_null(config_value_find(&c, "nested"));
	config_free(&c);
}

#define SERVER(n)                                                                                  \
	"<member priority='" n                                                                     \
	"'><callManager><processNodeName>a</processNodeName></callManager></member>"
#define CMS(x)                                                                                     \
	"<device><devicePool><callManagerGroup><members>" x                                        \
	"</members></callManagerGroup></devicePool></device>"

static const struct {
	const char *what, *text, *id;
} bad[] = {
	{"nothing", "", "config-xml"},
	{"blanks", " \n", "config-xml"},
	{"no XML", "404 not found", "config-xml"},
	{"cut off", "<device><fullConfig>true</full", "config-xml"},
	{"another root", "<Default/>", "config-xml"},
	{"two roots", "<device/><device/>", "config-xml"},
	{"a document type", "<!DOCTYPE device><device/>", "config-xml"},
	{"entities that grow",
	 "<!DOCTYPE d [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
	 "<device><loadInformation>&b;</loadInformation></device>",
	 "config-xml"},
	{"an external entity",
	 "<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
	 "<device><loadInformation>&x;</loadInformation></device>",
	 "config-xml"},
	{"an external document type", "<!DOCTYPE d SYSTEM \"http://127.0.0.1:1/d.dtd\"><device/>",
	 "config-xml"},
	{"an unknown entity", "<device><loadInformation>&x;</loadInformation></device>",
	 "config-xml"},
	{"broken UTF-8", "<device><loadInformation>\xc3\x28</loadInformation></device>",
	 "config-xml"},
	{"a NUL by number", "<device><loadInformation>&#0;</loadInformation></device>",
	 "config-xml"},
	{"mode 0", "<device><deviceSecurityMode>0</deviceSecurityMode></device>", "config-value"},
	{"mode 4", "<device><deviceSecurityMode>4</deviceSecurityMode></device>", "config-value"},
	{"mode by name", "<device><deviceSecurityMode>encrypted</deviceSecurityMode></device>",
	 "config-value"},
	{"two modes",
	 "<device><deviceSecurityMode>3</deviceSecurityMode><deviceSecurityMode>1"
	 "</deviceSecurityMode></device>",
	 "config-value"},
	{"an element in a value", "<device><deviceSecurityMode>3<x/></deviceSecurityMode></device>",
	 "config-value"},
	{"a negative transport",
	 "<device><transportLayerProtocol>-1</transportLayerProtocol></device>", "config-value"},
	{"transport 5", "<device><transportLayerProtocol>5</transportLayerProtocol></device>",
	 "config-value"},
	{"a CAPF mode", "<device><capfAuthMode>5</capfAuthMode></device>", "config-value"},
	{"a flag", "<device><encrConfig>yes</encrConfig></device>", "config-value"},
	{"another flag", "<device><fullConfig>TRUE</fullConfig></device>", "config-value"},
	{"a short hash", "<device><certHash>0e83</certHash></device>", "config-value"},
	{"a hash with a letter",
	 "<device><certHash>0e836369fdcf000f12cee03baa2a8b4g</certHash></device>", "config-value"},
	{"a long hash", "<device><certHash>0e836369fdcf000f12cee03baa2a8b4a0</certHash></device>",
	 "config-value"},
	{"a protocol", "<device><deviceProtocol>MGCP</deviceProtocol></device>", "config-value"},
	{"port 0",
	 CMS("<member><callManager><ports><sipPort>0</sipPort></ports></callManager></member>"),
	 "config-value"},
	{"port 65536",
	 "<device><capfList><capf><phonePort>65536</phonePort></capf></capfList></device>",
	 "config-value"},
	{"a port that wraps",
	 "<device><TVS><members><member><port>99999999999999999999</port></member></members></TVS>"
	 "</device>",
	 "config-value"},
	{"priority 5", CMS(SERVER("5")), "config-value"},
	{"priority x", CMS(SERVER("x")), "config-value"},
	{"six call managers",
	 CMS(SERVER("0") SERVER("0") SERVER("0") SERVER("0") SERVER("0") SERVER("0")),
	 "config-value"},
	{"a host with a blank",
	 "<device><capfList><capf><processNodeName>a "
	 "b</processNodeName></capf></capfList></device>",
	 "config-value"},
	{"two parameters of one name",
	 "<device><vendorConfig><garp>0</garp><garp>1</garp></vendorConfig></device>",
	 "config-value"},
};

static void bad_files_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config c;
		struct err e;

		print_message("%s\n", bad[i].what);
		assert_int_equal(parse(&c, bad[i].text, &e), ERR_REFUSED);
		assert_string_equal(e.id, bad[i].id);
		assert_null(strchr(e.what, '\n'));
	}
}

/* n times piece between start and end; each # in it becomes its number. */
static int parse_many(const char *start, const char *piece, size_t n, const char *end, char id[])
{
	struct buf b = {0};
	struct config c;
	struct err e = {0};
	int rc;

	buf_str(&b, start);
	for (size_t i = 0; i < n; i++)
		for (const char *p = piece; *p; p++)
			if (*p == '#')
				buf_printf(&b, "%zu", i);
			else
				buf_u8(&b, (uint8_t)*p);
	buf_str(&b, end);
	assert_false(b.bad);
	rc = config_parse(&c, buf_view(&b), &e);
	if (!rc)
		config_free(&c);
	strcpy(id, e.id);
	buf_free(&b);
	return rc;
}

static void limits_hold(void **state)
{
	static const char lines[] = "<device><sipProfile><sipLines>";
	static const char values[] = "<device><vendorConfig>";
	char id[ERR_ID_MAX];

	(void)state;
	assert_int_equal(parse_many(lines, "<line><name>#</name></line>", CONFIG_LINES_MAX,
				    "</sipLines></sipProfile></device>", id),
			 0);
	assert_int_equal(parse_many(lines, "<line><name>#</name></line>", CONFIG_LINES_MAX + 1,
				    "</sipLines></sipProfile></device>", id),
			 ERR_REFUSED);
	assert_int_equal(
		parse_many(values, "<p#>1</p#>", CONFIG_VALUES_MAX, "</vendorConfig></device>", id),
		0);
	assert_int_equal(parse_many(values, "<p#>1</p#>", CONFIG_VALUES_MAX + 1,
				    "</vendorConfig></device>", id),
			 ERR_REFUSED);
	/* Those that do not count as parameters do not come for free. */
	assert_int_equal(parse_many(values, "<p#><a/></p#>", CONFIG_VALUES_MAX + 1,
				    "</vendorConfig></device>", id),
			 ERR_REFUSED);
	assert_int_equal(parse_many("<device><loadInformation>", "x", CONFIG_TEXT_MAX,
				    "</loadInformation></device>", id),
			 ERR_REFUSED);
	assert_string_equal(id, "config-value");
	assert_int_equal(parse_many("", "<device>", 5000, "", id), ERR_REFUSED);
	assert_string_equal(id, "config-xml");
	assert_int_equal(parse_many("<device>", "<a></a>", CONFIG_FILE_MAX / 7, "</device>", id),
			 ERR_REFUSED);
	assert_string_equal(id, "config-xml");
}

/* What a stranger wrote cannot steer the terminal of who reads the error. */
static void messages_are_safe_and_keep_secrets(void **state)
{
	struct config c;
	struct err e;
	struct buf b = {0};

	(void)state;
	assert_int_equal(
		parse(&c, "<device><encrConfig>&#x9b;2J\xe2\x80\xae</encrConfig></device>", &e),
		ERR_REFUSED);
	assert_null(strstr(e.what, "\xc2\x9b"));
	assert_null(strstr(e.what, "\xe2\x80\xae"));

	buf_str(&b, "<device><sipProfile><sipLines><line><authPassword>");
	for (size_t i = 0; i < SECRET_MAX; i++)
		buf_str(&b, "s3cr3t");
	buf_str(&b, "</authPassword></line></sipLines></sipProfile></device>");
	assert_int_equal(config_parse(&c, buf_view(&b), &e), ERR_REFUSED);
	assert_null(strstr(e.what, "s3cr3t"));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_is_read),
		cmocka_unit_test(what_is_absent_has_a_default),
		cmocka_unit_test(a_minimal_file),
		cmocka_unit_test(call_managers_come_in_order_of_priority),
		cmocka_unit_test(lines_and_credentials),
		cmocka_unit_test(parameters_of_the_phone),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(messages_are_safe_and_keep_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
