/* Records as they are written, and every way of changing one afterwards. */
#include "ctlclient/transcript.h"

#include "common/file.h"
#include "common/sha256.h"
#include "ctlclient/transcript_check.h"
#include "trustfile/testkit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char folder[] = "/tmp/ctl-transcript.XXXXXX";
static char path[sizeof(folder) + 16];
static struct test_key token, other;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/record", folder);
	token = test_key_rsa(2048, "token");
	other = test_key_rsa(2048, "other");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(folder);
	test_key_free(&token);
	test_key_free(&other);
	return 0;
}

static struct transcript *start(void)
{
	const struct transcript_opts o = {.path = path, .operator_name = "Grace Hopper"};
	struct transcript *t = NULL;
	struct err e;

	unlink(path);
	assert_int_equal(transcript_open(&t, &o, "ctlclient test", &e), 0);
	assert_non_null(t);
	return t;
}

static void step(struct transcript *t, const char *name)
{
	struct err e;

	assert_int_equal(transcript_step(t, name, 0, json_pack("{s:s}", "fact", "x"), &e), 0);
}

static struct buf content(void)
{
	struct buf b = {0};
	struct err e;

	assert_int_equal(file_read(path, TRANSCRIPT_FILE_MAX, &b, &e), 0);
	return b;
}

/* A record of five lines, the fourth "end", the last the signature. */
static struct buf whole(void)
{
	struct transcript *t = start();
	struct err e;

	step(t, "one");
	step(t, "two");
	transcript_seal_with(t, token.cert, pkey_sign, token.key);
	assert_int_equal(transcript_close(t, 0, &e), 0);
	return content();
}

/* Expects a verdict on text, and which line it blames. */
static void verdict(struct span text, const X509 *cert, const char *id, size_t bad)
{
	struct transcript_report r;
	struct err e = {0};
	const int rc = transcript_check(&r, text, cert, &e);

	if (strcmp(rc ? e.id : "", id) != 0)
		fail_msg("\"%s\" instead of \"%s\": %s", rc ? e.id : "", id, rc ? e.what : "");
	assert_int_equal(r.bad, bad);
	transcript_report_free(&r);
}

static void a_whole_record_is_good(void **state)
{
	struct buf b = whole();

	(void)state;
	verdict(buf_view(&b), NULL, "", 0);
	verdict(buf_view(&b), token.cert, "", 0);
	verdict(buf_view(&b), other.cert, "transcript-signer", 5);
	buf_free(&b);
}

static void lines_say_what_happened(void **state)
{
	struct buf b = whole();
	struct transcript_report r;
	struct err e;
	json_t *first;

	(void)state;
	assert_int_equal(transcript_check(&r, buf_view(&b), NULL, &e), 0);
	assert_int_equal(json_array_size(r.lines), 5);
	first = json_array_get(r.lines, 0);
	assert_string_equal(json_string_value(json_object_get(first, "step")), "begin");
	assert_string_equal(json_string_value(json_object_get(first, "operator")), "Grace Hopper");
	assert_string_equal(json_string_value(json_object_get(first, "command")), "ctlclient test");
	assert_non_null(json_object_get(first, "openssl"));
	assert_non_null(json_object_get(first, "host"));
	assert_string_equal(json_string_value(json_object_get(json_array_get(r.lines, 1), "fact")),
			    "x");
	assert_int_equal(X509_cmp(r.signer, token.cert), 0);
	transcript_report_free(&r);
	buf_free(&b);
}

/* One bit anywhere, newlines included. */
static void every_changed_byte_is_found(void **state)
{
	struct buf b = whole();
	const uint8_t *last = memrchr(b.data, '\n', b.len - 1);
	size_t survived = 0;

	(void)state;
	for (size_t i = 0; i < b.len; i++) {
		struct transcript_report r;
		struct err e;

		b.data[i] ^= 0x01;
		if (!transcript_check(&r, buf_view(&b), token.cert, &e)) {
			survived++;
			if (b.data + i <= last)
				fail_msg("byte %zu was changed unseen", i);
		}
		transcript_report_free(&r);
		b.data[i] ^= 0x01;
	}
	/* The last line itself may be written in other ways (PEM has some) as long as certificate
	 * and signature stay the same. */
	assert_true(survived < 40);
	buf_free(&b);
}

