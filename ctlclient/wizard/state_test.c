/* What is kept of a session: there and back, and what others may have put there. */
#include "ctlclient/wizard/state.h"
#include "trustfile/testkit.h"

#include <stdio.h>
#include <string.h>

#define PRINT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_there_and_back(void **state)
{
	struct test_key a = test_key_rsa(1024, "SAST 1"), b = test_key_rsa(1024, "SAST 2");
	struct wiz_state s = {.server = "pub:2444", .user = "anna", .goal = GOAL_MIXED}, back = {0};
	struct buf text = {0};
	struct err e;

	(void)state;
	s.generation = 7;
	assert_true(state_add(&s, a.cert, "SAST 1"));
	assert_true(state_add(&s, b.cert, "with \"quotes\""));
	assert_true(state_remove(&s, PRINT));
	assert_true(state_remove(&s, PRINT));
	assert_int_equal(s.n_removed, 1);
	assert_int_equal(
		tftp_wish_add(&s.tftp, &(struct draft_server){.dns = "alt", .cert = b.cert}, &e),
		0);
	assert_int_equal(tftp_wish_remove(&s.tftp, "old", &e), 0);
	assert_int_equal(state_put(&text, &s, &e), 0);
	assert_int_equal(state_parse(&back, buf_view(&text), &e), 0);
	assert_string_equal(back.server, "pub:2444");
	assert_string_equal(back.user, "anna");
	assert_int_equal(back.goal, GOAL_MIXED);
	assert_int_equal(back.generation, 7);
	assert_int_equal(back.n_added, 2);
	assert_int_equal(X509_cmp(back.added[1].cert, b.cert), 0);
	assert_string_equal(back.added[1].label, "with \"quotes\"");
	assert_true(state_is_removed(&back, PRINT));
	assert_true(tftp_wish_adds(&back.tftp, "alt"));
	assert_int_equal(X509_cmp(back.tftp.added[0].cert, b.cert), 0);
	assert_true(tftp_wish_removes(&back.tftp, "old"));
	assert_true(state_is_worth_keeping(&back));
	/* Every shorter file is refused, and leaves nothing. */
	for (size_t n = 0; n < text.len; n += 97) {
		struct wiz_state cut;

		assert_int_equal(state_parse(&cut, span_of(text.data, n), &e), ERR_REFUSED);
		assert_false(state_is_worth_keeping(&cut));
		assert_int_equal(cut.n_added, 0);
	}
	state_free(&s);
	state_free(&back);
	buf_free(&text);
	test_key_free(&a);
	test_key_free(&b);
}

static void test_changes(void **state)
{
	struct test_key a = test_key_rsa(1024, "SAST 1"), b = test_key_rsa(1024, "SAST 2");
	struct wiz_state s = {.goal = GOAL_UPDATE};

	(void)state;
	assert_true(state_add(&s, a.cert, "1"));
	assert_true(state_add(&s, b.cert, "2"));
	assert_true(state_drop(&s, a.cert));
	assert_false(state_drop(&s, a.cert));
	assert_int_equal(s.n_added, 1);
	assert_string_equal(s.added[0].label, "2");
	assert_true(state_remove(&s, PRINT));
	state_keep(&s, PRINT);
	assert_false(state_is_removed(&s, PRINT));
	state_clear(&s);
	assert_int_equal(s.n_added, 0);
	assert_false(state_is_worth_keeping(&s));
	while (s.n_added < STATE_TOKENS_MAX)
		assert_true(state_add(&s, a.cert, "x"));
	assert_false(state_add(&s, a.cert, "x"));
	state_free(&s);
	test_key_free(&a);
	test_key_free(&b);
}

#define GOOD                                                                                       \
	"{\"format\":\"ctlsuite-wizard\",\"version\":1,\"saved\":1,\"server\":\"s\",\"user\":"     \
	"\"u\",\"goal\":\"update\",\"generation\":0,\"add\":[],\"remove\":[]"

static void test_strangers(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		GOOD ",\"more\":1}",
		"{\"format\":\"other\",\"version\":1,\"saved\":1,\"server\":\"s\",\"user\":\"u\","
		"\"goal\":\"update\",\"generation\":0,\"add\":[],\"remove\":[]}",
		"{\"format\":\"ctlsuite-wizard\",\"version\":2,\"saved\":1,\"server\":\"s\","
		"\"user\":\"u\",\"goal\":\"update\",\"generation\":0,\"add\":[],\"remove\":[]}",
		"{\"format\":\"ctlsuite-wizard\",\"version\":1,\"saved\":1,\"server\":\"s\","
		"\"user\":\"u\",\"goal\":\"world "
		"peace\",\"generation\":0,\"add\":[],\"remove\":[]}",
		"{\"format\":\"ctlsuite-wizard\",\"version\":1,\"saved\":1,\"server\":\"s\","
		"\"user\":\"u\",\"goal\":\"update\",\"generation\":0,\"add\":[],\"remove\":[\"../"
		"\"]}",
		"{\"format\":\"ctlsuite-wizard\",\"version\":1,\"saved\":1,\"server\":\"s\","
		"\"user\":\"u\",\"goal\":\"update\",\"generation\":0,\"add\":[{\"label\":\"x\","
		"\"certificate\":\"none\"}],\"remove\":[]}",
	};
	struct wiz_state s;
	struct err e;

	(void)state;
	assert_int_equal(state_parse(&s, span_of(GOOD "}", strlen(GOOD "}")), &e), 0);
	state_free(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(state_parse(&s, span_of(bad[i], strlen(bad[i])), &e), ERR_REFUSED);
		assert_string_equal(e.id, "wizard-state");
	}
}

static void test_long_names(void **state)
{
	char text[1024], name[300];
	struct wiz_state s;
	struct err e;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text),
		 "{\"format\":\"ctlsuite-wizard\",\"version\":1,\"saved\":1,\"server\":\"%s\","
		 "\"user\":\"u\",\"goal\":\"update\",\"generation\":0,\"add\":[],\"remove\":[]}",
		 name);
	assert_int_equal(state_parse(&s, span_of(text, strlen(text)), &e), ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
