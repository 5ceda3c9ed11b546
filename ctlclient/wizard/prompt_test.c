/* What is said of the tokens that are there: one line for each sight. */
#include "ctlclient/wizard/prompt.h"
#include "trustfile/testkit.h"

#include <stdio.h>
#include <string.h>

struct desk {
	struct test_key t1, t2, t3, ec;
	struct buf file; /* a list with tokens 1 and 2 */
	struct tl *list;
};

/* Two SAST records, the signer's first. */
#define TWO TEST_HEADER TEST_SAST "R{02'' 03'CN=U' 04:0000 05'CN=J' 06:22 07K 09C 0a:00000000} "

static int setup(void **state)
{
	static struct desk d;
	struct err e;

	d.t1 = test_key_rsa(1024, "SAST 1");
	d.t2 = test_key_rsa(1024, "SAST 2");
	d.t3 = test_key_rsa(1024, "SAST 3");
	d.ec = test_key_ec("P-256", "EC");
	d.file = test_list(TWO, &d.t1, &d.t2, false);
	if (tl_parse(&d.list, buf_view(&d.file), &e))
		return 1;
	*state = &d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;

	tl_free(d->list);
	buf_free(&d->file);
	test_key_free(&d->t1);
	test_key_free(&d->t2);
	test_key_free(&d->t3);
	test_key_free(&d->ec);
	return 0;
}

/* One token that works, with that certificate (NULL: none). */
static struct sight sight_of(const struct test_key *k)
{
	struct sight s = {.number = 1, .n = 1};
	struct seen_token *t = &s.tokens[0];

	strcpy(t->info.label, "T");
	strcpy(t->info.serial, "1");
	t->info.initialized = t->info.login_required = true;
	t->certs[0] = k ? k->cert : NULL;
	t->n_certs = k ? 1 : 0;
	return s;
}

static enum prompt_state judged(enum prompt_kind kind, const struct desk *d, const struct sight *s,
				bool hardware)
{
	struct cluster_view v = {.list = d->list,
				 .doc = json_pack("{s:b}", "require_hardware", hardware)};
	struct prompt p = {kind, NULL, &v};
	struct draft *draft = NULL;
	struct verdict verdict;
	struct err e;

	assert_int_equal(draft_new(&draft, d->list, &e), 0);
	p.draft = draft;
	verdict = prompt_judge(&p, s);
	draft_free(draft);
	json_decref(v.doc);
	return verdict.state;
}

static void test_none(void **state)
{
	struct sight s = {0};

	assert_int_equal(judged(PROMPT_ADD, *state, &s, false), PROMPT_LOOKING);
	s.number = 1;
	assert_int_equal(judged(PROMPT_ADD, *state, &s, false), PROMPT_NONE);
	strcpy(s.advice, "no reader service");
	assert_int_equal(judged(PROMPT_ADD, *state, &s, false), PROMPT_NO_SERVICE);
	strcpy(s.trouble, "module: broken");
	assert_int_equal(judged(PROMPT_ADD, *state, &s, false), PROMPT_TROUBLE);
	strcpy(s.unreadable, "reader 1");
	assert_int_equal(judged(PROMPT_ADD, *state, &s, false), PROMPT_UNREADABLE);
}

static void test_several(void **state)
{
	const struct desk *d = *state;
	struct sight s = sight_of(&d->t3);

	s.n = 2;
	s.tokens[1] = s.tokens[0];
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_TWO);
	s.tokens[1].info.fixed = true;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_CHOOSE);
	s.tokens[0].info.fixed = true;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_CHOOSE);
	s.n = SIGHT_TOKENS_MAX + 1; /* more than there is room for */
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_TWO);
}

static void test_one(void **state)
{
	const struct desk *d = *state;
	struct sight s = sight_of(NULL);

	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_NO_KEY);
	s.tokens[0].unread = true;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_UNREAD);
	s.tokens[0].info.initialized = false;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_BLANK);
	s = sight_of(&d->ec);
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_WRONG_KEY);
	s = sight_of(&d->t1);
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_AGAIN);
	assert_int_equal(judged(PROMPT_KNOWN, d, &s, false), PROMPT_READY);
	s = sight_of(&d->t3);
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_READY);
	assert_int_equal(judged(PROMPT_KNOWN, d, &s, false), PROMPT_NOT_LISTED);
	assert_int_equal(judged(PROMPT_SIGN, d, &s, false), PROMPT_NOT_LISTED);
	s.tokens[0].info.pin = TOKEN_PIN_LOCKED;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_LOCKED);
	s.tokens[0].info.pin = TOKEN_PIN_UNSET;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_NO_PIN);
	s.tokens[0].info.pin = TOKEN_PIN_FINAL_TRY;
	assert_int_equal(judged(PROMPT_ADD, d, &s, false), PROMPT_READY);
}

/* Of several certificates on a token the first one that will do counts. */
static void test_certs(void **state)
{
	const struct desk *d = *state;
	struct sight s = sight_of(&d->ec);
	struct cluster_view v = {.list = d->list, .doc = json_object()};
	struct prompt p = {PROMPT_KNOWN, NULL, &v};
	struct draft *draft = NULL;
	struct verdict verdict;
	struct err e;

	s.tokens[0].certs[1] = d->t2.cert;
	s.tokens[0].n_certs = 2;
	assert_int_equal(draft_new(&draft, d->list, &e), 0);
	p.draft = draft;
	verdict = prompt_judge(&p, &s);
	assert_int_equal(verdict.state, PROMPT_READY);
	assert_int_equal(verdict.cert, 1);
	draft_free(draft);
	json_decref(v.doc);
}

static void test_hardware(void **state)
{
	const struct desk *d = *state;
	struct sight s = sight_of(&d->t1);

	strcpy(s.tokens[0].info.model, "SoftHSM v2");
	strcpy(s.tokens[0].info.manufacturer, "SoftHSM project");
	assert_true(token_is_software(&s.tokens[0].info));
	assert_int_equal(judged(PROMPT_KNOWN, d, &s, true), PROMPT_SOFTWARE);
	assert_int_equal(judged(PROMPT_KNOWN, d, &s, false), PROMPT_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),     cmocka_unit_test(test_several),
		cmocka_unit_test(test_one),      cmocka_unit_test(test_certs),
		cmocka_unit_test(test_hardware),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