static void every_cut_is_found(void **state)
{
	struct buf b = whole();

	(void)state;
	for (size_t n = 0; n < b.len; n++) {
		struct transcript_report r;
		struct err e;

		assert_int_equal(transcript_check(&r, span_of(b.data, n), NULL, &e), ERR_REFUSED);
		transcript_report_free(&r);
	}
	buf_free(&b);
}

/* The text of line n (from 1), its newline included. */
static struct span line(const struct buf *b, size_t n)
{
	const uint8_t *p = b->data;

	while (--n)
		p = (const uint8_t *)memchr(p, '\n', (size_t)(b->data + b->len - p)) + 1;
	return span_of(
		p,
		(size_t)((const uint8_t *)memchr(p, '\n', (size_t)(b->data + b->len - p)) + 1 - p));
}

static void lines_moved_about(void **state)
{
	static const struct {
		const char *what;
		size_t order[8];
		const char *id;
		size_t bad;
	} table[] = {
		{"a line taken out", {1, 2, 4, 5}, "transcript-line", 3},
		{"the first line taken out", {2, 3, 4, 5}, "transcript-line", 1},
		{"the end taken out", {1, 2, 3, 5}, "transcript-line", 4},
		{"two lines swapped", {1, 3, 2, 4, 5}, "transcript-line", 2},
		{"a line twice", {1, 2, 2, 3, 4, 5}, "transcript-line", 3},
		{"the signature taken off", {1, 2, 3, 4}, "transcript-unfinished", 0},
		{"signature and end taken off", {1, 2, 3}, "transcript-unfinished", 0},
		{"a line behind the signature", {1, 2, 3, 4, 5, 2}, "transcript-line", 6},
		{"the signature alone", {5}, "transcript-line", 1},
		{"nothing", {0}, "transcript-unfinished", 0},
	};
	struct buf b = whole();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf t = {0};

		for (size_t k = 0; table[i].order[k]; k++)
			buf_span(&t, line(&b, table[i].order[k]));
		print_message("%s\n", table[i].what);
		verdict(buf_view(&t), NULL, table[i].id, table[i].bad);
		buf_free(&t);
	}
	buf_free(&b);
}

/* A line changed with care: the chain names it, whatever comes behind. */
static void the_first_line_after_a_change_is_named(void **state)
{
	struct buf b = whole();
	struct buf t = {0};
	char *at;

	(void)state;
	buf_span(&t, buf_view(&b));
	at = memmem(t.data, t.len, "\"fact\":\"x\"", 10);
	assert_non_null(at);
	at[8] = 'y';
	verdict(buf_view(&t), NULL, "transcript-chain", 3);
	buf_free(&t);
	buf_free(&b);
}

/* A forger who makes the chain fit again still has no key. */
static void a_new_chain_does_not_help(void **state)
{
	struct buf b = whole();
	struct buf t = {0};
	struct transcript_report r;
	char previous[2 * SHA256_LEN + 1];
	struct err e;

	(void)state;
	assert_int_equal(transcript_check(&r, buf_view(&b), NULL, &e), 0);
	memset(previous, '0', sizeof(previous) - 1);
	previous[sizeof(previous) - 1] = '\0';
	json_object_set_new(json_array_get(r.lines, 1), "fact", json_string("forged"));
	for (size_t i = 0; i < json_array_size(r.lines); i++) {
		json_t *doc = json_array_get(r.lines, i);
		const size_t from = t.len;
		char *text;

		json_object_set_new(doc, "previous", json_string(previous));
		text = json_dumps(doc, JSON_COMPACT);
		buf_str(&t, text);
		buf_u8(&t, '\n');
		free(text);
		assert_int_equal(sha256_text(previous, span_of(t.data + from, t.len - from), &e),
				 0);
	}
	verdict(buf_view(&t), NULL, "transcript-signature", 5);
	transcript_report_free(&r);
	buf_free(&t);
	buf_free(&b);
}

/* Signed with another key than that of the certificate the record names. */
static void another_certificate_is_found(void **state)
{
	struct transcript *t = start();
	struct buf b;
	struct err e;

	(void)state;
	transcript_seal_with(t, token.cert, pkey_sign, other.key);
	assert_int_equal(transcript_close(t, 0, &e), 0);
	b = content();
	verdict(buf_view(&b), NULL, "transcript-signature", 3);
	buf_free(&b);
}

