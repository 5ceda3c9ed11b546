#include "phone/own_cert.h"

#include "common/file.h"
#include "trustfile/testkit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A phone's folder that is gone after the test. */
static int set_up(void **state)
{
	char *dir = strdup("/tmp/ctl-phone.XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"lsc.pem", "lsc.key", "mic.pem", "mic.key"};
	char *dir = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = file_join(dir, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(dir);
	free(dir);
	return 0;
}

static void assert_secret(const char *dir, const char *name)
{
	char *path = file_join(dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(path);
}

static void what_is_saved_comes_back(void **state)
{
	const char *dir = *state;
	struct test_key k = test_key_load("phone");
	struct own_cert c;
	struct err e;

	assert_int_equal(own_cert_save(dir, OWN_LSC, k.cert, k.key, &e), 0);
	assert_secret(dir, "lsc.pem");
	assert_secret(dir, "lsc.key");
	assert_int_equal(own_cert_load(&c, dir, OWN_LSC, &e), 0);
	assert_int_equal(X509_cmp(c.cert, k.cert), 0);
	assert_int_equal(EVP_PKEY_eq(c.key, k.key), 1);
	assert_string_equal(c.hash, "0e836369fdcf000f12cee03baa2a8b4a");
	own_cert_free(&c);

	assert_int_equal(own_cert_load(&c, dir, OWN_MIC, &e), 0);
	assert_null(c.cert);
	assert_string_equal(c.hash, "");

	assert_int_equal(own_cert_remove(dir, OWN_LSC, &e), 0);
	assert_int_equal(own_cert_remove(dir, OWN_LSC, &e), 0);
	assert_int_equal(own_cert_load(&c, dir, OWN_LSC, &e), 0);
	assert_null(c.cert);
	test_key_free(&k);
}

static void put(const char *dir, const char *name, const char *text)
{
	char *path = file_join(dir, name);
	struct err e;

	assert_int_equal(file_write(path, span_of(text, strlen(text)), 0600, &e), 0);
	free(path);
}

static void assert_unusable(const char *dir)
{
	struct own_cert c;
	struct err e;

	assert_int_equal(own_cert_load(&c, dir, OWN_MIC, &e), ERR_FAILED);
	assert_string_equal(e.id, "own-certificate");
	assert_non_null(strstr(e.what, dir));
	assert_true(e.hint[0] != '\0');
	assert_null(c.cert);
	assert_null(c.key);
}

static void what_is_no_pair_is_told(void **state)
{
	const char *dir = *state;
	struct test_key phone = test_key_load("phone"), other = test_key_load("ccm");
	struct err e;

	put(dir, "mic.pem", "");
	assert_unusable(dir);
	assert_int_equal(own_cert_save(dir, OWN_MIC, phone.cert, other.key, &e), 0);
	assert_unusable(dir);
	put(dir, "mic.key", "no key");
	assert_unusable(dir);
	assert_int_equal(own_cert_remove(dir, OWN_MIC, &e), 0);
	assert_int_equal(own_cert_save(dir, OWN_MIC, phone.cert, phone.key, &e), 0);
	put(dir, "mic.pem", "no certificate");
	assert_unusable(dir);
	test_key_free(&phone);
	test_key_free(&other);
}

static void a_folder_that_cannot_be_written(void **state)
{
	struct test_key k = test_key_load("phone");
	struct err e;

	(void)state;
	assert_int_equal(own_cert_save("/proc/ctl-phone", OWN_LSC, k.cert, k.key, &e), ERR_FAILED);
	test_key_free(&k);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_comes_back),
		TEST(what_is_no_pair_is_told),
		TEST(a_folder_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
