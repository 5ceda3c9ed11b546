/* The phone's session against the recorded ones, and against servers that nobody has recorded. */
#include "phone/enroll_session.h"

#include "phone/prove.h"
#include "server/net/capf_testkit.h"

#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* Plays the phone of a recorded session: it says again what that phone said, but in our words. */
struct desk {
	const struct capf_test_session *rec;
	struct enroll_session s;
	size_t at;
	bool stored, erased;
};

static struct capf_message said(const struct desk *d)
{
	struct capf_message m;
	struct err e;

	assert_true(d->at < d->rec->n);
	assert_int_equal(capf_parse(&m, buf_view(&d->rec->messages[d->at].bytes), &e), 0);
	return m;
}

/* The bytes that come next must be ours; what somebody else made up they are not. */
static void check_out(struct desk *d, bool ours)
{
	if (ours)
		assert_true(span_eq(buf_view(&d->s.out), buf_view(&d->rec->messages[d->at].bytes)));
	buf_free(&d->s.out);
	d->at++;
}

static void repeat_proof(struct desk *d)
{
	const struct capf_message m = said(d);
	struct enroll_proof p = {.signed_data = m.value[CAPF_SIGNED_DATA]};

	assert_true(capf_string(&m, CAPF_DEVICE_NAME, &p.device));
	p.has_password = capf_string(&m, CAPF_PASSWORD, &p.password);
	if (capf_certificate(&m, &p.certificate))
		assert_true(capf_sha2(&m, &p.sha2));
	(void)capf_sudi(&m, &p.sudi);
	enroll_proved(&d->s, &p);
	/* 17: another order; 23: an element nobody knows. */
	check_out(d, strncmp(d->rec->file, "17-", 3) && strncmp(d->rec->file, "23-", 3));
}

static void repeat_key(struct desk *d)
{
	struct capf_message m = said(d);

	if (m.command == CAPF_REQUEST_IN_PROGRESS) {
		enroll_progress(&d->s);
		check_out(d, true);
		m = said(d);
	}
	enroll_key_made(&d->s, m.value[CAPF_PUBLIC_KEY]);
	check_out(d, true);
}

static void repeat_answer(struct desk *d)
{
	const struct capf_message m = said(d);
	unsigned reason = 0;

	assert_true(capf_number(&m, CAPF_REASON, &reason));
	d->stored = d->s.want == ENROLL_STORE;
	d->erased = d->s.want == ENROLL_ERASE;
	enroll_did(&d->s, reason == CAPF_DONE);
	/* 19: the recorded phone said so with another number. */
	check_out(d, reason == CAPF_DONE || reason == CAPF_INVALID);
}

static void repeat_certificate(struct desk *d)
{
	const struct capf_message m = said(d);
	struct span der = {0};

	(void)capf_certificate(&m, &der);
	assert_false(d->s.mic);
	enroll_read(&d->s, CAPF_TYPE_LSC, der);
	check_out(d, true);
}

static void act(struct desk *d)
{
	switch (d->s.want) {
	case ENROLL_PROVE:
		repeat_proof(d);
		break;
	case ENROLL_KEY:
		repeat_key(d);
		break;
	case ENROLL_STORE:
	case ENROLL_ERASE:
		repeat_answer(d);
		break;
	case ENROLL_READ:
		repeat_certificate(d);
		break;
	case ENROLL_BYTES:
	case ENROLL_END:
	case ENROLL_BROKEN:
		fail_msg("the server's message was not understood");
	}
}

/* In 20, 21, 22, 24, 25 and 26 the recorded phone said what ours never would. */
static bool is_no_phone(const struct capf_test_session *rec)
{
	static const char *const files[] = {"20-", "21-", "22-", "24-", "25-", "26-"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!strncmp(rec->file, files[i], 3))
			return true;
	return false;
}

