#include "trustfile/diff.h"

#include "trustfile/testkit.h"

#include <stdio.h>

static struct test_key one, two;

/* A list that has the SAST record and these. */
struct made {
	struct buf file;
	struct tl *l;
};

static struct made make(const char *records)
{
	char list[2048];
	struct made m = {0};
	struct err e;

	snprintf(list, sizeof(list), "%s%s", TEST_HEADER TEST_SAST, records);
	m.file = test_list(list, &one, &two, false);
	assert_int_equal(tl_parse(&m.l, buf_view(&m.file), &e), 0);
	return m;
}

static void unmake(struct made *m)
{
	tl_free(m->l);
	buf_free(&m->file);
}

#define PUB "02'pub' 03'CN=pub' 04:0002 05'CN=pub' 06:77 "
#define AT10 "0a:0a01010a"
#define AT11 "0a:0a01010b"

static void test_changes(void **state)
{
	static const struct {
		const char *before, *after, *text;
	} rows[] = {
		{"", "", "no difference in the records\n"},
		{"R{" PUB "09C " AT10 "}", "R{" PUB "09C " AT10 "}",
		 "no difference in the records\n"},
		/* Order does not count, nor does tag 8. */
		{"R{" PUB "09C} R{02'x' 04:0004}", "R{02'x' 04:0004} R{" PUB "08S 09C}",
		 "no difference in the records\n"},
		{"", "R{" PUB "09C " AT10 "}", "+ CCM+TFTP pub (10.1.1.10)  CN=pub  serial 77\n"},
		{"R{" PUB "09C " AT10 "}", "", "- CCM+TFTP pub (10.1.1.10)  CN=pub  serial 77\n"},
		{"", "R{03'CN=U' 04:0000 06:83a1 09C 0a:00000000}", "+ SAST CN=U  serial 83:A1\n"},
		{"", "R{02'x' 04:0005}", "+ 5 x  without certificate\n"},
		{"", "R{04:0003 0a:20010db8}", "+ TFTP 32.1.13.184  without certificate\n"},
		{"R{" PUB "09c}", "R{02'pub' 03'CN=new' 04:0002 06:78 09C}",
		 "~ CCM+TFTP pub  new certificate CN=new  serial 78  was CN=pub  serial 77\n"},
		{"R{" PUB "09C " AT10 "}", "R{" PUB "09C " AT11 "}",
		 "~ CCM+TFTP pub (10.1.1.11)  was at pub (10.1.1.10)\n"},
		{"R{" PUB "09C}", "R{02'sub' 03'CN=pub' 04:0002 06:77 09C}",
		 "~ CCM+TFTP sub  was at pub\n"},
		{"R{" PUB "09C " AT10 "}", "R{02'pub' 04:0002 " AT10 "}",
		 "~ CCM+TFTP pub (10.1.1.10)  certificate taken out: CN=pub  serial 77\n"},
		{"R{02'pub' 04:0002 " AT10 "}", "R{" PUB "09C " AT10 "}",
		 "~ CCM+TFTP pub (10.1.1.10)  certificate put in: CN=pub  serial 77\n"},
		/* Without a name the address says which host it is. */
		{"R{04:0004 03'CN=a' 06:01 09c " AT10 "}", "R{04:0004 03'CN=b' 06:02 09C " AT10 "}",
		 "~ CAPF 10.1.1.10  new certificate CN=b  serial 02  was CN=a  serial 01\n"},
		/* Another role is another thing. */
		{"R{" PUB "09C}", "R{02'pub' 03'CN=pub' 04:0004 06:77 09C}",
		 "- CCM+TFTP pub  CN=pub  serial 77\n+ CAPF pub  CN=pub  serial 77\n"},
		/* Tokens have no host: one goes, another comes. */
		{"R{02'' 03'CN=U' 04:0000 06:01 09C 0a:00000000}",
		 "R{02'' 03'CN=V' 04:0000 06:02 09c 0a:00000000}",
		 "- SAST CN=U  serial 01\n+ SAST CN=V  serial 02\n"},
		/* By hash or whole, it is the same certificate; or it is not. */
		{"R{02'' 03'CN=t' 04:0015 06:01 09C}", "R{02:0000 03'CN=t' 04:0015 06:01 0bH}",
		 "no difference in the records\n"},
		{"R{02'p' 03'CN=t' 04:0015 06:01 0bh}", "R{02'p' 03'CN=t' 04:0015 06:02 0bH}",
		 "~ TVS p  new certificate CN=t  serial 02  was CN=t  serial 01\n"},
		/* One more of the same. */
		{"R{" PUB "09C}", "R{" PUB "09C} R{" PUB "09C}",
		 "+ CCM+TFTP pub  CN=pub  serial 77\n"},
		/* Nobody writes a second line into this one. */
		{"", "R{02'a\nb' 04:0004}", "+ CAPF a\\x0ab  without certificate\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made before = make(rows[i].before), after = make(rows[i].after);
		struct tl_diff d;
		struct buf text = {0};
		struct err e;

		assert_int_equal(tl_diff(&d, before.l, after.l, &e), 0);
		tl_diff_text(&text, &d);
		assert_string_equal(buf_cstr(&text), rows[i].text);
		assert_false(d.signer_changed);
		buf_free(&text);
		tl_diff_free(&d);
		unmake(&before);
		unmake(&after);
	}
}

static void test_first_list(void **state)
{
	struct made m = make("R{" PUB "09C}");
	struct tl_diff d;
	struct err e;

	(void)state;
	assert_int_equal(tl_diff(&d, NULL, m.l, &e), 0);
	assert_int_equal(d.n, 2);
	for (size_t i = 0; i < d.n; i++) {
		assert_int_equal(d.changes[i].kind, TL_ADDED);
		assert_null(d.changes[i].before);
		assert_ptr_equal(d.changes[i].after, &m.l->records[i]);
	}
	assert_false(d.signer_changed);
	assert_false(d.mode_changed);
	tl_diff_free(&d);
	unmake(&m);
}

static void test_vectors(void **state)
{
	static const struct {
		const char *before, *after;
		size_t n;
		bool signer, mode;
	} rows[] = {
		{"ctl-sha1", "ctl-update-sast2", 0, true, false},
		{"ctl-sha1", "ctl-nonsecure", 2, false, true},
		{"ctl-nonsecure", "ctl-sha1", 2, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const names[] = {rows[i].before, rows[i].after};
		struct buf files[2];
		struct tl *l[2] = {0};
		struct tl_diff d;
		struct err e;

		for (size_t j = 0; j < 2; j++) {
			char path[128];

			snprintf(path, sizeof(path), "vectors/tlv/%s.tlv", names[j]);
			files[j] = test_file(path);
			assert_int_equal(tl_parse(&l[j], buf_view(&files[j]), &e), 0);
		}
		assert_int_equal(tl_diff(&d, l[0], l[1], &e), 0);
		assert_int_equal(d.n, rows[i].n);
		assert_int_equal(d.signer_changed, rows[i].signer);
		assert_int_equal(d.mode_changed, rows[i].mode);
		tl_diff_free(&d);
		for (size_t j = 0; j < 2; j++) {
			tl_free(l[j]);
			buf_free(&files[j]);
		}
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
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_first_list),
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
