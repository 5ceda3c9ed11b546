#include "server/net/tftp_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A packet in a form that can be read here: the operation, then text in which "|" stands for NUL.
 * The copy ends where its allocation ends, so that ASan sees one byte too many. */
static bool parse_text(struct tftp_packet *p, uint8_t **copy, unsigned op, const char *text)
{
	const size_t n = strlen(text);

	*copy = malloc(n + 2);
	assert_non_null(*copy);
	(*copy)[0] = (uint8_t)(op >> 8);
	(*copy)[1] = (uint8_t)op;
	for (size_t i = 0; i < n; i++)
		(*copy)[i + 2] = text[i] == '|' ? 0 : (uint8_t)text[i];
	return tftp_parse(p, span_of(*copy, n + 2));
}

static const struct {
	const char *why;
	const char *text;
	const char *name;
	enum tftp_mode mode;
	struct tftp_options options;
} requests[] = {
	{"plain", "CTLFile.tlv|octet|", "CTLFile.tlv", TFTP_OCTET, {0}},
	{"mode in capitals", "a|OcTeT|", "a", TFTP_OCTET, {0}},
	{"netascii", "a|netascii|", "a", TFTP_NETASCII, {0}},
	{"mail", "a|mail|", "a", TFTP_MAIL, {0}},
	{"unknown mode", "a|octets|", "a", TFTP_OTHER_MODE, {0}},
	{"empty mode", "a||", "a", TFTP_OTHER_MODE, {0}},
	{"all", "a|octet|blksize|1428|timeout|3|tsize|0|", "a", TFTP_OCTET, {1428, 3, true, 0, 0}},
	{"any case", "a|octet|BLKSIZE|8|TsIzE|77|", "a", TFTP_OCTET, {8, 0, true, 77, 0}},
	{"twice", "a|octet|blksize|512|blksize|1024|", "a", TFTP_OCTET, {512, 0, false, 0, 0}},
	{"blksize 7", "a|octet|blksize|7|", "a", TFTP_OCTET, {0}},
	{"blksize 0", "a|octet|blksize|0|", "a", TFTP_OCTET, {0}},
	{"blksize 65465", "a|octet|blksize|65465|", "a", TFTP_OCTET, {65464, 0, false, 0, 0}},
	{"20 digits",
	 "a|octet|blksize|18446744073709551615|",
	 "a",
	 TFTP_OCTET,
	 {65464, 0, false, 0, 0}},
	{"does not fit", "a|octet|blksize|18446744073709551616|", "a", TFTP_OCTET, {0}},
	{"negative", "a|octet|blksize|-512|", "a", TFTP_OCTET, {0}},
	{"hexadecimal", "a|octet|blksize|0x200|", "a", TFTP_OCTET, {0}},
	{"empty value", "a|octet|blksize||tsize|0|", "a", TFTP_OCTET, {0, 0, true, 0, 0}},
	{"timeout 0", "a|octet|timeout|0|", "a", TFTP_OCTET, {0}},
	{"timeout 255", "a|octet|timeout|255|", "a", TFTP_OCTET, {0, 255, false, 0, 0}},
	{"windowsize", "a|octet|windowsize|16|", "a", TFTP_OCTET, {.windowsize = 16}},
	{"windowsize 0", "a|octet|windowsize|0|", "a", TFTP_OCTET, {0}},
	{"windowsize 1", "a|octet|WindowSize|1|", "a", TFTP_OCTET, {.windowsize = 1}},
	{"windowsize 65535", "a|octet|windowsize|65535|", "a", TFTP_OCTET, {.windowsize = 65535}},
	{"windowsize 65536", "a|octet|windowsize|65536|", "a", TFTP_OCTET, {0}},
	{"timeout 256", "a|octet|timeout|256|", "a", TFTP_OCTET, {0}},
	{"unknown options",
	 "a|octet|multicast||x|y|blksize|99|",
	 "a",
	 TFTP_OCTET,
	 {99, 0, false, 0, 0}},
	{"option without a value", "a|octet|blksize|", "a", TFTP_OCTET, {0}},
	{"value without its NUL", "a|octet|blksize|512", "a", TFTP_OCTET, {0}},
	{"longer than a known name", "a|octet|blksize2|512|", "a", TFTP_OCTET, {0}},
};

