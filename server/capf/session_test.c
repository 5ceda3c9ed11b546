/* The server's session against the recorded ones, and against peers that nobody has recorded. */
#include "server/capf/session.h"

#include "server/capf/issue.h"
#include "server/capf/proof.h"
#include "server/net/capf_testkit.h"
#include "trustfile/pkey.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Plays the part of whoever drives a session: knows the scheduled operation, checks proofs, signs.
 */
struct desk {
	const struct capf_test_session *rec;
	struct session s;
	X509 *ca, *maker;
	EVP_PKEY *ca_key;
	struct issuer issuer;
	size_t at;      /* the recorded message that comes next */
	char state[16]; /* what became of the operation */
};

static const struct {
	const char *word;
	struct key_spec key;
} keys[] = {
	{"rsa1024", {CAPF_RSA, 1024, 0}},  {"rsa2048", {CAPF_RSA, 2048, 0}},
	{"p256", {CAPF_EC, 0, CAPF_P256}}, {"p384", {CAPF_EC, 0, CAPF_P384}},
	{"p521", {CAPF_EC, 0, CAPF_P521}},
};

static struct key_spec key_of(const char *word)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].word, word))
			return keys[i].key;
	fail_msg("no key \"%s\"", word);
	abort();
}

static bool string_is_right(const struct desk *d)
{
	struct span text;

	return capf_string(&d->s.said, CAPF_PASSWORD, &text) &&
	       span_eq(text, span_of(d->rec->string, strlen(d->rec->string)));
}

static bool proves_itself(const struct desk *d)
{
	X509 *const own[] = {d->ca}, *const makers[] = {d->maker};
	const struct proof_trust trust = {own, 1, makers, 1};
	const struct proof_rules rules = {.now = time(NULL)};
	struct proof p;
	struct err e;

	if (!strcmp(d->rec->mode, "null"))
		return true;
	if (!strcmp(d->rec->mode, "string"))
		return string_is_right(d);
	return !proof_check(&p, &d->s.said, &trust, &rules, &e);
}

static void judge(struct desk *d)
{
	struct session_judgement j = {.end = CAPF_NO_ACTION, .key = key_of(d->rec->key)};

	if (strcmp(d->s.device, d->rec->device) != 0)
		j.end = CAPF_UNKNOWN_DEVICE;
	else if (!proves_itself(d))
		j.end = CAPF_INVALID;
	else if (!strcmp(d->rec->operation, "install"))
		j.operation = SESSION_INSTALL;
	else if (!strcmp(d->rec->operation, "delete"))
		j.operation = SESSION_DELETE;
	else if (!strcmp(d->rec->operation, "troubleshoot"))
		j.operation = SESSION_FETCH;
	session_judged(&d->s, &j);
}

/* Serial number and dates as in the certificate that was recorded. */
static void take_from_recorded(struct issue *what, struct span message)
{
	const ASN1_INTEGER *serial;
	struct capf_message m;
	const uint8_t *p;
	struct span der;
	struct err e;
	struct tm tm;
	X509 *x;
	int n;

	assert_int_equal(capf_parse(&m, message, &e), 0);
	assert_true(capf_certificate(&m, &der));
	p = der.data;
	x = d2i_X509(NULL, &p, (long)der.len);
	assert_non_null(x);
	serial = X509_get0_serialNumber(x);
	n = ASN1_STRING_length(serial);
	assert_true(n <= ISSUE_SERIAL_LEN);
	memcpy(what->serial + ISSUE_SERIAL_LEN - n, ASN1_STRING_get0_data(serial), (size_t)n);
	ASN1_TIME_to_tm(X509_get0_notBefore(x), &tm);
	what->not_before = timegm(&tm);
	ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm);
	what->not_after = timegm(&tm);
	X509_free(x);
}

static void issue(struct desk *d)
{
	struct issue what = {.device = span_of(d->s.device, strlen(d->s.device)),
			     .spki = d->s.public_key};
	struct buf der = {0};
	struct err e;

	take_from_recorded(&what, buf_view(&d->rec->messages[d->at].bytes));
	if (key_check(what.spki, &d->s.job.key, &e))
		fail_msg("%s", e.what);
	assert_int_equal(issue_certificate(&d->issuer, &what, &der, &e), 0);
	session_issued(&d->s, buf_view(&der));
	buf_free(&der);
}

