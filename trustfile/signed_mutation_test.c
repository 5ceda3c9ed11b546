/* Whatever is done to a signed or encrypted file, it is never accepted again, and nothing breaks.
 */
#include "trustfile/testkit.h"

#include "trustfile/encrypted.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *path, *name;
} files[] = {
	{"vectors/sgn/dialplan.xml.sgn", "dialplan.xml.sgn"},
	{"vectors/enc/sha512.enc.sgn", "SEP001122334455.cnf.xml.enc.sgn"},
};

enum { FILES = sizeof(files) / sizeof(files[0]) };

/* What the tests share. */
struct fixture {
	struct test_key ccm, phone;
	struct buf plain;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){test_key_load("ccm"), test_key_load("phone"),
			     test_file("vectors/sgn/SEP001122334455.cnf.xml")};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	test_key_free(&f->ccm);
	test_key_free(&f->phone);
	buf_free(&f->plain);
	return 0;
}

/* Even without a look at the signature, decryption gives the very text or nothing. */
static void assert_same_or_nothing(const struct sgn *s, const struct fixture *f)
{
	struct buf out = {0};
	struct err e;

	if (!enc_open(&out, s, f->phone.key, &e))
		assert_true(span_eq(buf_view(&out), buf_view(&f->plain)));
	else
		assert_string_equal(e.id, "enc-decrypt");
	buf_free(&out);
}

/* Works on a copy of exactly that size, so that a sanitizer sees the first byte too many. */
static void assert_refused(const struct fixture *f, const uint8_t *data, size_t len,
			   const char *name, bool open)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct sgn s;
	struct err e;
	int rc;

	assert_non_null(copy);
	memcpy(copy, data, len);
	rc = sgn_parse(&s, span_of(copy, len), sgn_kind(span_of(copy, len)), &e);
	if (!rc && open && s.kind == TF_ENC)
		assert_same_or_nothing(&s, f);
	if (!rc)
		rc = sgn_verify_with(&s, f->ccm.cert, name, &e);
	assert_int_equal(rc, ERR_REFUSED);
	free(copy);
}

static void test_every_byte(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	enum { OPEN_EVERY = 8 }; /* unwrapping is slow */

	for (size_t n = 0; n < FILES; n++) {
		struct buf file = test_file(files[n].path);

		for (size_t i = 0; i < file.len; i++) {
			const size_t j = i % 3;

			file.data[i] ^= masks[j];
			assert_refused(*state, file.data, file.len, files[n].name,
				       i % OPEN_EVERY == 0);
			file.data[i] ^= masks[j];
		}
		buf_free(&file);
	}
}

static void test_every_length(void **state)
{
	for (size_t n = 0; n < FILES; n++) {
		struct buf file = test_file(files[n].path);

		for (size_t len = 0; len < file.len; len++)
			assert_refused(*state, file.data, len, files[n].name, false);
		buf_u8(&file, 0);
		assert_refused(*state, file.data, file.len, files[n].name, true);
		buf_free(&file);
	}
}

/* The untouched files are accepted, or the tests above would prove nothing. */
static void test_untouched(void **state)
{
	const struct fixture *f = *state;

	for (size_t n = 0; n < FILES; n++) {
		struct buf file = test_file(files[n].path);
		struct sgn s;
		struct err e;

		assert_int_equal(sgn_parse(&s, buf_view(&file), sgn_kind(buf_view(&file)), &e), 0);
		assert_int_equal(sgn_verify_with(&s, f->ccm.cert, files[n].name, &e), 0);
		buf_free(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
