#include "server/net/capf_message.h"

#include "server/net/capf_testkit.h"

#include <stdlib.h>
#include <string.h>

/* ---- the recorded sessions ---- */

/* Puts an element back the way its kind is written; false if it cannot be understood. */
static bool put_again(struct buf *b, const struct capf_message *m, enum capf_tag tag)
{
	struct span s;
	struct capf_sha2 sha2;
	struct capf_sudi sudi;
	unsigned v;

	switch (tag) {
	case CAPF_KEY_SIZE:
		return capf_number(m, tag, &v) && (capf_put_u16(b, tag, v), true);
	case CAPF_CERTIFICATE:
		return capf_certificate(m, &s) && (capf_put_certificate(b, CAPF_TYPE_LSC, s), true);
	case CAPF_PASSWORD:
	case CAPF_DEVICE_NAME:
		return capf_string(m, tag, &s) && (capf_put_string(b, tag, s), true);
	case CAPF_SUDI_DATA:
		return capf_sudi(m, &sudi) && (capf_put_sudi(b, &sudi), true);
	case CAPF_SHA2_SIGNED_DATA:
		return capf_sha2(m, &sha2) && (capf_put_sha2(b, &sha2), true);
	case CAPF_SIGNED_DATA:
	case CAPF_PUBLIC_KEY:
		capf_put_bytes(b, tag, m->value[tag]);
		return true;
	default:
		return capf_number(m, tag, &v) && (capf_put_u8(b, tag, v), true);
	}
}

/* Two of them have what we would never write: another order, and an element 99. */
static bool is_ours(const struct capf_test_session *s)
{
	return strncmp(s->file, "17-", 3) != 0 && strncmp(s->file, "23-", 3) != 0;
}

static void check_message(const struct capf_test_session *s, struct span bytes)
{
	struct buf again = {0};
	struct capf_message m;
	struct err e;
	size_t start, n;

	if (bytes.data[0] != CAPF_PROTOCOL) {
		assert_int_equal(capf_frame(&n, bytes, NULL, &e), ERR_REFUSED);
		assert_string_equal(e.id, "capf-protocol");
		return;
	}
	assert_int_equal(capf_frame(&n, bytes, NULL, &e), 0);
	assert_int_equal(n, bytes.len);
	assert_int_equal(capf_parse(&m, bytes, &e), 0);
	start = capf_begin(&again, m.command, m.session);
	for (int tag = 1; tag < CAPF_TAGS; tag++)
		if (m.value[tag].data)
			assert_true(put_again(&again, &m, (enum capf_tag)tag));
	capf_end(&again, start);
	assert_false(again.bad);
	if (is_ours(s))
		assert_true(span_eq(buf_view(&again), bytes));
	buf_free(&again);
}

static void check_session(const struct capf_test_session *s)
{
	for (size_t i = 0; i < s->n; i++)
		check_message(s, buf_view(&s->messages[i].bytes));
}

static void recorded_sessions(void **state)
{
	(void)state;
	capf_test_each(check_session);
}

static void what_is_in_them(void **state)
{
	struct capf_test_session s;
	struct capf_message m;
	struct capf_sudi sudi;
	struct capf_sha2 sha2;
	struct span text, der;
	unsigned v;
	struct err e;

	(void)state;
	capf_test_load(&s, "03-");
	assert_int_equal(capf_parse(&m, buf_view(&s.messages[1].bytes), &e), 0);
	assert_int_equal(m.command, CAPF_AUTH_RESPONSE);
	assert_int_equal(m.session, 0x0a0b0c03);
	assert_true(capf_string(&m, CAPF_DEVICE_NAME, &text));
	assert_true(span_eq(text, span_of("SEP001122334455", 15)));
	assert_true(capf_string(&m, CAPF_PASSWORD, &text));
	assert_int_equal(text.len, 0);
	assert_true(capf_number(&m, CAPF_VERSION_TAG, &v));
	assert_int_equal(v, 3);
	assert_true(capf_certificate(&m, &der));
	assert_int_equal(der.len, 987);
	assert_int_equal(m.value[CAPF_SIGNED_DATA].len, 256);
	assert_true(capf_sha2(&m, &sha2));
	assert_int_equal(sha2.digest, CAPF_SHA512);
	assert_int_equal(sha2.signature.len, 256);
	assert_true(capf_sudi(&m, &sudi));
	assert_int_equal(sudi.certificate.len, 888);
	assert_int_equal(sudi.sha1.len, 256);
	assert_int_equal(sudi.sha512.len, 256);
	assert_false(capf_number(&m, CAPF_KEY_SIZE, &v));
	capf_test_free(&s);
}