static void record(struct desk *d)
{
	if (d->s.outcome == SESSION_SUCCEEDED)
		strcpy(d->state, "successful");
	if (d->s.outcome == SESSION_NOT_STORED)
		strcpy(d->state, "failed");
	session_recorded(&d->s, true);
}

/* What the server says next is what was recorded, except where it must not be. */
static void check_out(struct desk *d)
{
	static const uint8_t without_type[] = {0x55, 0x03, 0x0a, 0x0b, 0x0c, 0x11, 0x00,
					       0x05, 0x0a, 0x00, 0x02, 0x08, 0x00};
	const struct span out = buf_view(&d->s.out);
	struct span want;

	if (!out.len)
		return;
	if (d->at == d->rec->n) {
		/* A session that was closed without a word, or broken off by us. */
		assert_true(d->s.want != SESSION_END || d->rec->differs[0]);
	} else {
		assert_int_equal(d->rec->messages[d->at].from, 'S');
		want = buf_view(&d->rec->messages[d->at].bytes);
		if (!strcmp(d->rec->differs, "no-key-type") && out.data[1] == 3)
			want = span_of(without_type, sizeof(without_type));
		if (d->rec->differs[0] && d->s.want != SESSION_BYTES)
			assert_int_equal(out.data[1], CAPF_END_SESSION);
		else if (strcmp(d->rec->differs, "continues") != 0 || d->at == 0)
			assert_true(span_eq(out, want));
		d->at++;
	}
	if (out.data[1] == CAPF_END_SESSION)
		assert_int_equal(out.data[out.len - 1], d->rec->end[0] - '0');
	buf_free(&d->s.out);
}

static void serve(struct desk *d)
{
	while (d->s.want != SESSION_BYTES && d->s.want != SESSION_END) {
		if (d->s.want == SESSION_JUDGE)
			judge(d);
		else if (d->s.want == SESSION_ISSUE)
			issue(d);
		else
			record(d);
	}
	check_out(d);
}

/* The phone's next message, chunk bytes at a time. */
static void feed(struct desk *d, size_t chunk)
{
	struct span bytes = buf_view(&d->rec->messages[d->at++].bytes);

	while (bytes.len && d->s.want == SESSION_BYTES) {
		const size_t n = bytes.len < chunk ? bytes.len : chunk;
		/* Memory of its own, so that a sanitizer sees one byte too many. */
		uint8_t *copy = malloc(n);
		size_t used;

		memcpy(copy, bytes.data, n);
		session_take(&d->s, span_of(copy, n), &used);
		assert_true(used <= n);
		assert_true(used == n || d->s.want != SESSION_BYTES);
		bytes = span_of(bytes.data + n, bytes.len - n);
		free(copy);
	}
}

static void desk_open(struct desk *d, const struct capf_test_session *rec)
{
	const uint8_t *first = rec->messages[0].bytes.data;
	struct err e;

	*d = (struct desk){.rec = rec};
	strcpy(d->state, strcmp(rec->operation, "none") ? "pending" : "none");
	d->ca = capf_test_cert("capf-ca", &d->ca_key);
	d->maker = capf_test_cert("manufacturer-ca", NULL);
	assert_int_equal(issuer_init(&d->issuer, d->ca, &(struct issuer_key){.key = d->ca_key}, &e),
			 0);
	session_start(&d->s, (uint32_t)first[2] << 24 | (uint32_t)first[3] << 16 |
				     (uint32_t)first[4] << 8 | first[5]);
	check_out(d);
}

static void desk_close(struct desk *d)
{
	session_free(&d->s);
	issuer_free(&d->issuer);
	X509_free(d->ca);
	X509_free(d->maker);
	EVP_PKEY_free(d->ca_key);
}

static void replay_in(const struct capf_test_session *rec, size_t chunk)
{
	struct desk d;

	desk_open(&d, rec);
	while (d.at < rec->n && rec->messages[d.at].from == 'P') {
		feed(&d, chunk);
		serve(&d);
	}
	assert_string_equal(d.state, rec->becomes);
	if (rec->end[0])
		assert_int_equal(d.s.want, SESSION_END);
	else
		assert_int_equal(d.s.step, SESSION_KEY);
	desk_close(&d);
}

static void replay_whole(const struct capf_test_session *rec)
{
	replay_in(rec, SIZE_MAX);
}

static void replay_bytes(const struct capf_test_session *rec)
{
	replay_in(rec, 1);
}

static void recorded(void **state)
{
	(void)state;
	capf_test_each(replay_whole);
}