static void requests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct tftp_packet p;
		uint8_t *copy;

		print_message("%s\n", requests[i].why);
		assert_true(parse_text(&p, &copy, TFTP_RRQ, requests[i].text));
		assert_int_equal(p.op, TFTP_RRQ);
		assert_int_equal(p.name.len, strlen(requests[i].name));
		assert_memory_equal(p.name.data, requests[i].name, p.name.len);
		assert_int_equal(p.mode, requests[i].mode);
		assert_int_equal(p.options.blksize, requests[i].options.blksize);
		assert_int_equal(p.options.timeout, requests[i].options.timeout);
		assert_int_equal(p.options.has_tsize, requests[i].options.has_tsize);
		assert_int_equal(p.options.tsize, requests[i].options.tsize);
		assert_int_equal(p.options.windowsize, requests[i].options.windowsize);
		free(copy);
	}
}

static const struct {
	const char *why;
	unsigned op;
	const char *text;
} bad[] = {
	{"operation 0", 0, "abc|octet|"},
	{"operation 7", 7, "abc|octet|"},
	{"operation 257", 0x101, "abc|octet|"},
	{"a request and nothing else", TFTP_RRQ, ""},
	{"name without its NUL", TFTP_RRQ, "abc"},
	{"no mode", TFTP_RRQ, "abc|"},
	{"mode without its NUL", TFTP_RRQ, "abc|octet"},
	{"empty name", TFTP_RRQ, "|octet|"},
	{"write request cut", TFTP_WRQ, "abc|oct"},
	{"DATA of three bytes", TFTP_DATA, "x"},
	{"ACK of two bytes", TFTP_ACK, ""},
	{"ACK of three bytes", TFTP_ACK, "|"},
	{"ERROR without a code", TFTP_ERROR, "|"},
};

static void bad_packets_are_refused(void **state)
{
	struct tftp_packet p;
	uint8_t *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const bool known = bad[i].op >= TFTP_RRQ && bad[i].op <= TFTP_OACK;

		print_message("%s\n", bad[i].why);
		assert_false(parse_text(&p, &copy, bad[i].op, bad[i].text));
		assert_int_equal(p.op, known ? bad[i].op : 0);
		assert_null(p.name.data);
		assert_null(p.text.data);
		free(copy);
	}
	assert_false(tftp_parse(&p, span_of(NULL, 0)));
	assert_false(tftp_parse(&p, span_of("", 1)));
	assert_int_equal(p.op, 0);
}

static void other_packets_are_read(void **state)
{
	struct tftp_packet p;
	uint8_t *copy;

	(void)state;
	assert_true(parse_text(&p, &copy, TFTP_DATA, "\1\2data"));
	assert_int_equal(p.op, TFTP_DATA);
	assert_int_equal(p.block, 0x102);
	assert_int_equal(p.text.len, 4);
	assert_memory_equal(p.text.data, "data", 4);
	free(copy);

	assert_true(parse_text(&p, &copy, TFTP_DATA, "\xff\xff"));
	assert_int_equal(p.block, 0xffff);
	assert_int_equal(p.text.len, 0);
	free(copy);

	assert_true(parse_text(&p, &copy, TFTP_ACK, "|\7padding"));
	assert_int_equal(p.op, TFTP_ACK);
	assert_int_equal(p.block, 7);
	free(copy);

	assert_true(parse_text(&p, &copy, TFTP_OACK, "blksize|1400|tsize|4643|"));
	assert_int_equal(p.op, TFTP_OACK);
	assert_int_equal(p.options.blksize, 1400);
	assert_int_equal(p.options.tsize, 4643);
	free(copy);

	assert_true(parse_text(&p, &copy, TFTP_WRQ, "abc|octet|"));
	assert_int_equal(p.op, TFTP_WRQ);
	free(copy);
}

static void errors_are_read(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} errors[] = {{"|\1not here|rest", 8}, {"|\1no end", 6}, {"|\1|", 0}, {"|\1", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct tftp_packet p;
		uint8_t *copy;

		assert_true(parse_text(&p, &copy, TFTP_ERROR, errors[i].text));
		assert_int_equal(p.op, TFTP_ERROR);
		assert_int_equal(p.code, TFTP_NOT_FOUND);
		assert_int_equal(p.text.len, errors[i].length);
		free(copy);
	}
}

static void options_are_bounded(void **state)
{
	struct buf text = {0};
	struct tftp_packet p;
	uint8_t *copy;

	(void)state;
	buf_str(&text, "a|octet|");
	for (int i = 0; i < TFTP_OPTIONS_MAX; i++)
		buf_str(&text, "x|y|");
	buf_str(&text, "blksize|99|");
	assert_true(parse_text(&p, &copy, TFTP_RRQ, buf_cstr(&text)));
	assert_int_equal(p.options.blksize, 0);
	free(copy);
	buf_free(&text);
}

