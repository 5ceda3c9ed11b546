/* The vectors with known answers: every row of expected.tsv and updates.tsv, and the table
 * "Replacing a stored list" of vectors/README.md. */
#include "trustfile/testkit.h"

#include "common/hex.h"
#include "trustfile/encrypted.h"
#include "trustfile/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMNS = 14,
	FILE_NAME = 0,
	KIND,
	VERDICT,
	STAGE,
	SIGNED_BY,
	EXPECTED_NAME,
	SIZE,
	HEADER_LENGTH,
	SIG_AT,
	SIG_TLV_LENGTH,
	DIGEST,
	SIGNED_DIGEST,
	RECORDS,
};

typedef void row_fn(char *column[COLUMNS]);

/* Calls fn for every line behind the heading, cut at the tabs; returns how many there were. */
static size_t for_rows(const char *path, row_fn *fn)
{
	struct buf text = test_file(path);
	char *line, *next;
	size_t rows = 0;

	assert_non_null(buf_cstr(&text));
	next = (char *)text.data;
	strsep(&next, "\n");
	while ((line = strsep(&next, "\n")) && *line) {
		char *column[COLUMNS] = {0};

		for (size_t i = 0; i < COLUMNS; i++)
			column[i] = strsep(&line, "\t");
		fn(column);
		rows++;
	}
	buf_free(&text);
	return rows;
}

static struct buf vector(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "vectors/%s", name);
	return test_file(path);
}

/* "a|b" has the stage that id names: "ctl-a". */
static bool stage_is(const char *stages, const char *id)
{
	const char *stage = strchr(id, '-') + 1;
	const char *at = strstr(stages, stage);
	const size_t n = strlen(stage);

	return at && (at == stages || at[-1] == '|') && (!at[n] || at[n] == '|');
}

static void assert_hex(struct span got, const char *expected)
{
	struct buf text = {0};

	hex_lower(&text, got, 0);
	assert_string_equal(buf_cstr(&text), expected);
	buf_free(&text);
}

static size_t number(const char *text)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	assert_true(*text && !*end);
	return n;
}

static void check_facts(const struct tl *l, char *column[COLUMNS])
{
	struct buf digest = {0};
	struct err e;

	assert_int_equal(l->raw.len, number(column[SIZE]));
	assert_int_equal(l->header_len, number(column[HEADER_LENGTH]));
	assert_int_equal(l->sig_at, number(column[SIG_AT]));
	assert_int_equal(l->signature.len + TF_TLV_HEAD, number(column[SIG_TLV_LENGTH]));
	assert_string_equal(l->digest == TL_SHA1 ? "sha1" : "sha512", column[DIGEST]);
	assert_int_equal(l->n, number(column[RECORDS]));
	assert_int_equal(tl_signed_digest(&digest, l, &e), 0);
	assert_hex(buf_view(&digest), column[SIGNED_DIGEST]);
	buf_free(&digest);
}

static void check_list(char *column[COLUMNS])
{
	const bool accept = !strcmp(column[VERDICT], "ACCEPT");
	struct buf file;
	struct tl *l = NULL;
	struct err e;
	int rc;

	if (strcmp(column[KIND], "tlv") != 0)
		return;
	file = vector(column[FILE_NAME]);
	rc = tl_parse(&l, buf_view(&file), &e);
	if (!rc)
		rc = tl_verify(l, column[EXPECTED_NAME], &e);
	if (accept && rc)
		fail_msg("%s: %s", column[FILE_NAME], e.what);
	if (!accept && rc != ERR_REFUSED)
		fail_msg("%s was accepted", column[FILE_NAME]);
	if (!accept && !stage_is(column[STAGE], e.id))
		fail_msg("%s: %s instead of %s: %s", column[FILE_NAME], e.id, column[STAGE],
			 e.what);
	if (accept)
		check_facts(l, column);
	tl_free(l);
	buf_free(&file);
}

static void test_every_list(void **state)
{
	(void)state;
	assert_int_equal(for_rows("vectors/expected.tsv", check_list), 60);
}