static void recorded_byte_by_byte(void **state)
{
	(void)state;
	capf_test_each(replay_bytes);
}

/* ---- a key that is elsewhere ---- */

static int fails(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		 struct err *e)
{
	(void)arg;
	(void)digest_info;
	(void)len;
	(void)sig;
	(void)siglen;
	return err_set(e, ERR_TOKEN, "token-missing", "it is gone");
}

static void signed_elsewhere(void **state)
{
	struct buf here = {0}, there = {0}, spki = {0};
	struct issuer with_key, with_sign, without;
	struct issue what = {.device = span_of("SEP1", 4), .not_after = 4000000000};
	EVP_PKEY *key;
	X509 *ca = capf_test_cert("capf-ca", &key);
	const int n = i2d_PUBKEY(key, NULL);
	uint8_t *to = buf_room(&spki, (size_t)n);
	struct err e;

	(void)state;
	i2d_PUBKEY(key, &to);
	spki.len = (size_t)n;
	what.spki = buf_view(&spki);
	assert_int_equal(issuer_init(&with_key, ca, &(struct issuer_key){.key = key}, &e), 0);
	assert_int_equal(
		issuer_init(&with_sign, ca, &(struct issuer_key){NULL, pkey_sign, key}, &e), 0);
	assert_int_equal(issuer_init(&without, ca, &(struct issuer_key){NULL, fails, NULL}, &e), 0);
	assert_int_equal(issue_certificate(&with_key, &what, &here, &e), 0);
	assert_int_equal(issue_certificate(&with_sign, &what, &there, &e), 0);
	assert_true(here.len && span_eq(buf_view(&here), buf_view(&there)));
	buf_free(&there);
	assert_int_equal(issue_certificate(&without, &what, &there, &e), ERR_TOKEN);
	assert_int_equal(there.len, 0);
	issuer_free(&with_key);
	issuer_free(&with_sign);
	issuer_free(&without);
	buf_free(&here);
	buf_free(&there);
	buf_free(&spki);
	X509_free(ca);
	EVP_PKEY_free(key);
}

/* ---- what was not recorded ---- */

/* Messages are written as words: C:... sets the command, the rest are elements in hexadecimal. */
static void take_bytes(struct session *s, uint8_t command, const char *elements, size_t len)
{
	struct buf b = {0};
	size_t used;
	const size_t start = capf_begin(&b, (enum capf_command)command, s->id);

	buf_put(&b, elements, len);
	capf_end(&b, start);
	session_take(s, buf_view(&b), &used);
	buf_free(&b);
}

#define TAKE(s, command, elements) take_bytes(s, command, elements, sizeof(elements) - 1)
#define AUTH "\x07\0\1\3\x0d\0\4SEP\0"

/* The END_SESSION in out, which must be the only message in it, or -1. */
static int ended(const struct session *s)
{
	if (s->want != SESSION_END || s->out.len != 12 || s->out.data[1] != CAPF_END_SESSION)
		return -1;
	return s->out.data[11];
}

static void start(struct session *s, const struct session_judgement *j)
{
	session_start(s, 7);
	buf_free(&s->out);
	TAKE(s, CAPF_AUTH_RESPONSE, AUTH);
	assert_int_equal(s->want, SESSION_JUDGE);
	assert_string_equal(s->device, "SEP");
	if (j)
		session_judged(s, j);
}

static const struct session_judgement install = {.operation = SESSION_INSTALL,
						 .key = {CAPF_RSA, 2048, 0}};
static const struct session_judgement install_ec = {.operation = SESSION_INSTALL,
						    .key = {CAPF_EC, 0, CAPF_P256}};
static const struct session_judgement fetch = {.operation = SESSION_FETCH, .fetch_mic = true};

static void names_that_cannot_be(void **state)
{
	static const char *const bad[] = {"", "a b", "a/b", "a\x7f", "a\tb", "\xc3\xa4"};
	char longest[CAPF_NAME_MAX + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]) + 1; i++) {
		const bool fits = i > sizeof(bad) / sizeof(bad[0]);
		const struct span name = i < sizeof(bad) / sizeof(bad[0])
						 ? span_of(bad[i], strlen(bad[i]))
						 : span_of(longest, CAPF_NAME_MAX - (fits ? 1 : 0));
		struct buf b = {0};
		struct session s;

		capf_put_u8(&b, CAPF_VERSION_TAG, 3);
		capf_put_string(&b, CAPF_DEVICE_NAME, name);
		session_start(&s, 1);
		buf_free(&s.out);
		take_bytes(&s, CAPF_AUTH_RESPONSE, (const char *)b.data, b.len);
		if (fits)
			assert_int_equal(s.want, SESSION_JUDGE);
		else
			assert_int_equal(ended(&s), CAPF_INVALID);
		session_free(&s);
		buf_free(&b);
	}
}

