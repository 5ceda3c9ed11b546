/* From accepted to served: following the generations, and what stays when something fails. */
#include "server/provider/activate.h"

#include "common/file.h"
#include "server/provider/commit.h"
#include "trustfile/build.h"
#include "trustfile/cert.h"
#include "trustfile/testkit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TOKENS = 3 };

static struct test_key tokens[TOKENS], ccm;
static const struct log quiet = {.program = "test", .level = (enum log_level)0};

struct fixture {
	char root[64], folder[96], file[128], run[96];
	struct store *s;
	struct activator *a;
	struct buf der;
	uint32_t clock; /* of the next list */
	struct err e;
};

static void path_of(char *to, size_t size, const struct fixture *f, const char *name)
{
	snprintf(to, size, "%s/%s", f->root, name);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_cert cert = {.role = "ccm+tftp"};
	struct store_node pub = {.name = "pub",
				 .ip = "192.0.2.1",
				 .first = true,
				 .self = true,
				 .certs = &cert,
				 .ncerts = 1};

	assert_non_null(f);
	strcpy(f->root, "/tmp/activate_test.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	path_of(f->folder, sizeof(f->folder), f, "tftp");
	path_of(f->file, sizeof(f->file), f, "tftp/CTLFile.tlv");
	path_of(f->run, sizeof(f->run), f, "run");
	assert_int_equal(mkdir(f->folder, 0755), 0);
	assert_int_equal(mkdir(f->run, 0755), 0);
	f->clock = (uint32_t)time(NULL) - 1000;
	cert_der(&f->der, ccm.cert);
	cert.der = buf_view(&f->der);
	assert_int_equal(store_open(&f->s, f->root, STORE_CREATE, &f->e), 0);
	assert_int_equal(store_node_add(f->s, &pub, &f->e), 0);
	assert_int_equal(activator_new(&f->a, f->root, &quiet, &f->e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];

	activator_free(f->a);
	store_close(f->s);
	buf_free(&f->der);
	unlink(f->file);
	rmdir(f->folder);
	rmdir(f->run);
	path_of(path, sizeof(path), f, "store.db");
	unlink(path);
	assert_int_equal(rmdir(f->root), 0);
	free(f);
	return 0;
}

/* A list of two tokens, signed by one of them. */
static struct buf list_of(struct fixture *f, int signer, int other)
{
	const struct tl_entry entries[] = {
		{.role = TL_SAST, .dns = "", .has_ip = true, .cert = tokens[signer].cert},
		{.role = TL_SAST, .dns = "", .has_ip = true, .cert = tokens[other].cert},
		{.role = TL_CCM_TFTP,
		 .dns = "pub",
		 .has_ip = true,
		 .ip = {192, 0, 2, 1},
		 .cert = ccm.cert},
	};
	const struct tl_plan plan = {.filename = TL_CTL_NAME,
				     .digest = TL_SHA1,
				     .timestamp = f->clock++,
				     .signer = tokens[signer].cert,
				     .entries = entries,
				     .n = 3};
	struct buf file = {0};

	assert_int_equal(tl_build(&file, &plan, pkey_sign, tokens[signer].key, &f->e), 0);
	return file;
}

/* Through the front door. */
static void push(struct fixture *f, int64_t expected, int signer, int other)
{
	struct buf file = list_of(f, signer, other);
	struct commit c = {
		.user = "anna", .address = "::1", .expected = expected, .list = buf_view(&file)};

	if (commit_ctl(&c, f->s, &quiet, &f->e))
		fail_msg("%s", f->e.what);
	assert_int_equal(c.generation, expected + 1);
	buf_free(&file);
}

/* Past every check, as a broken or conquered first node would. */
static void smuggle(struct fixture *f, int64_t expected, int signer, int other)
{
	struct store_expected at = {.generation = expected};
	struct store_ctl c = {
		.time = 1, .mixed = true, .user = "eve", .file = list_of(f, signer, other)};

	assert_int_equal(store_cluster_revision(f->s, &at.revision, &f->e), 0);
	assert_int_equal(store_ctl_commit(f->s, &at, &c, &f->e), 0);
	store_ctl_free(&c);
}

static void assert_served(struct fixture *f, int64_t generation)
{
	struct store_active active;
	struct store_ctl c;
	struct buf file = {0};

	assert_int_equal(store_active_get(f->s, &active, &f->e), 0);
	assert_int_equal(active.generation, generation);
	assert_int_equal(store_ctl_at(f->s, generation, &c, &f->e), 0);
	assert_true(span_eq(buf_view(&active.file), buf_view(&c.file)));
	assert_int_equal(file_read(f->file, TL_FILE_MAX, &file, &f->e), 0);
	assert_true(span_eq(buf_view(&file), buf_view(&c.file)));
	assert_int_equal(active.mixed, c.mixed);
	buf_free(&file);
	buf_free(&active.file);
	store_ctl_free(&c);
}

static void assert_state(struct fixture *f, int64_t generation, enum store_dist_state want)
{
	struct store_dist *list;
	size_t n;

	assert_int_equal(store_dist_list(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].generation, generation);
	assert_int_equal(list[0].state, want);
	assert_true(want != STORE_FAILED || strlen(list[0].detail) > 20);
	free(list);
}

static void test_nothing_to_do(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_int_not_equal(access(f->file, F_OK), 0);
}

static void test_each_generation(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	push(f, 0, 0, 1);
	assert_state(f, 1, STORE_PENDING);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 1);
	assert_state(f, 1, STORE_ACTIVE);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	push(f, 1, 1, 0);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 2);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 2);
}