static void an_unfinished_record_says_so(void **state)
{
	struct transcript *t = start();
	struct err e;
	struct buf b;

	(void)state;
	step(t, "one");
	b = content();
	verdict(buf_view(&b), NULL, "transcript-unfinished", 0);
	buf_free(&b);
	err_set(&e, ERR_FAILED, "cancelled", "cancelled");
	assert_int_equal(transcript_close(t, ERR_FAILED, &e), ERR_FAILED);
	b = content();
	verdict(buf_view(&b), NULL, "transcript-unfinished", 0);
	buf_free(&b);
}

/* There was nothing to sign with, and it says so itself. */
static void an_unsigned_record_says_so(void **state)
{
	struct transcript *t = start();
	struct err e;
	struct buf b;

	(void)state;
	step(t, "one");
	assert_int_equal(transcript_close(t, 0, &e), 0);
	b = content();
	verdict(buf_view(&b), NULL, "transcript-unsigned", 0);
	buf_free(&b);
}

/* A failed step is recorded with its reason, which is also what the caller gets back. */
static void failures_are_recorded(void **state)
{
	struct transcript *t = start();
	struct transcript_report r;
	struct buf b;
	struct err e;
	json_t *failed;

	(void)state;
	transcript_seal_with(t, token.cert, pkey_sign, token.key);
	err_set(&e, ERR_TOKEN, "pin-wrong", "the PIN is wrong");
	assert_int_equal(transcript_step(t, "login", ERR_TOKEN, NULL, &e), ERR_TOKEN);
	assert_string_equal(e.id, "pin-wrong");
	assert_int_equal(transcript_close(t, ERR_TOKEN, &e), ERR_TOKEN);
	assert_string_equal(e.id, "pin-wrong");
	b = content();
	assert_int_equal(transcript_check(&r, buf_view(&b), token.cert, &e), 0);
	failed = json_object_get(json_array_get(r.lines, 1), "error");
	assert_string_equal(json_string_value(json_object_get(failed, "id")), "pin-wrong");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(r.lines, 2), "result")), "failed");
	transcript_report_free(&r);
	buf_free(&b);
}

static int no_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		   struct err *e)
{
	(void)arg;
	(void)digest_info;
	(void)len;
	memset(sig, 0, siglen);
	return err_set(e, ERR_TOKEN, "token-removed", "the token was removed");
}

static void a_token_lost_before_the_end(void **state)
{
	struct transcript *t = start();
	struct err e;
	struct buf b;

	(void)state;
	transcript_seal_with(t, token.cert, no_sign, NULL);
	assert_int_equal(transcript_close(t, 0, &e), ERR_TOKEN);
	assert_string_equal(e.id, "token-removed");
	b = content();
	verdict(buf_view(&b), NULL, "transcript-unfinished", 0);
	buf_free(&b);
}

static void records_are_never_overwritten(void **state)
{
	const struct transcript_opts o = {.path = path};
	struct buf before = whole();
	struct buf after;
	struct transcript *t = NULL;
	struct err e;

	(void)state;
	assert_int_equal(transcript_open(&t, &o, "again", &e), ERR_FAILED);
	assert_string_equal(e.id, "file-exists");
	assert_null(t);
	after = content();
	assert_true(span_eq(buf_view(&before), buf_view(&after)));
	buf_free(&before);
	buf_free(&after);
}

static void no_path_no_record(void **state)
{
	const struct transcript_opts o = {0};
	struct transcript *t = NULL;
	struct err e;

	(void)state;
	assert_int_equal(transcript_open(&t, &o, "test", &e), 0);
	assert_null(t);
	assert_int_equal(transcript_step(t, "one", 0, json_object(), &e), 0);
	assert_int_equal(transcript_step(t, "one", ERR_TOKEN, NULL, &e), ERR_TOKEN);
	transcript_seal_with(t, token.cert, pkey_sign, token.key);
	assert_int_equal(transcript_close(t, ERR_REFUSED, &e), ERR_REFUSED);
}