static void progress_is_taken_anywhere(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, 7);
	buf_free(&s.out);
	TAKE(&s, CAPF_REQUEST_IN_PROGRESS, "");
	assert_int_equal(s.want, SESSION_BYTES);
	TAKE(&s, CAPF_AUTH_RESPONSE, AUTH);
	session_judged(&s, &install);
	assert_int_equal(session_limit_s(&s), SESSION_KEY_S);
	buf_free(&s.out);
	for (int i = 0; i < 100; i++) {
		TAKE(&s, CAPF_REQUEST_IN_PROGRESS, "");
		assert_int_equal(s.want, SESSION_BYTES);
		/* A phone that thinks costs us nothing. */
		assert_null(s.in.data);
	}
	for (int i = 0; i < SESSION_PROGRESS_MAX; i++)
		TAKE(&s, CAPF_REQUEST_IN_PROGRESS, "");
	assert_int_equal(ended(&s), CAPF_INVALID);
	session_free(&s);
}

static void two_messages_at_once(void **state)
{
	struct session s;
	struct buf b = {0};
	size_t used, start_at;

	(void)state;
	start(&s, &install);
	buf_free(&s.out);
	start_at = capf_begin(&b, CAPF_REQUEST_IN_PROGRESS, 7);
	capf_end(&b, start_at);
	start_at = capf_begin(&b, CAPF_KEY_GENERATE_RESPONSE, 7);
	capf_put_bytes(&b, CAPF_PUBLIC_KEY, span_of("key", 3));
	capf_end(&b, start_at);
	session_take(&s, buf_view(&b), &used);
	assert_int_equal(used, CAPF_HEAD);
	assert_int_equal(s.want, SESSION_BYTES);
	session_take(&s, span_of(b.data + used, b.len - used), &used);
	assert_int_equal(s.want, SESSION_ISSUE);
	assert_int_equal(s.public_key.len, 3);
	session_free(&s);
	buf_free(&b);
}

static void old_phones_get_no_ec(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, 7);
	buf_free(&s.out);
	TAKE(&s, CAPF_AUTH_RESPONSE, "\x07\0\1\2\x0d\0\4SEP\0");
	session_judged(&s, &install_ec);
	assert_int_equal(ended(&s), CAPF_INVALID);
	session_free(&s);
}

static void always_key_type(void **state)
{
	struct session_judgement j = install;
	struct session s;

	(void)state;
	j.always_key_type = true;
	session_start(&s, 7);
	buf_free(&s.out);
	TAKE(&s, CAPF_AUTH_RESPONSE, "\x07\0\1\1\x0d\0\4SEP\0");
	session_judged(&s, &j);
	assert_int_equal(s.out.len, CAPF_HEAD + 9);
	session_free(&s);
}

static void abort_ends_it(void **state)
{
	struct session s;

	(void)state;
	start(&s, &install);
	buf_free(&s.out);
	TAKE(&s, CAPF_ABORT_REQUEST, "");
	assert_int_equal(s.want, SESSION_RECORD);
	assert_int_equal(s.outcome, SESSION_ABORTED);
	assert_int_equal(s.out.data[1], CAPF_ABORT_RESPONSE);
	assert_int_equal(session_recorded(&s, true), SESSION_END);
	session_free(&s);
}

/* Success is told only after it was kept. */
static void what_was_not_kept_did_not_happen(void **state)
{
	struct session s;

	(void)state;
	start(&s, &install);
	TAKE(&s, CAPF_KEY_GENERATE_RESPONSE, "\x09\0\1\1");
	session_issued(&s, span_of("der", 3));
	buf_free(&s.out);
	TAKE(&s, CAPF_STORE_CERTIFICATE_RESPONSE, "\1\0\1\1");
	assert_int_equal(s.want, SESSION_RECORD);
	assert_int_equal(s.out.len, 0);
	session_recorded(&s, false);
	assert_int_equal(ended(&s), CAPF_INVALID);
	session_free(&s);

	start(&s, &install);
	TAKE(&s, CAPF_KEY_GENERATE_RESPONSE, "\x09\0\1\1");
	buf_free(&s.out);
	session_issued(&s, span_of(NULL, 0));
	assert_int_equal(ended(&s), CAPF_INVALID);
	session_free(&s);
}