/* ---- frames ---- */

static void frames(void **state)
{
	static const struct {
		const char *why, *bytes;
		size_t len, n;
		const char *id;
	} cases[] = {
		{"nothing yet", "", 0, 0, NULL},
		{"seven bytes", "\x55\x02\x00\x00\x00\x07\x00", 7, 0, NULL},
		{"an empty body", "\x55\x02\x00\x00\x00\x07\x00\x00", 8, 8, NULL},
		{"more to come", "\x55\x02\x00\x00\x00\x07\x01\x00\x99", 9, 264, NULL},
		{"another protocol", "\x56\x02\x00\x00\x00\x07\x00\x00", 8, 0, "capf-protocol"},
		{"another session", "\x55\x02\x00\x00\x00\x08\x00\x00", 8, 0, "capf-session"},
		{"the largest", "\x55\x02\x00\x00\x00\x07\x40\x00", 8, 16392, NULL},
		{"too large", "\x55\x02\x00\x00\x00\x07\x40\x01", 8, 0, "capf-length"},
	};
	const uint32_t session = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = {0};
		size_t n;
		const int rc = capf_frame(&n, span_of(cases[i].bytes, cases[i].len), &session, &e);

		print_message("%s\n", cases[i].why);
		assert_int_equal(rc, cases[i].id ? ERR_REFUSED : 0);
		assert_string_equal(e.id, cases[i].id ? cases[i].id : "");
		assert_int_equal(n, cases[i].n);
	}
}

/* ---- elements ---- */

/* Takes elements apart in memory that ends where they end, so that ASan sees one byte too many. */
static int parse_elements(struct capf_message *m, uint8_t **copy, struct span elements,
			  struct err *e)
{
	*copy = malloc(CAPF_HEAD + elements.len);
	assert_non_null(*copy);
	memcpy(*copy, "\x55\x02\x00\x00\x00\x07", 6);
	(*copy)[6] = (uint8_t)(elements.len >> 8);
	(*copy)[7] = (uint8_t)elements.len;
	if (elements.len)
		memcpy(*copy + CAPF_HEAD, elements.data, elements.len);
	return capf_parse(m, span_of(*copy, CAPF_HEAD + elements.len), e);
}

#define BYTES(s) (s), sizeof(s) - 1

