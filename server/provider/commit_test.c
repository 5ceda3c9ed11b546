/* A cluster that changes while lists are committed: what is accepted is right at that moment. */
#include "server/provider/commit.h"

#include "server/cluster/node_desc.h"
#include "server/store/audit.h"
#include "server/store/store_tftp.h"
#include "trustfile/build.h"
#include "trustfile/cert.h"
#include "trustfile/testkit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	TOKENS = 2,
	COMMITS = 30,
	ACCEPTED = 5,    /* at least, or the test says nothing; */
	PATIENCE = 20,   /* then there are more tries */
	PAUSE_US = 2000, /* of the one who changes the cluster */
};

static struct test_key tokens[TOKENS], ccm, alt;
static const struct log quiet = {.program = "test", .level = (enum log_level)0};
static const char right_ip[] = "192.0.2.1", wrong_ip[] = "192.0.2.2";

struct fixture {
	char root[64];
	struct store *s;
	struct buf der;
	struct store_cert cert;
	struct store_node pub;
	uint32_t clock;
	atomic_bool stop;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->root, "/tmp/commit_test.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->clock = (uint32_t)time(NULL) - 1000;
	cert_der(&f->der, ccm.cert);
	f->cert = (struct store_cert){.role = "ccm+tftp", .der = buf_view(&f->der)};
	f->pub = (struct store_node){
		.name = "pub", .first = true, .self = true, .certs = &f->cert, .ncerts = 1};
	strcpy(f->pub.ip, right_ip);
	assert_int_equal(store_open(&f->s, f->root, STORE_CREATE, &f->e), 0);
	assert_int_equal(store_node_add(f->s, &f->pub, &f->e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[96];

	store_close(f->s);
	buf_free(&f->der);
	snprintf(path, sizeof(path), "%s/store.db", f->root);
	unlink(path);
	assert_int_equal(rmdir(f->root), 0);
	free(f);
	return 0;
}

/* With right_ip for the server, and another TFTP server outside the cluster where that is wished.
 */
static struct buf list_with(struct fixture *f, bool alternate)
{
	const struct tl_entry entries[] = {
		{.role = TL_SAST, .dns = "", .has_ip = true, .cert = tokens[0].cert},
		{.role = TL_SAST, .dns = "", .has_ip = true, .cert = tokens[1].cert},
		{.role = TL_CCM_TFTP,
		 .dns = "pub",
		 .has_ip = true,
		 .ip = {192, 0, 2, 1},
		 .cert = ccm.cert},
		{.role = TL_TFTP,
		 .dns = "alt",
		 .has_ip = true,
		 .ip = {192, 0, 2, 9},
		 .cert = alt.cert},
	};
	const struct tl_plan plan = {.filename = TL_CTL_NAME,
				     .digest = TL_SHA1,
				     .timestamp = f->clock++,
				     .signer = tokens[0].cert,
				     .entries = entries,
				     .n = alternate ? 4 : 3};
	struct buf file = {0};

	assert_int_equal(tl_build(&file, &plan, pkey_sign, tokens[0].key, &f->e), 0);
	return file;
}

static struct buf next_list(struct fixture *f)
{
	return list_with(f, false);
}

static void set_ip(struct store *s, struct store_node *n, const char *ip)
{
	bool changed;
	struct err e;

	snprintf(n->ip, sizeof(n->ip), "%s", ip);
	if (store_node_update(s, n, &changed, &e))
		abort();
}

/* Another process: ctladmin, again and again. */
static void *change_all_the_time(void *arg)
{
	struct fixture *f = arg;
	struct store_node n = f->pub;
	struct store *s;
	struct err e;

	if (store_open(&s, f->root, STORE_WRITE, &e))
		abort();
	while (!atomic_load(&f->stop)) {
		set_ip(s, &n, wrong_ip);
		set_ip(s, &n, right_ip);
		usleep(PAUSE_US);
	}
	store_close(s);
	return NULL;
}

/* What the audit log says in its order: every list was accepted at the right address. */
struct reading {
	bool right;
	int accepted, wrong;
};

static int read_row(const struct audit_row *row, void *arg, struct err *e)
{
	struct reading *r = arg;
	struct buf detail = {0};
	const char *text;

	(void)e;
	buf_span(&detail, buf_view(&row->detail));
	text = buf_cstr(&detail);
	if (!strcmp(row->action, "node"))
		r->right = text && strstr(text, right_ip);
	if (!strcmp(row->action, "ctl") && row->accepted) {
		r->accepted++;
		r->wrong += !r->right;
	}
	buf_free(&detail);
	return 0;
}

static void test_nodes_change_all_the_time(void **state)
{
	struct fixture *f = *state;
	struct reading r = {.right = true};
	int64_t generation = 0;
	pthread_t thread;
	int accepted = 0, strange = 0;

	assert_int_equal(pthread_create(&thread, NULL, change_all_the_time, f), 0);
	for (int i = 0; i < COMMITS || (accepted < ACCEPTED && i < PATIENCE * COMMITS); i++) {
		struct buf file = next_list(f);
		struct commit c = {.user = "anna",
				   .address = "::1",
				   .expected = generation,
				   .list = buf_view(&file)};
		const int rc = commit_ctl(&c, f->s, &quiet, &f->e);

		/* Either is an answer: the list is wrong now, or nobody can tell. */
		strange += rc && strcmp(f->e.id, "stale-cluster") != 0 &&
			   strncmp(f->e.id, "ctl-server", 10) != 0;
		accepted += !rc;
		generation += !rc;
		buf_free(&file);
	}
	atomic_store(&f->stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(strange, 0);
	assert_true(accepted >= ACCEPTED);
	assert_int_equal(audit_read(f->s, 0, SIZE_MAX / 2, read_row, &r, &f->e), 0);
	assert_int_equal(r.accepted, accepted);
	assert_int_equal(r.wrong, 0);
}

static void test_a_quiet_cluster(void **state)
{
	struct fixture *f = *state;
	struct buf file = next_list(f);
	struct commit c = {.user = "anna", .address = "::1", .list = buf_view(&file)};

	assert_int_equal(commit_ctl(&c, f->s, &quiet, &f->e), 0);
	assert_int_equal(c.generation, 1);
	assert_true(c.mixed);
	/* The same again: somebody was quicker. */
	assert_int_equal(commit_ctl(&c, f->s, &quiet, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "stale-generation");
	assert_int_equal(c.present, 1);
	buf_free(&file);
}

/* ---- TFTP servers outside the cluster ---- */

static size_t tftps(struct fixture *f)
{
	struct store_node *list;
	size_t n;

	assert_int_equal(store_tftps(f->s, &list, &n, &f->e), 0);
	store_nodes_free(list, n);
	return n;
}

static int commit_with(struct fixture *f, int64_t expected, bool in_list,
		       const struct store_node *coming, const char *const *going)
{
	struct buf file = list_with(f, in_list);
	struct commit c = {.user = "anna",
			   .address = "::1",
			   .expected = expected,
			   .list = buf_view(&file),
			   .tftps = coming,
			   .ntftps = coming ? 1 : 0,
			   .gone = going,
			   .ngone = going ? 1 : 0};
	const int rc = commit_ctl(&c, f->s, &quiet, &f->e);

	buf_free(&file);
	return rc;
}

static void test_a_tftp_server_comes_and_goes_with_its_list(void **state)
{
	static const char *const going[] = {"alt"};
	struct fixture *f = *state;
	struct store_node t;
	struct buf der = {0};

	cert_der(&der, alt.cert);
	assert_int_equal(tftp_desc_make(&t, "alt", "192.0.2.9", buf_view(&der), &f->e), 0);
	/* Nobody has said that it may be in the list. */
	assert_int_equal(commit_with(f, 0, true, NULL, NULL), ERR_REFUSED);
	assert_string_equal(f->e.id, "ctl-server-unknown");
	/* It was said, but the list does not have it: then the cluster does not, either. */
	assert_int_equal(commit_with(f, 0, false, &t, NULL), ERR_REFUSED);
	assert_string_equal(f->e.id, "ctl-server-missing");
	assert_int_equal(tftps(f), 0);
	assert_int_equal(commit_with(f, 0, true, &t, NULL), 0);
	assert_int_equal(tftps(f), 1);
	/* From now on it belongs to the cluster. */
	assert_int_equal(commit_with(f, 1, true, NULL, NULL), 0);
	assert_int_equal(commit_with(f, 2, false, NULL, NULL), ERR_REFUSED);
	assert_string_equal(f->e.id, "ctl-server-missing");
	/* Somebody was quicker: nothing goes. */
	assert_int_equal(commit_with(f, 1, false, NULL, going), ERR_CONFLICT);
	assert_int_equal(tftps(f), 1);
	assert_int_equal(commit_with(f, 2, false, NULL, going), 0);
	assert_int_equal(tftps(f), 0);
	store_node_free(&t);
	buf_free(&der);
}

static int load_keys(void **state)
{
	(void)state;
	tokens[0] = test_key_rsa(2048, "SAST 1");
	tokens[1] = test_key_rsa(2048, "SAST 2");
	ccm = test_key_rsa(2048, "pub");
	alt = test_key_rsa(2048, "alt");
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	test_key_free(&tokens[0]);
	test_key_free(&tokens[1]);
	test_key_free(&ccm);
	test_key_free(&alt);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_quiet_cluster, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nodes_change_all_the_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_tftp_server_comes_and_goes_with_its_list,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, load_keys, free_keys);
}