/* No room for a line: the step counts as failed, and what stands is still whole lines. */
static void a_full_disk_stops_the_ceremony(void **state)
{
	struct transcript *t = start();
	struct buf before = content();
	const struct rlimit none = {before.len + 10, RLIM_INFINITY};
	const struct rlimit enough = {RLIM_INFINITY, RLIM_INFINITY};
	struct buf after;
	struct err e;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(transcript_step(t, "one", 0, NULL, &e), ERR_FAILED);
	assert_string_equal(e.id, "transcript");
	after = content();
	assert_true(span_eq(buf_view(&before), buf_view(&after)));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &enough), 0);
	assert_int_equal(transcript_close(t, ERR_FAILED, &e), ERR_FAILED);
	buf_free(&before);
	buf_free(&after);
}

static void a_place_that_cannot_be_written(void **state)
{
	const struct transcript_opts o = {.path = "/nowhere/at/all"};
	struct transcript *t = NULL;
	struct err e;

	(void)state;
	assert_int_equal(transcript_open(&t, &o, "test", &e), ERR_FAILED);
	assert_string_equal(e.id, "transcript");
	assert_null(t);
}

static void strange_files(void **state)
{
	static const char zeros[] =
		"\"0000000000000000000000000000000000000000000000000000000000000"
		"000\"";
	static const struct {
		const char *text;
		const char *id;
		size_t bad;
	} table[] = {
		{"\n", "transcript-line", 1},
		{"{}\n", "transcript-line", 1},
		{"[]\n", "transcript-line", 1},
		{"1\n", "transcript-line", 1},
		{"{\"n\":1,\"step\":\"begin\"}\n", "transcript-chain", 1},
		{"{\"n\":1,\"n\":1,\"step\":\"begin\"}\n", "transcript-line", 1},
		{"{\"n\":\"1\",\"step\":\"begin\"}\n", "transcript-line", 1},
		{"{\"n\":1,\"step\":\"signature\",\"previous\":%s}\n", "transcript-line", 1},
		{"{\"n\":1,\"step\":\"signature\",\"format\":\"ctlsuite-transcript\",\"version\":1,"
		 "\"previous\":%s}\n",
		 "transcript-line", 1},
		{"{\"n\":1,\"step\":\"begin\",\"format\":\"ctlsuite-transcript\",\"version\":2,"
		 "\"previous\":%s}\n",
		 "transcript-line", 1},
		{"{\"n\":1,\"step\":\"begin\",\"format\":\"other\",\"version\":1,\"previous\":%s}"
		 "\n",
		 "transcript-line", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text = {0};
		const char *mark = strstr(table[i].text, "%s");

		buf_put(&text, table[i].text,
			mark ? (size_t)(mark - table[i].text) : strlen(table[i].text));
		if (mark) {
			buf_str(&text, zeros);
			buf_str(&text, mark + 2);
		}
		print_message("%s", table[i].text);
		verdict(buf_view(&text), NULL, table[i].id, table[i].bad);
		buf_free(&text);
	}
}

/* FIPS 180-2 appendix B.1. */
static void sha256(void **state)
{
	char text[2 * SHA256_LEN + 1];
	struct err e;

	(void)state;
	assert_int_equal(sha256_text(text, span_of("abc", 3), &e), 0);
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_record_is_good),
		cmocka_unit_test(lines_say_what_happened),
		cmocka_unit_test(every_changed_byte_is_found),
		cmocka_unit_test(every_cut_is_found),
		cmocka_unit_test(lines_moved_about),
		cmocka_unit_test(the_first_line_after_a_change_is_named),
		cmocka_unit_test(a_new_chain_does_not_help),
		cmocka_unit_test(another_certificate_is_found),
		cmocka_unit_test(an_unfinished_record_says_so),
		cmocka_unit_test(an_unsigned_record_says_so),
		cmocka_unit_test(failures_are_recorded),
		cmocka_unit_test(a_token_lost_before_the_end),
		cmocka_unit_test(records_are_never_overwritten),
		cmocka_unit_test(no_path_no_record),
		cmocka_unit_test(a_full_disk_stops_the_ceremony),
		cmocka_unit_test(a_place_that_cannot_be_written),
		cmocka_unit_test(strange_files),
		cmocka_unit_test(sha256),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