/* Compares a written packet with one in the form of parse_text(). */
static void assert_packet(const uint8_t *out, size_t n, unsigned op, const char *text)
{
	struct tftp_packet p;
	uint8_t *want;

	parse_text(&p, &want, op, text);
	assert_int_equal(n, strlen(text) + 2);
	assert_memory_equal(out, want, n);
	free(want);
}

static void packets_are_written(void **state)
{
	const struct tftp_options all = {1428, 3, true, 4643, 8};
	const struct tftp_options none = {0};
	uint8_t out[TFTP_ERROR_MAX];
	size_t n;

	(void)state;
	n = tftp_put_request(out, sizeof(out), TFTP_RRQ, "n", &all);
	assert_packet(out, n, TFTP_RRQ, "n|octet|blksize|1428|timeout|3|tsize|4643|windowsize|8|");
	n = tftp_put_request(out, sizeof(out), TFTP_WRQ, "n", &none);
	assert_packet(out, n, TFTP_WRQ, "n|octet|");
	n = tftp_put_oack(out, sizeof(out), &all);
	assert_packet(out, n, TFTP_OACK, "blksize|1428|timeout|3|tsize|4643|windowsize|8|");
	n = tftp_put_error(out, sizeof(out), TFTP_NOT_FOUND, "gone");
	assert_packet(out, n, TFTP_ERROR, "|\1gone|");
	tftp_put_head(out, TFTP_ACK, 0xfffe);
	assert_packet(out, TFTP_HEAD, TFTP_ACK, "\xff\xfe");
	assert_true(tftp_any_option(&all));
	assert_false(tftp_any_option(&none));
}

static void a_probe_says_so(void **state)
{
	static const struct tftp_options options = {.blksize = 512};
	uint8_t out[TFTP_REQUEST_MAX];
	struct tftp_packet p;
	size_t n = tftp_put_request(out, sizeof(out), TFTP_RRQ, "n", &options);

	(void)state;
	assert_true(tftp_parse(&p, span_of(out, n)));
	assert_false(p.probe);
	assert_int_equal(tftp_put_probe(out, n, n), 0);
	n = tftp_put_probe(out, sizeof(out), n);
	assert_packet(out, n, TFTP_RRQ, "n|octet|blksize|512|x-ctl-probe|1|");
	assert_true(tftp_parse(&p, span_of(out, n)));
	assert_true(p.probe);
	assert_int_equal(p.options.blksize, 512);
}

static void writing_stops_at_the_end(void **state)
{
	const struct tftp_options all = {TFTP_BLKSIZE_MAX, TFTP_TIMEOUT_MAX, true, UINT64_MAX,
					 TFTP_WINDOW_MAX};
	uint8_t out[TFTP_OACK_MAX];
	char text[300];
	size_t n;

	(void)state;
	n = tftp_put_oack(out, sizeof(out), &all);
	assert_true(n > 0);
	for (size_t max = 0; max < n; max++) {
		uint8_t *tight = malloc(max ? max : 1);

		assert_non_null(tight);
		assert_int_equal(tftp_put_oack(tight, max, &all), 0);
		assert_int_equal(tftp_put_request(tight, max, TFTP_RRQ, "name", &all), 0);
		free(tight);
	}

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(tftp_put_error(out, sizeof(out), TFTP_UNDEFINED, text), sizeof(out));
	assert_int_equal(out[sizeof(out) - 2], 'x');
	assert_int_equal(out[sizeof(out) - 1], '\0');
	assert_int_equal(tftp_put_error(out, 4, TFTP_UNDEFINED, text), 0);
}

/* Every datagram of two more bytes, and every cut of a good request. */
static void nothing_crashes(void **state)
{
	static const char good[] = "CTLFile.tlv|octet|blksize|1428|tsize|0|";
	struct tftp_packet p;
	uint8_t *copy;

	(void)state;
	for (uint32_t i = 0; i < 8 << 16; i++) {
		const char d[] = {0, (char)(i >> 16), (char)(i >> 8), (char)i};

		tftp_parse(&p, span_of(d, sizeof(d)));
	}
	for (size_t n = 0; n < sizeof(good); n++) {
		char cut[sizeof(good)] = {0};

		memcpy(cut, good, n);
		assert_int_equal(parse_text(&p, &copy, TFTP_RRQ, cut),
				 n >= strlen("CTLFile.tlv|octet|"));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(bad_packets_are_refused),
		cmocka_unit_test(other_packets_are_read),
		cmocka_unit_test(errors_are_read),
		cmocka_unit_test(options_are_bounded),
		cmocka_unit_test(packets_are_written),
		cmocka_unit_test(a_probe_says_so),
		cmocka_unit_test(writing_stops_at_the_end),
		cmocka_unit_test(nothing_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
