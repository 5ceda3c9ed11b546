#include "trustfile/listing.h"

#include "trustfile/testkit.h"

#include <string.h>

/* The listing of a vector as tl_verify judges it, with a fixed time of change. */
static struct buf listing_of(struct buf *file, const char *filename)
{
	struct tl *l = NULL;
	struct buf text = {0};
	struct err e;
	bool verified;

	assert_int_equal(tl_parse(&l, buf_view(file), &e), 0);
	verified = !tl_verify(l, filename, &e);
	tl_listing(&text, l, 1600000000, verified ? NULL : &e);
	assert_non_null(buf_cstr(&text));
	tl_free(l);
	buf_free(file);
	return text;
}

static void test_golden(void **state)
{
	struct buf file = test_file("vectors/tlv/ctl-sha1.tlv");
	struct buf text = listing_of(&file, TL_CTL_NAME);
	struct buf golden = test_file("testdata/ctl-sha1.listing");

	(void)state;
	assert_string_equal((const char *)text.data, buf_cstr(&golden));
	buf_free(&golden);
	buf_free(&text);
}

static void assert_has(const struct buf *text, const char *part)
{
	if (!strstr((const char *)text->data, part))
		fail_msg("\"%s\" is not in\n%s", part, (const char *)text->data);
}

static void test_not_verified(void **state)
{
	struct buf file = test_file("vectors/tlv/bad-signer-unlisted.tlv");
	struct buf text = listing_of(&file, TL_CTL_NAME);

	(void)state;
	assert_has(&text, "\nThe CTL file was NOT verified: the signer cn=\"SAST-TEST0003");
	assert_has(&text, "This etoken was not used to sign the CTL file.\n");
	assert_null(strstr((const char *)text.data, "was used"));
	assert_null(strstr((const char *)text.data, "successfully"));
	buf_free(&text);
}

static void test_itl(void **state)
{
	struct buf file = test_file("vectors/tlv/itl-hashform.tlv");
	struct buf text = listing_of(&file, TL_ITL_NAME);

	(void)state;
	assert_has(&text, "Parse ITL File\n");
	assert_has(&text, "4\tFUNCTION\t2\tTVS\n");
	assert_has(&text, "11\tCERTHASH\t20\t39 FD CE 22");
	assert_has(&text, "12\tHASHALGORITHM\t1\n");
	assert_has(&text, "This etoken was used to sign the ITL file.\n");
	assert_has(&text, "The ITL file was verified successfully.\n");
	buf_free(&text);
}

static void test_odd_content(void **state)
{
	struct test_key one = test_key_load("sast1"), two = test_key_load("sast2");
	struct buf file =
		test_list(TEST_START
			  "1c:0101 7e: 03{04'CN=\x1b[2J\xc3\xb6\\' 7e:02 05:11 06'CN=I'} " TEST_INFO
			  "S " TEST_END "P | " TEST_SAST TEST_SAST "R{04:0005 55:1234} "
			  "R{02'\xe2\x80\xa8' 04:0003 09C} ",
			  &one, &two, false);
	struct buf text = listing_of(&file, TL_CTL_NAME);

	(void)state;
	assert_has(&text, "28\tLISTVERSION\t2\t1.1\n126\tUNKNOWN\t\t0\n");
	assert_has(&text, "\tCN=\\x1b[2J\xc3\xb6\\\\\n126\tUNKNOWN\t\t1\n5\tSERIALNUMBER\t1\t11\n");
	assert_has(&text, "4\tFUNCTION\t2\t5\n85\tUNKNOWN\t\t2\n");
	assert_has(&text, "2\tDNSNAME\t\t4\t\\xe2\\x80\\xa8\n");
	buf_free(&text);
	test_key_free(&one);
	test_key_free(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_not_verified),
		cmocka_unit_test(test_itl),
		cmocka_unit_test(test_odd_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
