#include "trustfile/rules.h"

#include "trustfile/testkit.h"

#include <stdio.h>
#include <string.h>

#define SECOND "R{02'' 03'CN=U' 04:0000 05'CN=I' 06:22 07K 09C 0a:00000000} "

static struct test_key one, two;

/* A list and the memory under it. */
struct made {
	struct buf file;
	struct tl *l;
};

static struct made make(const char *description, const struct test_key *signer,
			const struct test_key *other)
{
	struct made m = {0};
	struct err e;

	m.file = test_list(description, signer, other, false);
	assert_int_equal(tl_parse(&m.l, buf_view(&m.file), &e), 0);
	return m;
}

static void unmake(struct made *m)
{
	tl_free(m->l);
	buf_free(&m->file);
}

struct row {
	const char *why;
	const char *stored[2]; /* signed by one; NULL for none */
	const char *neu;
	const struct test_key *signer; /* of neu; the other key is its other */
	enum tl_verdict verdict;
	const char *id;
};

static void judge(const struct row *row)
{
	struct made stored[2] = {0},
		    neu = make(row->neu, row->signer, row->signer == &one ? &two : &one);
	const struct tl *lists[2];
	struct err e = {0};
	enum tl_verdict verdict;

	for (size_t i = 0; i < 2; i++) {
		if (row->stored[i])
			stored[i] = make(row->stored[i], &one, &two);
		lists[i] = stored[i].l;
	}
	verdict = tl_phone_verdict(lists, 2, lists[0], neu.l, TL_CTL_NAME, &e);
	if (verdict != row->verdict || strcmp(e.id, row->id) != 0)
		fail_msg("%s: verdict %d, \"%s\" %s", row->why, verdict, e.id, e.what);
	assert_int_equal(e.kind, verdict == TL_KEEP_OLD ? ERR_REFUSED : ERR_OK);
	unmake(&neu);
	unmake(&stored[0]);
	unmake(&stored[1]);
}

#define LIST TEST_HEADER TEST_SAST
#define SERVER "R{02'pub' 04:0002 0a:0a01010a} "
#define ITL TEST_START TEST_SIGNER TEST_INFO "S 0e'ITLFile.tlv' 0f:5f5e1000 P | " TEST_SAST
#define BY_SECOND                                                                                  \
	TEST_START "03{04'CN=U' 05:22 06'CN=I'} " TEST_INFO "S " TEST_END                          \
		   "P | R{03'CN=U' 04:0000 05'CN=I' 06:22 07k 09c} "

