/* Whatever is done to a list, it is never accepted again, and nothing breaks. */
#include "trustfile/diff.h"
#include "trustfile/listing.h"
#include "trustfile/testkit.h"

#include <stdlib.h>
#include <string.h>

/* Works on a copy of exactly that size, so that a sanitizer sees the first byte too many. */
static void assert_refused(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct buf text = {0};
	struct tl_diff d = {0};
	struct tl *l = NULL;
	struct err e;
	int rc;

	assert_non_null(copy);
	memcpy(copy, data, len);
	rc = tl_parse(&l, span_of(copy, len), &e);
	if (!rc) {
		rc = tl_verify(l, TL_CTL_NAME, &e);
		tl_listing(&text, l, 0, rc ? &e : NULL);
		assert_int_equal(tl_diff(&d, l, l, &e), 0);
		assert_int_equal(d.n, 0);
	}
	assert_int_equal(rc, ERR_REFUSED);
	tl_diff_free(&d);
	tl_free(l);
	buf_free(&text);
	free(copy);
}

static void test_every_byte(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct buf file = test_file("vectors/tlv/ctl-nopad.tlv");

	(void)state;
	for (size_t i = 0; i < file.len; i++) {
		for (size_t j = 0; j < sizeof(masks); j++) {
			file.data[i] ^= masks[j];
			assert_refused(file.data, file.len);
			file.data[i] ^= masks[j];
		}
	}
	buf_free(&file);
}

static void test_every_length(void **state)
{
	struct buf file = test_file("vectors/tlv/ctl-nopad.tlv");

	(void)state;
	for (size_t len = 0; len < file.len; len++)
		assert_refused(file.data, len);
	buf_u8(&file, 0);
	assert_refused(file.data, file.len);
	buf_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