/* The newest list is signed by a token that only the one in between made known. */
static void test_following_several_generations(void **state)
{
	struct fixture *f = *state;

	push(f, 0, 0, 1);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	push(f, 1, 1, 2);
	push(f, 2, 2, 1);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 3);
	assert_state(f, 3, STORE_ACTIVE);
}

static void test_a_forged_generation_is_not_served(void **state)
{
	struct fixture *f = *state;

	push(f, 0, 0, 1);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	smuggle(f, 1, 2, 1);
	assert_int_equal(activate(f->a, f->s, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "ctl-unknown-signer");
	assert_served(f, 1);
	assert_state(f, 2, STORE_FAILED);
	/* Nor is anything that builds on it. */
	smuggle(f, 2, 2, 0);
	assert_int_equal(activate(f->a, f->s, &f->e), ERR_REFUSED);
	assert_served(f, 1);
}

static void test_a_file_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	char away[128];

	push(f, 0, 0, 1);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	push(f, 1, 1, 0);
	path_of(away, sizeof(away), f, "away");
	assert_int_equal(rename(f->folder, away), 0);
	assert_int_equal(activate(f->a, f->s, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "file-write");
	assert_state(f, 2, STORE_FAILED);
	assert_int_equal(rename(away, f->folder), 0);
	assert_served(f, 1);
	/* It is taken up again. */
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 2);
	assert_state(f, 2, STORE_ACTIVE);
}

/* Makes every change of the active list fail, as a full disk would. */
static void break_store(const struct fixture *f, const char *sql)
{
	char path[128];
	sqlite3 *db;

	path_of(path, sizeof(path), f, "store.db");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_a_store_that_cannot_be_written(void **state)
{
	static const char breaks[] = "CREATE TRIGGER broken BEFORE INSERT ON active"
				     " BEGIN SELECT raise(ABORT, 'broken'); END";
	struct fixture *f = *state;

	push(f, 0, 0, 1);
	break_store(f, breaks);
	assert_int_equal(activate(f->a, f->s, &f->e), ERR_FAILED);
	assert_int_not_equal(access(f->file, F_OK), 0);
	break_store(f, "DROP TRIGGER broken");
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 1);

	push(f, 1, 1, 0);
	break_store(f, breaks);
	assert_int_equal(activate(f->a, f->s, &f->e), ERR_FAILED);
	assert_served(f, 1);
	break_store(f, "DROP TRIGGER broken");
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 2);
}

static void test_a_file_that_was_tampered_with(void **state)
{
	struct fixture *f = *state;

	push(f, 0, 0, 1);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_int_equal(file_write(f->file, span_of("x", 1), 0644, &f->e), 0);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 1);
	assert_int_equal(unlink(f->file), 0);
	assert_int_equal(activate(f->a, f->s, &f->e), 0);
	assert_served(f, 1);
}

static void test_a_stale_commit(void **state)
{
	struct fixture *f = *state;
	struct buf file = list_of(f, 0, 1);
	struct commit c = {
		.user = "anna", .address = "::1", .expected = 7, .list = buf_view(&file)};

	assert_int_equal(commit_ctl(&c, f->s, &quiet, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "stale-generation");
	assert_int_equal(c.present, 0);
	c.expected = 0;
	assert_int_equal(commit_ctl(&c, f->s, &quiet, &f->e), 0);
	assert_int_equal(commit_ctl(&c, f->s, &quiet, &f->e), ERR_CONFLICT);
	assert_int_equal(c.present, 1);
	c.expected = 1;
	assert_int_equal(commit_ctl(&c, f->s, &quiet, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "ctl-unchanged");
	buf_free(&file);
}

static int make_keys(void **state)
{
	static const char *const names[TOKENS] = {"one", "two", "three"};

	(void)state;
	for (int i = 0; i < TOKENS; i++)
		tokens[i] = test_key_rsa(1024, names[i]);
	ccm = test_key_rsa(1024, "ccm");
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (int i = 0; i < TOKENS; i++)
		test_key_free(&tokens[i]);
	test_key_free(&ccm);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_to_do),
		T(test_each_generation),
		T(test_following_several_generations),
		T(test_a_forged_generation_is_not_served),
		T(test_a_file_that_cannot_be_written),
		T(test_a_store_that_cannot_be_written),
		T(test_a_file_that_was_tampered_with),
		T(test_a_stale_commit),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
