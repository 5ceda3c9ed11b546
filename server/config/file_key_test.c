#include "server/config/file_key.h"

#include "common/file.h"
#include "server/config/config_testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key that was replaced is taken up, once both files fit together. */
static void test_key_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct buf old = test_file("vectors/keys/ccm.pem"), neu = test_file("vectors/keys/tvs.pem");
	struct file_key_where where;
	struct file_key *key = NULL;
	struct file_signer signer;
	struct test_key tvs = test_key_load("tvs");
	char cert[128], keyfile[128];

	snprintf(cert, sizeof(cert), "%s/ccm.crt", f->state);
	snprintf(keyfile, sizeof(keyfile), "%s/ccm.key", f->state);
	where = (struct file_key_where){.key = keyfile, .cert = cert};
	assert_int_equal(file_key_open(&key, &where, &f->e), ERR_FAILED);
	OK(file_write(cert, buf_view(&old), 0600, &f->e));
	OK(file_write(keyfile, buf_view(&old), 0600, &f->e));
	OK(file_key_open(&key, &where, &f->e));
	OK(file_write(keyfile, buf_view(&neu), 0600, &f->e));
	file_key_refresh(key);
	file_signer_take(&signer, key);
	assert_int_equal(X509_cmp(signer.cert, f->ccm.cert), 0);
	file_signer_drop(&signer);
	OK(file_write(cert, buf_view(&neu), 0600, &f->e));
	file_key_refresh(key);
	file_signer_take(&signer, key);
	assert_int_equal(X509_cmp(signer.cert, tvs.cert), 0);
	file_signer_drop(&signer);
	file_key_close(key);
	test_key_free(&tvs);
	buf_free(&old);
	buf_free(&neu);
}

static void test_bad_keys(void **state)
{
	struct fixture *f = *state;
	const char *root = getenv("CTL_SOURCE_DIR");
	char ec[512], other[512];
	struct file_key *key = NULL;

	snprintf(ec, sizeof(ec), "%s/trustfile/vectors/keys/ccmec.pem", root ? root : ".");
	snprintf(other, sizeof(other), "%s/trustfile/vectors/keys/tvs.pem", root ? root : ".");
	assert_int_equal(file_key_open(&key, &(struct file_key_where){ec, ec}, &f->e), ERR_REFUSED);
	assert_int_equal(file_key_open(&key, &(struct file_key_where){f->path, other}, &f->e),
			 ERR_REFUSED);
	assert_int_equal(file_key_open(&key, &(struct file_key_where){f->path, NULL}, &f->e),
			 ERR_USAGE);
	assert_null(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_key_is_replaced),
		TEST(test_bad_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