static void broken_elements(void **state)
{
	static const struct {
		const char *why, *bytes;
		size_t len;
	} cases[] = {
		{"a tag and nothing else", BYTES("\x01")},
		{"half a length", BYTES("\x01\x00")},
		{"a value that is missing", BYTES("\x01\x00\x01")},
		{"past the end", BYTES("\x0d\x00\x05\x41\x42\x43\x00")},
		{"past the end, unknown", BYTES("\x63\xff\xff\x00")},
		{"REASON empty", BYTES("\x01\x00\x00")},
		{"REASON of two bytes", BYTES("\x01\x00\x02\x00\x01")},
		{"VERSION empty", BYTES("\x07\x00\x00")},
		{"AUTH_TYPE of two", BYTES("\x08\x00\x02\x00\x01")},
		{"KEY_SIZE of one", BYTES("\x0a\x00\x01\x08")},
		{"KEY_SIZE of three", BYTES("\x0a\x00\x03\x08\x00\x00")},
		{"KEY_TYPE empty", BYTES("\x11\x00\x00")},
		{"CURVE of two", BYTES("\x12\x00\x02\x00\x00")},
		{"CERTIFICATE_TYPE of two", BYTES("\x03\x00\x02\x00\x01")},
		{"twice the same", BYTES("\x07\x00\x01\x03\x07\x00\x01\x03")},
		{"an empty one twice", BYTES("\x0b\x00\x00\x0b\x00\x00")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capf_message m;
		uint8_t *copy;
		struct err e;

		print_message("%s\n", cases[i].why);
		assert_int_equal(
			parse_elements(&m, &copy, span_of(cases[i].bytes, cases[i].len), &e),
			ERR_REFUSED);
		assert_string_equal(e.id, "capf-element");
		free(copy);
	}
}

static void values(void **state)
{
	static const struct {
		const char *why;
		enum capf_tag tag;
		const char *bytes;
		size_t len;
		int rest; /* bytes of text, DER or signature; -1: it does not hold one */
	} cases[] = {
		{"text", CAPF_PASSWORD, BYTES("1234\0"), 4},
		{"empty text", CAPF_PASSWORD, BYTES("\0"), 0},
		{"no bytes at all", CAPF_PASSWORD, BYTES(""), -1},
		{"no NUL", CAPF_PASSWORD, BYTES("12345"), -1},
		{"a NUL inside", CAPF_DEVICE_NAME, BYTES("SEP\0 1\0"), -1},
		{"two NULs", CAPF_DEVICE_NAME, BYTES("SEP\0\0"), -1},
		{"certificate", CAPF_CERTIFICATE, BYTES("\1\0\5\0\1\x30\1\0"), 3},
		{"of type MIC", CAPF_CERTIFICATE, BYTES("\1\0\5\0\2\x30\1\0"), 3},
		{"with a rest", CAPF_CERTIFICATE, BYTES("\1\0\5\0\1\x30\1\0\7\7"), 3},
		{"cut off", CAPF_CERTIFICATE, BYTES("\1\0\6\0\1\x30\1\0"), -1},
		{"without DER", CAPF_CERTIFICATE, BYTES("\1\0\2\0\1"), -1},
		{"inner length 1", CAPF_CERTIFICATE, BYTES("\1\0\1\0\1\x30"), -1},
		{"inner length 0", CAPF_CERTIFICATE, BYTES("\1\0\0\0\1\x30"), -1},
		{"four bytes", CAPF_CERTIFICATE, BYTES("\1\0\1\0"), -1},
		{"nothing", CAPF_CERTIFICATE, BYTES(""), -1},
		{"signature", CAPF_SHA2_SIGNED_DATA, BYTES("\3\0\2\1\2"), 2},
		{"empty signature", CAPF_SHA2_SIGNED_DATA, BYTES("\3\0\0"), -1},
		{"signature cut off", CAPF_SHA2_SIGNED_DATA, BYTES("\3\0\3\1\2"), -1},
		{"signature with a rest", CAPF_SHA2_SIGNED_DATA, BYTES("\3\0\2\1\2\3"), -1},
		{"sudi", CAPF_SUDI_DATA, BYTES("\0\0\1A\1\0\1B\3\0\1C"), 1},
		{"sudi, wrong order", CAPF_SUDI_DATA, BYTES("\0\0\1A\3\0\1B\1\0\1C"), -1},
		{"sudi, a part missing", CAPF_SUDI_DATA, BYTES("\0\0\1A\1\0\1B"), -1},
		{"sudi, an empty part", CAPF_SUDI_DATA, BYTES("\0\0\1A\1\0\0\3\0\1C"), -1},
		{"sudi, a part too long", CAPF_SUDI_DATA, BYTES("\0\0\1A\1\0\1B\3\0\2C"), -1},
		{"sudi and a rest", CAPF_SUDI_DATA, BYTES("\0\0\1A\1\0\1B\3\0\1C\0"), -1},
		{"sudi, nothing", CAPF_SUDI_DATA, BYTES(""), -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf element = {0};
		struct capf_message m;
		struct capf_sha2 sha2 = {0};
		struct capf_sudi sudi = {0};
		struct span got = {0};
		uint8_t *copy;
		struct err e;
		bool good;

		print_message("%s\n", cases[i].why);
		capf_put_bytes(&element, cases[i].tag, span_of(cases[i].bytes, cases[i].len));
		assert_int_equal(parse_elements(&m, &copy, buf_view(&element), &e), 0);
		switch (cases[i].tag) {
		case CAPF_CERTIFICATE:
			good = capf_certificate(&m, &got);
			break;
		case CAPF_SHA2_SIGNED_DATA:
			good = capf_sha2(&m, &sha2);
			got = sha2.signature;
			break;
		case CAPF_SUDI_DATA:
			good = capf_sudi(&m, &sudi);
			got = sudi.sha512;
			break;
		default:
			good = capf_string(&m, cases[i].tag, &got);
			break;
		}
		assert_int_equal(good, cases[i].rest >= 0);
		if (good)
			assert_int_equal(got.len, cases[i].rest);
		buf_free(&element);
		free(copy);
	}
}

/* ---- writing ---- */

static void too_long_to_write(void **state)
{
	uint8_t *much = calloc(1, 70000);
	struct buf b = {0};
	size_t start;

	(void)state;
	start = capf_begin(&b, CAPF_AUTH_RESPONSE, 1);
	capf_put_bytes(&b, CAPF_SIGNED_DATA, span_of(much, 65536));
	capf_end(&b, start);
	assert_true(b.bad);
	buf_free(&b);

	start = capf_begin(&b, CAPF_AUTH_RESPONSE, 1);
	capf_put_bytes(&b, CAPF_SIGNED_DATA, span_of(much, 65533));
	capf_end(&b, start);
	assert_true(b.bad);
	buf_free(&b);
	free(much);
}

static void names(void **state)
{
	char scratch[16];

	(void)state;
	assert_string_equal(capf_command_name(15, scratch), "END_SESSION");
	assert_string_equal(capf_command_name(5, scratch), "command 5");
	assert_string_equal(capf_command_name(255, scratch), "command 255");
}

/* ---- whatever is done to a message, nothing breaks ---- */

static void look_at_everything(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct capf_message m;
	struct capf_sha2 sha2;
	struct capf_sudi sudi;
	struct span s;
	struct err e;
	unsigned v;
	size_t n;

	memcpy(copy, data, len);
	if (!capf_frame(&n, span_of(copy, len), NULL, &e) && n)
		assert_true(n <= CAPF_HEAD + CAPF_BODY_MAX);
	if (!capf_parse(&m, span_of(copy, len), &e)) {
		for (int tag = 1; tag < CAPF_TAGS; tag++)
			(void)capf_number(&m, (enum capf_tag)tag, &v);
		(void)capf_string(&m, CAPF_PASSWORD, &s);
		(void)capf_string(&m, CAPF_DEVICE_NAME, &s);
		(void)capf_certificate(&m, &s);
		(void)capf_sha2(&m, &sha2);
		(void)capf_sudi(&m, &sudi);
	}
	free(copy);
}

static void mutations(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct capf_test_session s;
	struct buf *b;

	(void)state;
	capf_test_load(&s, "03-");
	b = &s.messages[1].bytes;
	for (size_t i = 0; i < b->len; i++) {
		look_at_everything(b->data, i);
		for (size_t k = 0; k < sizeof(masks); k++) {
			b->data[i] ^= masks[k];
			look_at_everything(b->data, b->len);
			b->data[i] ^= masks[k];
		}
	}
	capf_test_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_sessions),
		cmocka_unit_test(what_is_in_them),
		cmocka_unit_test(frames),
		cmocka_unit_test(broken_elements),
		cmocka_unit_test(values),
		cmocka_unit_test(too_long_to_write),
		cmocka_unit_test(names),
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
