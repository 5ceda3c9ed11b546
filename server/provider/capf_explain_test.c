#include "server/provider/capf_explain.h"

#include "server/provider/capf_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000 };

struct world {
	struct store_capf_case c;
	struct store_phone phone;
	struct store_profile profile;
	struct conf_capf conf;
	struct capf_situation s;
	char said[8192];
};

static void take(const char *sentence, void *arg)
{
	struct world *w = arg;

	snprintf(w->said + strlen(w->said), sizeof(w->said) - strlen(w->said), "%s\n", sentence);
}

/* A 7970 that waits for its certificate, with everything in order. */
static void set_up(struct world *w)
{
	*w = (struct world){.c = {.auth = DEVICE_AUTH_STRING, .key = "rsa:1024"}};
	strcpy(w->c.name, "SEP001122334455");
	w->c.capf = (struct store_capf){
		.operation = STORE_CAPF_INSTALL, .status = STORE_CAPF_PENDING, .has_string = true};
	strcpy(w->phone.model, "7970");
	w->phone.seen.time = NOW;
	w->profile.mode = DEVICE_NONSECURE;
	w->conf = (struct conf_capf){.listen.port = 3804, .legacy_tls = true, .attempts = 10};
	w->s = (struct capf_situation){.c = &w->c,
				       .phone = &w->phone,
				       .profile = &w->profile,
				       .host = "pub",
				       .address = "192.0.2.10",
				       .conf = &w->conf,
				       .now = NOW,
				       .generation = 4,
				       .listed = true};
}

static bool says(struct world *w, const char *text)
{
	w->said[0] = '\0';
	capf_explain(&w->s, take, w);
	return strstr(w->said, text) != NULL;
}

static void in_order(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	assert_false(says(&w, "MISSING"));
	assert_true(says(&w, "connects to pub (192.0.2.10), TCP port 3804"));
	assert_true(says(&w, "On a 7970 press"));
	assert_true(says(&w, "It has not called yet"));
}

static void what_is_missing(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	w.s.generation = 0;
	assert_true(says(&w, "MISSING: there is no trust list yet"));
	set_up(&w);
	w.s.listed = false;
	assert_true(says(&w, "MISSING: the trust list (generation 4) was made before"));
	set_up(&w);
	w.phone.seen.time = 0;
	assert_true(says(&w, "MISSING: the phone has never asked"));
	set_up(&w);
	w.phone.reset_pending = true;
	assert_true(says(&w, "MISSING: its configuration or its list has changed"));
	set_up(&w);
	w.conf.legacy_tls = false;
	assert_true(says(&w, "MISSING: a 7970 knows TLS 1.0 only"));
	strcpy(w.phone.model, "8841");
	assert_false(says(&w, "MISSING"));
}

static void proofs(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	w.c.capf.has_string = false;
	assert_true(says(&w, "None is set, so it will be refused"));
	w.c.auth = DEVICE_AUTH_NULL;
	assert_true(says(&w, "It proves nothing (null string)"));
	assert_true(says(&w, "Nothing is to be pressed"));
	w.c.auth = DEVICE_AUTH_MIC;
	assert_true(says(&w, "the MIC first"));
	set_up(&w);
	w.profile.mode = DEVICE_ENCRYPTED;
	assert_true(says(&w, "give it a non-secure profile until it has one"));
}

static void last_calls(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	w.c.last_time = NOW;
	strcpy(w.c.last_address, "192.0.2.77");
	strcpy(w.c.last_text, "a wrong authentication string");
	assert_true(says(&w, "from 192.0.2.77: a wrong authentication string."));
	w.c.wrong = 5;
	w.c.not_before = NOW + 60;
	assert_true(says(&w, "its next try counts from"));
	w.c.wrong = 10;
	assert_true(says(&w, "It is locked after 10"));
}

static void other_states(void **state)
{
	struct world w;
	char text[48];

	(void)state;
	set_up(&w);
	capf_status_words(text, &w.c.capf);
	assert_string_equal(text, "Install/Upgrade pending");
	w.c.capf.status = STORE_CAPF_FAILED;
	strcpy(w.c.capf.detail, "it was not completed by its deadline");
	assert_true(says(&w, "has failed: it was not completed by its deadline."));
	w.c.capf.operation = STORE_CAPF_DELETE;
	w.c.capf.status = STORE_CAPF_SUCCESSFUL;
	capf_status_words(text, &w.c.capf);
	assert_string_equal(text, "Delete successful");
	w.c.capf.status = STORE_CAPF_IDLE;
	assert_true(says(&w, "Nothing is pending"));
	capf_status_words(text, &w.c.capf);
	assert_string_equal(text, "No Pending Operation");
}

static void cells(void **state)
{
	static const struct {
		const char *text, *cell;
	} cases[] = {
		{"", ""},
		{"SEP001122334455", "SEP001122334455"},
		{"1234", "1234"},
		{"Hall, 2nd floor", "\"Hall, 2nd floor\""},
		{"the \"red\" one", "\"the \"\"red\"\" one\""},
		{"two\nlines", "\"two\nlines\""},
		{"=1+1", "\"'=1+1\""},
		{"+49", "\"'+49\""},
		{"-x", "\"'-x\""},
		{"@a", "\"'@a\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = {0};

		capf_report_cell(&b, cases[i].text);
		assert_string_equal(buf_cstr(&b), cases[i].cell);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),     cmocka_unit_test(what_is_missing),
		cmocka_unit_test(proofs),       cmocka_unit_test(last_calls),
		cmocka_unit_test(other_states), cmocka_unit_test(cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