static void test_verdicts(void **state)
{
	static const struct row rows[] = {
		{"nothing stored", {NULL, NULL}, LIST, &one, TL_INSTALL_FIRST, ""},
		{"the same file", {LIST, NULL}, LIST, &one, TL_UNCHANGED, ""},
		{"the same signer", {LIST, NULL}, LIST SERVER, &one, TL_INSTALL, ""},
		{"the second of two", {LIST SECOND, NULL}, BY_SECOND, &two, TL_INSTALL, ""},
		{"signer in the ITL only",
		 {TEST_HEADER TEST_SAST, TEST_HEADER TEST_SAST SECOND},
		 BY_SECOND,
		 &two,
		 TL_INSTALL,
		 ""},
		{"ITL stored, CTL arrives", {NULL, ITL}, LIST, &one, TL_INSTALL, ""},
		{"unknown signer",
		 {LIST, NULL},
		 BY_SECOND,
		 &two,
		 TL_KEEP_OLD,
		 "ctl-unknown-signer"},
		{"the issuer and serial of a stored SAST, another key",
		 {LIST, NULL},
		 LIST,
		 &two,
		 TL_KEEP_OLD,
		 "ctl-forged-signer"},
		{"the forged signer beside the true one in the new list",
		 {LIST, NULL},
		 TEST_HEADER "R{04:0000 05'CN=I' 06:11 07K 09C} " TEST_SAST,
		 &two,
		 TL_KEEP_OLD,
		 "ctl-forged-signer"},
		{"forged in one stored list, elsewhere listed as a server",
		 {LIST SECOND, TEST_HEADER TEST_SAST "R{04:0002 05'CN=I' 06:22 09C} "},
		 TEST_START "03{04'CN=U' 05:22 06'CN=I'} " TEST_INFO "S " TEST_END
			    "P | R{04:0000 05'CN=I' 06:22 09c} ",
		 &one,
		 TL_KEEP_OLD,
		 "ctl-forged-signer"},
		{"listed as a server only",
		 {LIST "R{04:0002 05'CN=I' 06:22 09C} ", NULL},
		 BY_SECOND,
		 &two,
		 TL_KEEP_OLD,
		 "ctl-signer-not-sast"},
		{"listed as SAST without certificate",
		 {LIST "R{04:0000 05'CN=I' 06:22 07K} ", NULL},
		 BY_SECOND,
		 &two,
		 TL_KEEP_OLD,
		 "ctl-unknown-signer"},
		{"listed as SAST by hash",
		 {LIST "R{04:0000 05'CN=I' 06:22 07K 0bH} ", NULL},
		 BY_SECOND,
		 &two,
		 TL_KEEP_OLD,
		 "ctl-unknown-signer"},
		{"two stored records with the name, the second is right",
		 {LIST "R{04:0000 05'CN=I' 06:22 09c} R{04:0000 05'CN=I' 06:22 09C} ", NULL},
		 BY_SECOND,
		 &two,
		 TL_INSTALL,
		 ""},
		{"the new list does not contain its signer",
		 {LIST, NULL},
		 TEST_HEADER "R{04:0002 05'CN=I' 06:11 09c} ",
		 &one,
		 TL_KEEP_OLD,
		 "ctl-signer"},
		{"the wrong name", {LIST, NULL}, ITL, &one, TL_KEEP_OLD, "ctl-name"},
		{"the wrong name, nothing stored",
		 {NULL, NULL},
		 ITL,
		 &one,
		 TL_KEEP_OLD,
		 "ctl-name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		judge(&rows[i]);
}

static void test_messages(void **state)
{
	struct made stored = make(TEST_HEADER TEST_SAST, &one, &two),
		    neu = make(BY_SECOND, &two, &one);
	const struct tl *const lists[] = {stored.l};
	struct err e = {0};

	(void)state;
	assert_int_equal(tl_phone_verdict(lists, 1, NULL, neu.l, TL_CTL_NAME, &e), TL_KEEP_OLD);
	assert_string_equal(e.what, "the signer CN=U (serial 22) is in none of the stored lists");
	assert_true(e.hint[0]);
	unmake(&stored);
	unmake(&neu);
}

static void test_token_count(void **state)
{
	static const struct {
		const char *records;
		size_t tokens;
	} rows[] = {
		{TEST_SAST, 1},
		{TEST_SAST SECOND, 2},
		{TEST_SAST SECOND TEST_SAST, 2},
		{TEST_SAST "R{04:0000 05'CN=J' 06:33 09c} ", 1},
		{TEST_SAST "R{04:0000 05'CN=J' 06:33 07K} ", 1},
		{TEST_SAST "R{04:0000 05'CN=J' 06:33 0bH} ", 1},
		{TEST_SAST "R{04:0002 05'CN=I' 06:22 09C} ", 1},
		{"R{04:0002 05'CN=I' 06:22 09C} ", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char list[1024];
		struct made m;

		snprintf(list, sizeof(list), "%s%s", TEST_HEADER, rows[i].records);
		m = make(list, &one, &two);
		assert_int_equal(tl_token_count(m.l), rows[i].tokens);
		unmake(&m);
	}
}

/* Keys that cannot sign a list are no tokens. */
static void test_token_count_keys(void **state)
{
	struct test_key keys[] = {test_key_ec("P-256", "ec"), test_key_rsa(3072, "odd")};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct made m = make(TEST_HEADER TEST_SAST SECOND, &one, &keys[i]);

		assert_int_equal(tl_token_count(m.l), 1);
		unmake(&m);
		test_key_free(&keys[i]);
	}
}

static void test_nonsecure(void **state)
{
	static const struct {
		const char *records;
		bool nonsecure;
	} rows[] = {
		{SERVER, true},
		{SERVER SERVER "R{04:0004 09C} R{04:0015 09C} ", true},
		{SERVER "R{02'sub' 04:0002 09C} ", false},
		{"R{04:0001} ", true},
		{"R{04:0003} ", true},
		{"R{04:0001 09C} ", false},
		{"R{04:0003 09C} ", false},
		{"", false},
		{"R{04:0004 09C} ", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char list[1024];
		struct made m;

		snprintf(list, sizeof(list), "%s%s", TEST_HEADER TEST_SAST, rows[i].records);
		m = make(list, &one, &two);
		assert_int_equal(tl_is_nonsecure(m.l), rows[i].nonsecure);
		unmake(&m);
	}
}

static int set_up(void **state)
{
	(void)state;
	one = test_key_load("sast1");
	two = test_key_load("sast2");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_key_free(&one);
	test_key_free(&two);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),    cmocka_unit_test(test_messages),
		cmocka_unit_test(test_token_count), cmocka_unit_test(test_token_count_keys),
		cmocka_unit_test(test_nonsecure),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