static void both_certificates_are_read(void **state)
{
	struct session s;

	(void)state;
	start(&s, &fetch);
	buf_free(&s.out);
	TAKE(&s, CAPF_FETCH_CERTIFICATE_RESPONSE, "\1\0\1\1\4\0\7\1\0\4\0\1LS");
	assert_int_equal(s.outcome, SESSION_SUCCEEDED);
	assert_int_equal(s.certificate.len, 2);
	session_recorded(&s, true);
	assert_int_equal(s.want, SESSION_BYTES);
	assert_memory_equal(s.out.data + CAPF_HEAD, "\3\0\1\2", 4);
	buf_free(&s.out);
	TAKE(&s, CAPF_FETCH_CERTIFICATE_RESPONSE, "\1\0\1\1\4\0\7\1\0\4\0\2MI");
	assert_int_equal(s.outcome, SESSION_MIC_READ);
	session_recorded(&s, true);
	assert_int_equal(ended(&s), CAPF_NO_ACTION);
	session_free(&s);
	/* A phone that does not know that question has done its part all the same. */
	start(&s, &fetch);
	TAKE(&s, CAPF_FETCH_CERTIFICATE_RESPONSE, "\1\0\1\1\4\0\7\1\0\4\0\1LS");
	session_recorded(&s, true);
	assert_int_equal(session_lost(&s), SESSION_END);
	session_free(&s);
}

static void fetch_without_a_usable_one(void **state)
{
	struct session s;

	(void)state;
	start(&s, &fetch);
	buf_free(&s.out);
	TAKE(&s, CAPF_FETCH_CERTIFICATE_RESPONSE, "\1\0\1\1");
	assert_int_equal(s.outcome, SESSION_NOT_READ);
	session_recorded(&s, true);
	assert_int_equal(ended(&s), CAPF_INVALID);
	session_free(&s);
}

static void connections_that_end(void **state)
{
	struct session s;
	size_t used;

	(void)state;
	session_start(&s, 7);
	assert_int_equal(session_lost(&s), SESSION_END);
	session_free(&s);

	start(&s, &install);
	buf_free(&s.out);
	assert_int_equal(session_lost(&s), SESSION_RECORD);
	assert_int_equal(s.outcome, SESSION_VANISHED);
	assert_non_null(strstr(s.why, "made its key"));
	assert_int_equal(s.out.len, 0);
	assert_int_equal(session_recorded(&s, true), SESSION_END);
	session_free(&s);

	/* In the middle of a message. */
	session_start(&s, 7);
	buf_free(&s.out);
	session_take(&s, span_of("\x55\x02\0\0\0\7\0\x20\1", 9), &used);
	assert_int_equal(session_lost(&s), SESSION_END);
	assert_int_equal(ended(&s), CAPF_INVALID);
	session_free(&s);
}

static void messages_at_the_wrong_time(void **state)
{
	(void)state;
	for (int command = 0; command < 256; command++) {
		struct session s;

		if (command == CAPF_KEY_GENERATE_RESPONSE || command == CAPF_REQUEST_IN_PROGRESS ||
		    command == CAPF_ABORT_REQUEST)
			continue;
		start(&s, &install);
		buf_free(&s.out);
		take_bytes(&s, (uint8_t)command, "", 0);
		assert_int_equal(ended(&s), CAPF_INVALID);
		session_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded),
		cmocka_unit_test(recorded_byte_by_byte),
		cmocka_unit_test(signed_elsewhere),
		cmocka_unit_test(names_that_cannot_be),
		cmocka_unit_test(progress_is_taken_anywhere),
		cmocka_unit_test(two_messages_at_once),
		cmocka_unit_test(old_phones_get_no_ec),
		cmocka_unit_test(always_key_type),
		cmocka_unit_test(abort_ends_it),
		cmocka_unit_test(what_was_not_kept_did_not_happen),
		cmocka_unit_test(both_certificates_are_read),
		cmocka_unit_test(fetch_without_a_usable_one),
		cmocka_unit_test(connections_that_end),
		cmocka_unit_test(messages_at_the_wrong_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