static void replay(const struct capf_test_session *rec)
{
	struct desk d = {.rec = rec};
	size_t used;

	if (is_no_phone(rec))
		return;
	enroll_start(&d.s, strncmp(rec->file, "17-", 3) ? 3 : 2);
	while (d.at < rec->n) {
		const struct span bytes = buf_view(&rec->messages[d.at++].bytes);

		/* Bytes come as they like. */
		for (size_t i = 0; i < bytes.len && d.s.want == ENROLL_BYTES; i += used)
			enroll_take(&d.s,
				    span_of(bytes.data + i, bytes.len - i > 5 ? 5 : bytes.len - i),
				    &used);
		if (d.s.want != ENROLL_END && d.at < rec->n)
			act(&d);
	}
	if (rec->end[0] && !rec->differs[0]) {
		assert_int_equal(d.s.want, ENROLL_END);
		assert_int_equal(d.s.reason, rec->end[0] - '0');
	}
	if (!strcmp(rec->becomes, "successful"))
		assert_int_equal(d.stored, !strcmp(rec->operation, "install"));
	enroll_free(&d.s);
}

static void recorded(void **state)
{
	(void)state;
	capf_test_each(replay);
}

/* ---- proofs ---- */

/* RSA signatures never change: ours are those of the recorded phone. */
static void proofs_are_those_of_a_phone(void **state)
{
	static const struct {
		const char *session, *by, *sudi;
	} cases[] = {{"03-", "lsc-rsa2048", "mic"}, {"05-", "mic", "mic"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct capf_test_session rec;
		struct prove_with by = {0}, sudi = {0};
		struct enroll_proof p = {.has_password = true};
		struct enroll_session s;
		struct prove made;
		unsigned char *by_der = NULL, *sudi_der = NULL;
		X509 *by_cert = capf_test_cert(cases[i].by, &by.key);
		X509 *sudi_cert = capf_test_cert(cases[i].sudi, &sudi.key);
		struct err e;
		size_t used;

		capf_test_load(&rec, cases[i].session);
		by.der.len = (size_t)i2d_X509(by_cert, &by_der);
		by.der.data = by_der;
		sudi.der.len = (size_t)i2d_X509(sudi_cert, &sudi_der);
		sudi.der.data = sudi_der;
		p.device = span_of("SEP001122334455", 15);
		enroll_start(&s, 3);
		enroll_take(&s, buf_view(&rec.messages[0].bytes), &used);
		assert_int_equal(prove(&made, &p, s.id, &by, &sudi, &e), 0);
		enroll_proved(&s, &p);
		assert_true(span_eq(buf_view(&s.out), buf_view(&rec.messages[1].bytes)));
		enroll_free(&s);
		prove_free(&made);
		OPENSSL_free(by_der);
		OPENSSL_free(sudi_der);
		X509_free(by_cert);
		X509_free(sudi_cert);
		EVP_PKEY_free(by.key);
		EVP_PKEY_free(sudi.key);
		capf_test_free(&rec);
	}
}

/* 512 bits have no room for SHA-512. */
static void a_key_too_small_to_prove_with(void **state)
{
	struct prove_with by = {span_of("x", 1), EVP_RSA_gen(512)}, none = {0};
	struct enroll_proof p = {.device = span_of("SEP", 3)};
	struct prove made;
	struct err e;

	(void)state;
	assert_int_equal(prove(&made, &p, 1, &by, &none, &e), ERR_FAILED);
	prove_free(&made);
	EVP_PKEY_free(by.key);
}

/* ---- servers that nobody has recorded ---- */

static void take(struct enroll_session *s, enum capf_command command, uint32_t id,
		 const char *elements, size_t len)
{
	struct buf b = {0};
	const size_t start = capf_begin(&b, command, id);
	size_t used;

	buf_put(&b, elements, len);
	capf_end(&b, start);
	enroll_take(s, buf_view(&b), &used);
	buf_free(&b);
}

#define TAKE(s, command, elements) take(s, command, 9, elements, sizeof(elements) - 1)

static void started(struct enroll_session *s)
{
	const struct enroll_proof p = {.device = span_of("SEP", 3)};

	enroll_start(s, 3);
	TAKE(s, CAPF_AUTH_REQUEST, "\7\0\1\3\x08\0\1\0");
	assert_int_equal(s->want, ENROLL_PROVE);
	assert_int_equal(enroll_proved(s, &p), ENROLL_BYTES);
	buf_free(&s->out);
}

static void bad_servers(void **state)
{
	static const struct {
		const char *why;
		enum capf_command command;
		uint32_t id;
		const char *elements;
		size_t len;
	} cases[] = {
#define E(s) s, sizeof(s) - 1
		{"another session", CAPF_END_SESSION, 8, E("\1\0\1\0")},
		{"AUTH_REQUEST again", CAPF_AUTH_REQUEST, 9, E("\7\0\1\3")},
		{"an end without a reason", CAPF_END_SESSION, 9, E("")},
		{"a key of no size", CAPF_KEY_GENERATE_REQUEST, 9, E("")},
		{"a key too small", CAPF_KEY_GENERATE_REQUEST, 9, E("\x0a\0\2\1\xff")},
		{"a key too large", CAPF_KEY_GENERATE_REQUEST, 9, E("\x0a\0\2\x20\0")},
		{"EC without a curve", CAPF_KEY_GENERATE_REQUEST, 9, E("\x11\0\1\1")},
		{"an unknown curve", CAPF_KEY_GENERATE_REQUEST, 9, E("\x11\0\1\1\x12\0\1\3")},
		{"an unknown type", CAPF_KEY_GENERATE_REQUEST, 9, E("\x11\0\1\2\x0a\0\2\x08\0")},
		{"a certificate before the key", CAPF_STORE_CERTIFICATE_REQUEST, 9,
		 E("\3\0\1\1\4\0\6\1\0\3\0\1X")},
		{"a phone's message", CAPF_KEY_GENERATE_RESPONSE, 9, E("")},
		{"elements cut off", CAPF_END_SESSION, 9, E("\1\0\4\0")},
#undef E
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct enroll_session s;

		print_message("%s\n", cases[i].why);
		started(&s);
		take(&s, cases[i].command, cases[i].id, cases[i].elements, cases[i].len);
		assert_int_equal(s.want, ENROLL_BROKEN);
		assert_int_equal(s.why.kind, ERR_REFUSED);
		enroll_free(&s);
	}
}

static void certificates_that_are_none(void **state)
{
	struct enroll_session s;

	(void)state;
	started(&s);
	TAKE(&s, CAPF_KEY_GENERATE_REQUEST, "\x0a\0\2\x08\0");
	assert_int_equal(s.want, ENROLL_KEY);
	assert_int_equal(s.key_bits, 2048);
	enroll_key_made(&s, span_of("k", 1));
	TAKE(&s, CAPF_STORE_CERTIFICATE_REQUEST, "\3\0\1\2\4\0\6\1\0\3\0\1X");
	assert_int_equal(s.want, ENROLL_BROKEN);
	enroll_free(&s);

	started(&s);
	TAKE(&s, CAPF_KEY_GENERATE_REQUEST, "\x11\0\1\1\x12\0\1\2");
	assert_int_equal(s.key_type, CAPF_EC);
	assert_int_equal(s.curve, CAPF_P521);
	enroll_key_made(&s, span_of("k", 1));
	TAKE(&s, CAPF_KEY_GENERATE_REQUEST, "\x0a\0\2\x08\0");
	assert_int_equal(s.want, ENROLL_BROKEN);
	enroll_free(&s);
}

static void the_mic_is_asked_for(void **state)
{
	struct enroll_session s;

	(void)state;
	started(&s);
	TAKE(&s, CAPF_FETCH_CERTIFICATE_REQUEST, "\3\0\1\2");
	assert_int_equal(s.want, ENROLL_READ);
	assert_true(s.mic);
	enroll_read(&s, CAPF_TYPE_MIC, span_of("M", 1));
	assert_int_equal(s.want, ENROLL_BYTES);
	enroll_free(&s);
}

static void whatever_the_server_sends(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct capf_test_session rec;

	(void)state;
	capf_test_load(&rec, "01-");
	for (size_t i = 0; i < rec.messages[0].bytes.len; i++) {
		for (size_t k = 0; k < sizeof(masks); k++) {
			struct enroll_session s;
			struct buf *b = &rec.messages[0].bytes;
			size_t used;

			b->data[i] ^= masks[k];
			enroll_start(&s, 3);
			enroll_take(&s, buf_view(b), &used);
			assert_true(used <= b->len);
			enroll_free(&s);
			b->data[i] ^= masks[k];
		}
	}
	capf_test_free(&rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded),
		cmocka_unit_test(proofs_are_those_of_a_phone),
		cmocka_unit_test(a_key_too_small_to_prove_with),
		cmocka_unit_test(bad_servers),
		cmocka_unit_test(certificates_that_are_none),
		cmocka_unit_test(the_mic_is_asked_for),
		cmocka_unit_test(whatever_the_server_sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