static void check_sgn_facts(const struct sgn *s, char *column[COLUMNS])
{
	const struct tf_header *h = &s->header;
	struct buf digest = {0};
	struct err e;

	assert_int_equal(s->raw.len, number(column[SIZE]));
	assert_int_equal(h->len, number(column[HEADER_LENGTH]));
	assert_int_equal(h->sig_at, number(column[SIG_AT]));
	assert_int_equal(h->value[TF_SIGNATURE].len + TF_TLV_HEAD, number(column[SIG_TLV_LENGTH]));
	assert_string_equal(h->digest == TL_SHA1 ? "sha1" : "sha512", column[DIGEST]);
	assert_int_equal(s->payload.len, number(column[RECORDS]));
	assert_int_equal(tf_digest_file(&digest, h->digest, s->raw, h->sig_at,
					h->value[TF_SIGNATURE].len, &e),
			 0);
	assert_hex(buf_view(&digest), column[SIGNED_DIGEST]);
	buf_free(&digest);
}

/* What the payload is, by vectors/README.md. */
static void check_plain(struct span plain, const char *name)
{
	static const struct {
		const char *name, *plain;
	} known[] = {
		{"sgn/SEP001122334455.cnf.xml.sgn", "sgn/SEP001122334455.cnf.xml"},
		{"sgn/dialplan.xml.sgn", "sgn/dialplan.xml"},
		{"enc/SEP001122334455.cnf.xml.enc.sgn", "sgn/SEP001122334455.cnf.xml"},
		{"enc/sha512.enc.sgn", "sgn/SEP001122334455.cnf.xml"},
		{"enc/exact16.enc.sgn", "enc/exact16.plain.xml"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct buf expected;

		if (strcmp(known[i].name, name) != 0)
			continue;
		expected = vector(known[i].plain);
		assert_true(span_eq(plain, buf_view(&expected)));
		buf_free(&expected);
	}
}

/* As the README says: parses, signed by ccm, the right name, and decrypts with the phone's key. */
static int judge_signed_file(struct sgn *s, struct buf *plain, struct span file,
			     char *column[COLUMNS], struct err *e)
{
	const enum tf_kind kind = strcmp(column[KIND], "enc") ? TF_SGN : TF_ENC;
	struct test_key ccm = test_key_load("ccm"), phone = test_key_load("phone");
	int rc = sgn_parse(s, file, kind, e);

	if (!rc)
		rc = sgn_verify_with(s, ccm.cert, column[EXPECTED_NAME], e);
	if (!rc && kind == TF_SGN)
		buf_span(plain, s->payload);
	else if (!rc)
		rc = enc_open(plain, s, phone.key, e);
	test_key_free(&ccm);
	test_key_free(&phone);
	return rc;
}

static void check_signed_file(char *column[COLUMNS])
{
	const bool accept = !strcmp(column[VERDICT], "ACCEPT");
	struct buf file, plain = {0};
	struct sgn s;
	struct err e;
	int rc;

	if (!strcmp(column[KIND], "tlv"))
		return;
	file = vector(column[FILE_NAME]);
	rc = judge_signed_file(&s, &plain, buf_view(&file), column, &e);
	if (accept && rc)
		fail_msg("%s: %s", column[FILE_NAME], e.what);
	if (!accept && rc != ERR_REFUSED)
		fail_msg("%s was accepted", column[FILE_NAME]);
	if (!accept && !stage_is(column[STAGE], e.id))
		fail_msg("%s: %s instead of %s: %s", column[FILE_NAME], e.id, column[STAGE],
			 e.what);
	if (accept) {
		check_sgn_facts(&s, column);
		check_plain(buf_view(&plain), column[FILE_NAME]);
	} else {
		assert_int_equal(plain.len, 0);
	}
	buf_free(&plain);
	buf_free(&file);
}

static void test_every_signed_file(void **state)
{
	(void)state;
	assert_int_equal(for_rows("vectors/expected.tsv", check_signed_file), 60);
}

/* A list of the vectors with the memory under it. */
struct loaded {
	struct buf file;
	struct tl *l;
};

static struct loaded load(const char *name)
{
	struct loaded v = {0};
	char path[128];
	struct err e;

	if (!*name)
		return v;
	snprintf(path, sizeof(path), "tlv/%s.tlv", name);
	v.file = vector(path);
	assert_int_equal(tl_parse(&v.l, buf_view(&v.file), &e), 0);
	return v;
}

static void unload(struct loaded *v)
{
	tl_free(v->l);
	buf_free(&v->file);
}

static bool is_itl(const char *name)
{
	return !strncmp(name, "itl-", 4);
}

/* What a phone that stores the one list does with the other. */
static enum tl_verdict verdict_of(const char *stored_name, const char *neu_name, struct err *e)
{
	struct loaded stored = load(stored_name), neu = load(neu_name);
	const struct tl *const lists[] = {NULL, stored.l};
	const struct tl *same = is_itl(stored_name) == is_itl(neu_name) ? stored.l : NULL;
	const enum tl_verdict verdict = tl_phone_verdict(
		lists, 2, same, neu.l, is_itl(neu_name) ? TL_ITL_NAME : TL_CTL_NAME, e);

	unload(&stored);
	unload(&neu);
	return verdict;
}

static void check_update(char *column[COLUMNS])
{
	const char *stored = column[0], *neu = column[1], *answer = column[2];
	struct err e = {0};
	const enum tl_verdict verdict = verdict_of(stored, neu, &e);

	if (!strcmp(answer, "yes")) {
		assert_int_equal(verdict, strcmp(stored, neu) ? TL_INSTALL : TL_UNCHANGED);
		return;
	}
	assert_int_equal(verdict, TL_KEEP_OLD);
	assert_int_equal(e.kind, ERR_REFUSED);
	if (strstr(answer, "unlisted"))
		assert_string_equal(e.id, "ctl-unknown-signer");
	else
		assert_string_equal(e.id, "ctl-signer-not-sast");
}

static void test_every_update(void **state)
{
	(void)state;
	assert_int_equal(for_rows("vectors/updates.tsv", check_update), 100);
}

static void test_replacing_table(void **state)
{
	static const struct {
		const char *stored, *neu;
		enum tl_verdict verdict;
		bool nonsecure; /* then the list in force asks for unsigned files */
	} rows[] = {
		{"", "ctl-sha1", TL_INSTALL_FIRST, false},
		{"", "ctl-new-signer", TL_INSTALL_FIRST, false},
		{"", "itl-ec", TL_INSTALL_FIRST, false},
		{"ctl-sha1", "ctl-update-sast2", TL_INSTALL, false},
		{"ctl-sha1", "ctl-nonsecure", TL_INSTALL, true},
		{"ctl-nonsecure", "ctl-sha1", TL_INSTALL, false},
		{"ctl-sha1", "ctl-new-signer", TL_KEEP_OLD, false},
		{"ctl-new-signer", "ctl-update-sast2", TL_INSTALL, false},
		{"ctl-sha1", "ctl-sha512", TL_KEEP_OLD, false},
		{"ctl-sha512", "itl-ec", TL_INSTALL, false},
		{"ctl-sha512", "itl-hashform", TL_INSTALL, false},
		{"itl-hashform", "itl-ec", TL_KEEP_OLD, false},
		{"itl-ec", "itl-rollback", TL_INSTALL, true},
		{"ctl-sha1", "bad-signer-not-sast", TL_KEEP_OLD, false},
		{"", "bad-sig-bitflip", TL_KEEP_OLD, false},
		{"", "bad-wrong-filename", TL_KEEP_OLD, false},
		{"bad-sig-bitflip", "bad-sig-bitflip", TL_KEEP_OLD, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loaded neu = load(rows[i].neu);
		struct err e;

		if (verdict_of(rows[i].stored, rows[i].neu, &e) != rows[i].verdict)
			fail_msg("%s over %s", rows[i].neu, rows[i].stored);
		if (rows[i].verdict != TL_KEEP_OLD)
			assert_int_equal(tl_is_nonsecure(neu.l), rows[i].nonsecure);
		unload(&neu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_list),
		cmocka_unit_test(test_every_signed_file),
		cmocka_unit_test(test_every_update),
		cmocka_unit_test(test_replacing_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
