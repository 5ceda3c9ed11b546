#include "common/testkit.h"
#include "server/store/notify.h"
#include "server/store/password.h"
#include "server/store/store_priv.h"

#include <openssl/evp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of its own, with a store and two handles on it. */
struct fixture {
	char root[64];
	char state[80];
	struct store *a, *b;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->root, "/tmp/store_test.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->state, sizeof(f->state), "%s/state", f->root);
	assert_int_equal(store_open(&f->a, f->state, STORE_CREATE, &f->e), 0);
	assert_int_equal(store_open(&f->b, f->state, STORE_WRITE, &f->e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->a);
	store_close(f->b);
	assert_int_equal(test_folder_remove(f->root), 0);
	free(f);
	return 0;
}

/* ---- opening ---- */

static void test_open_makes_a_private_wal_store(void **state)
{
	struct fixture *f = *state;
	char path[128], mode[16];
	struct stat st;
	struct query q;

	snprintf(path, sizeof(path), "%s/store.db", f->state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	query_start(&q, f->b, "PRAGMA journal_mode");
	assert_true(query_row(&q));
	query_text(&q, mode, sizeof(mode));
	assert_int_equal(query_end(&q, "", &f->e), 0);
	assert_string_equal(mode, "wal");

	query_start(&q, f->b, "PRAGMA synchronous");
	assert_true(query_row(&q));
	assert_int_equal(query_int(&q), 2);
	assert_int_equal(query_end(&q, "", &f->e), 0);
}

static void test_open_without_a_store(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;

	assert_int_equal(store_open(&s, "/nonexistent", STORE_WRITE, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "no-store");
	assert_non_null(strstr(f->e.hint, "ctladmin node init"));
	assert_int_equal(store_open(&s, "/nonexistent", STORE_READ, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "no-store");
	assert_null(s);
}

static void test_open_of_something_else(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/store.db", f->root);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no store ", file);
	fclose(file);
	assert_int_equal(store_open(&s, f->root, STORE_WRITE, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "store");
	assert_null(s);
}

static void test_open_of_a_newer_schema(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;

	assert_int_equal(sqlite3_exec(f->a->db, "PRAGMA user_version = 999", NULL, NULL, NULL),
			 SQLITE_OK);
	for (int access = STORE_CREATE; access <= STORE_READ; access++) {
		assert_int_equal(store_open(&s, f->state, (enum store_access)access, &f->e),
				 ERR_FAILED);
		assert_string_equal(f->e.id, "store-version");
		assert_non_null(strstr(f->e.what, "999"));
	}
	assert_null(s);
}

static void test_open_of_an_older_schema(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	char name[STORE_NAME_MAX];
	char dir[128], path[160];
	FILE *empty;

	/* An empty file is a store at version 0. */
	snprintf(dir, sizeof(dir), "%s/old", f->root);
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/store.db", dir);
	empty = fopen(path, "w");
	assert_non_null(empty);
	fclose(empty);

	assert_int_equal(store_open(&s, dir, STORE_READ, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "store-version");
	assert_int_equal(store_open(&s, dir, STORE_WRITE, &f->e), 0);
	assert_int_equal(store_cluster_name(s, name, &f->e), 0);
	store_close(s);
	assert_int_equal(store_open(&s, dir, STORE_READ, &f->e), 0);
	store_close(s);
}

static void test_a_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	char name[STORE_NAME_MAX];

	assert_int_equal(store_cluster_name_set(f->a, "north", &f->e), 0);
	assert_int_equal(store_open(&s, f->state, STORE_READ, &f->e), 0);
	assert_int_equal(store_cluster_name(s, name, &f->e), 0);
	assert_string_equal(name, "north");
	assert_int_equal(store_cluster_name_set(s, "south", &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "store");
	store_close(s);
}

static void test_change_counter(void **state)
{
	struct fixture *f = *state;
	int64_t a0, a1, a2, b0, b1;

	assert_int_equal(store_change_counter(f->a, &a0, &f->e), 0);
	assert_int_equal(store_change_counter(f->b, &b0, &f->e), 0);
	assert_int_equal(store_cluster_name_set(f->a, "one", &f->e), 0);
	assert_int_equal(store_change_counter(f->a, &a1, &f->e), 0);
	assert_int_equal(store_change_counter(f->b, &b1, &f->e), 0);
	assert_true(a1 > a0);
	assert_true(b1 > b0);
	assert_int_equal(store_change_counter(f->a, &a2, &f->e), 0);
	assert_true(a2 == a1);
}

/* ---- administrators ---- */

static void test_users(void **state)
{
	struct fixture *f = *state;
	struct store_user u = {.name = "anna", .role = "officer", .hash = "$y$j9T$x"};
	struct store_user got;
	bool found = true;

	assert_int_equal(store_user_get(f->a, "anna", &got, &found, &f->e), 0);
	assert_false(found);
	assert_int_equal(store_user_add(f->a, &u, &f->e), 0);
	assert_int_equal(store_user_get(f->b, "anna", &got, &found, &f->e), 0);
	assert_true(found);
	assert_string_equal(got.name, "anna");
	assert_string_equal(got.role, "officer");
	assert_string_equal(got.hash, "$y$j9T$x");

	assert_int_equal(store_user_add(f->b, &u, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "user-exists");
	assert_int_equal(store_user_get(f->a, "Anna", &got, &found, &f->e), 0);
	assert_false(found);

	strcpy(u.name, "bert");
	strcpy(u.role, "king");
	assert_int_equal(store_user_add(f->a, &u, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "store");
}

static void test_passwords(void **state)
{
	struct fixture *f = *state;
	char text[] = "correct horse", other[] = "correct horsf", shorter[] = "correct";
	const struct secret right = {text, strlen(text)};
	const struct secret wrong[] = {{other, strlen(other)}, {shorter, strlen(shorter)}};
	char hash[STORE_HASH_MAX], again[STORE_HASH_MAX];

	assert_int_equal(password_hash(hash, &right, &f->e), 0);
	assert_int_equal(password_hash(again, &right, &f->e), 0);
	assert_memory_equal(hash, "$y$", 3);
	assert_string_not_equal(hash, again);
	assert_true(password_matches(&right, hash));
	assert_true(password_matches(&right, again));
	for (size_t i = 0; i < 2; i++)
		assert_false(password_matches(&wrong[i], hash));
	assert_false(password_matches(&right, NULL));
	assert_false(password_matches(&right, ""));
	assert_false(password_matches(&right, "*0"));
	assert_false(password_matches(&right, "plain text"));
}

/* ---- nodes ---- */

static const uint8_t der_one[] = {1, 2, 3}, der_two[] = {4};

static struct store_node node_of(const char *name, bool first, struct store_cert *certs, size_t n)
{
	struct store_node node = {.first = first, .self = first, .certs = certs, .ncerts = n};

	snprintf(node.name, sizeof(node.name), "%s", name);
	snprintf(node.ip, sizeof(node.ip), "%s", first ? "127.0.0.1" : "");
	return node;
}

static void test_nodes(void **state)
{
	struct fixture *f = *state;
	struct store_cert certs[] = {{"ccm+tftp", span_of(der_one, sizeof(der_one))},
				     {"capf", span_of(der_two, sizeof(der_two))}};
	struct store_node sub = node_of("asub", false, NULL, 0);
	struct store_node pub = node_of("pub", true, certs, 2);
	struct store_node second = node_of("usurper", true, NULL, 0);
	struct store_node *list;
	size_t n;

	assert_int_equal(store_nodes(f->a, &list, &n, &f->e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_node_add(f->a, &sub, &f->e), 0);
	assert_int_equal(store_node_add(f->a, &pub, &f->e), 0);
	assert_true(pub.id != sub.id);

	assert_int_equal(store_nodes(f->b, &list, &n, &f->e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "pub");
	assert_string_equal(list[0].ip, "127.0.0.1");
	assert_true(list[0].first && list[0].self && list[0].id == pub.id);
	assert_int_equal(list[0].ncerts, 2);
	assert_string_equal(list[0].certs[0].role, "ccm+tftp");
	assert_true(span_eq(list[0].certs[0].der, certs[0].der));
	assert_string_equal(list[0].certs[1].role, "capf");
	assert_true(span_eq(list[0].certs[1].der, certs[1].der));
	assert_string_equal(list[1].name, "asub");
	assert_false(list[1].first || list[1].self);
	assert_int_equal(list[1].ncerts, 0);
	store_nodes_free(list, n);

	assert_int_equal(store_node_add(f->a, &pub, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "node-exists");
	assert_int_equal(store_node_add(f->a, &second, &f->e), ERR_FAILED);
}

static void test_cluster_name(void **state)
{
	struct fixture *f = *state;
	char name[STORE_NAME_MAX];

	assert_int_equal(store_cluster_name(f->a, name, &f->e), 0);
	assert_string_equal(name, "");
	assert_int_equal(store_cluster_name_set(f->a, "north", &f->e), 0);
	assert_int_equal(store_cluster_name_set(f->b, "south", &f->e), 0);
	assert_int_equal(store_cluster_name(f->a, name, &f->e), 0);
	assert_string_equal(name, "south");
}

/* ---- the CTL ---- */

static struct store_ctl ctl_of(const char *text)
{
	struct store_ctl c = {
		.time = 1700000000,
		.mixed = true,
		.user = "anna",
		.address = "192.0.2.1",
		.signer = {.subject = "CN=SAST 1", .issuer = "CN=CA", .serial = "0badcafe"},
	};

	buf_str(&c.file, text);
	buf_str(&c.difference, "+ ");
	buf_str(&c.difference, text);
	return c;
}

static int commit(struct store *s, int64_t expected, const char *text, struct err *e)
{
	struct store_expected at = {.generation = expected};
	struct store_ctl c = ctl_of(text);
	int rc;

	assert_int_equal(store_cluster_revision(s, &at.revision, e), 0);
	rc = store_ctl_commit(s, &at, &c, e);
	if (!rc)
		assert_int_equal(c.generation, expected + 1);
	store_ctl_free(&c);
	return rc;
}

static void assert_current(struct store *s, int64_t generation, const char *text)
{
	struct store_ctl c;
	struct err e;

	assert_int_equal(store_ctl_current(s, &c, &e), 0);
	assert_int_equal(c.generation, generation);
	assert_true(span_eq(buf_view(&c.file), span_of(text, strlen(text))));
	store_ctl_free(&c);
}

static void test_ctl_commit_and_read(void **state)
{
	struct fixture *f = *state;
	struct store_ctl c;
	uint8_t digest[32];

	assert_current(f->a, 0, "");
	assert_int_equal(commit(f->a, 0, "list one", &f->e), 0);
	assert_int_equal(store_ctl_current(f->b, &c, &f->e), 0);
	assert_int_equal(c.generation, 1);
	assert_int_equal(c.time, 1700000000);
	assert_string_equal(c.user, "anna");
	assert_string_equal(c.address, "192.0.2.1");
	assert_true(c.mixed);
	assert_string_equal(c.signer.subject, "CN=SAST 1");
	assert_string_equal(c.signer.issuer, "CN=CA");
	assert_string_equal(c.signer.serial, "0badcafe");
	assert_int_equal(c.size, 8);
	EVP_Digest("list one", 8, digest, NULL, EVP_sha256(), NULL);
	assert_memory_equal(c.sha256, digest, sizeof(digest));
	assert_string_equal(buf_cstr(&c.file), "list one");
	assert_string_equal(buf_cstr(&c.difference), "+ list one");
	store_ctl_free(&c);
}

static void test_ctl_stale_generation(void **state)
{
	struct fixture *f = *state;
	static const int64_t wrong[] = {0, 2, -1, INT64_MAX - 1};

	assert_int_equal(commit(f->a, 1, "early", &f->e), ERR_CONFLICT);
	assert_int_equal(commit(f->a, 0, "one", &f->e), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(commit(f->b, wrong[i], "loser", &f->e), ERR_CONFLICT);
		assert_string_equal(f->e.id, "stale-generation");
	}
	assert_current(f->a, 1, "one");
	assert_int_equal(commit(f->b, 1, "two", &f->e), 0);
	assert_current(f->a, 2, "two");
}

static void test_ctl_at(void **state)
{
	struct fixture *f = *state;
	struct store_ctl c;

	assert_int_equal(commit(f->a, 0, "one", &f->e), 0);
	assert_int_equal(commit(f->a, 1, "two", &f->e), 0);
	assert_int_equal(store_ctl_at(f->b, 1, &c, &f->e), 0);
	assert_int_equal(c.generation, 1);
	assert_string_equal(buf_cstr(&c.file), "one");
	store_ctl_free(&c);
	assert_int_equal(store_ctl_at(f->b, 3, &c, &f->e), 0);
	assert_int_equal(c.generation, 0);
	assert_null(c.file.data);
}

static void test_ctl_history(void **state)
{
	struct fixture *f = *state;
	struct store_ctl *list;
	size_t n;

	for (int64_t i = 0; i < 5; i++)
		assert_int_equal(commit(i % 2 ? f->a : f->b, i, "again", &f->e), 0);
	assert_int_equal(store_ctl_history(f->a, 3, &list, &n, &f->e), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i].generation, 5 - (int64_t)i);
		assert_int_equal(list[i].size, 5);
		assert_int_equal(list[i].file.len, 0);
		assert_string_equal(buf_cstr(&list[i].difference), "+ again");
		store_ctl_free(&list[i]);
	}
	free(list);
}

/* ---- distribution and activation ---- */

static void assert_dist(struct store *s, int64_t generation, enum store_dist_state want,
			const char *detail)
{
	struct store_dist *list;
	struct err e;
	size_t n;

	assert_int_equal(store_dist_list(s, &list, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "pub");
	assert_int_equal(list[0].generation, generation);
	assert_string_equal(store_dist_word(list[0].state), store_dist_word(want));
	assert_string_equal(list[0].detail, detail);
	assert_true(list[0].time > 0);
	free(list);
}

static void test_distribution(void **state)
{
	struct fixture *f = *state;
	struct store_node pub = node_of("pub", true, NULL, 0);
	struct store_dist d = {.state = STORE_FAILED, .time = 5, .detail = "disk full"};

	assert_int_equal(store_node_add(f->a, &pub, &f->e), 0);
	assert_int_equal(commit(f->a, 0, "one", &f->e), 0);
	assert_dist(f->b, 1, STORE_PENDING, "");

	d.node = pub.id;
	d.generation = 1;
	assert_int_equal(store_dist_set(f->b, &d, &f->e), 0);
	assert_dist(f->a, 1, STORE_FAILED, "disk full");

	/* A late report about generation 1 says nothing of generation 2. */
	assert_int_equal(commit(f->a, 1, "two", &f->e), 0);
	assert_int_equal(store_dist_set(f->b, &d, &f->e), 0);
	assert_dist(f->a, 2, STORE_PENDING, "");

	d.node = 4711;
	assert_int_equal(store_dist_set(f->b, &d, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "store");
}

static void test_activation(void **state)
{
	struct fixture *f = *state;
	struct store_node pub = node_of("pub", true, NULL, 0);
	struct store_active a = {.generation = 1, .mixed = true}, got;

	assert_int_equal(store_active_get(f->a, &got, &f->e), 0);
	assert_int_equal(got.generation, 0);
	assert_int_equal(store_node_add(f->a, &pub, &f->e), 0);
	assert_int_equal(commit(f->a, 0, "one", &f->e), 0);

	buf_str(&a.file, "one");
	assert_int_equal(store_active_set(f->a, &a, "/x/CTLFile.tlv", &f->e), 0);
	assert_dist(f->b, 1, STORE_ACTIVE, "/x/CTLFile.tlv");
	assert_int_equal(store_active_get(f->b, &got, &f->e), 0);
	assert_int_equal(got.generation, 1);
	assert_true(got.mixed);
	assert_string_equal(buf_cstr(&got.file), "one");
	buf_free(&got.file);
	buf_free(&a.file);
}

/* ---- a full disk ---- */

static void test_disk_full_changes_nothing(void **state)
{
	struct store_expected at = {.generation = 1};
	struct fixture *f = *state;
	struct store_node pub = node_of("pub", true, NULL, 0);
	struct store_ctl big = ctl_of("big");
	char pragma[64];
	struct query q;

	assert_int_equal(store_node_add(f->a, &pub, &f->e), 0);
	assert_int_equal(commit(f->a, 0, "one", &f->e), 0);
	query_start(&q, f->a, "PRAGMA page_count");
	assert_true(query_row(&q));
	snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %d", (int)query_int(&q) + 2);
	assert_int_equal(query_end(&q, "", &f->e), 0);
	assert_int_equal(sqlite3_exec(f->a->db, pragma, NULL, NULL, NULL), SQLITE_OK);

	for (int i = 0; i < 60000; i++)
		buf_u8(&big.file, 'x');
	assert_int_equal(store_cluster_revision(f->a, &at.revision, &f->e), 0);
	assert_int_equal(store_ctl_commit(f->a, &at, &big, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "disk-full");
	assert_current(f->a, 1, "one");
	assert_current(f->b, 1, "one");
	assert_dist(f->b, 1, STORE_PENDING, "");

	/* The handle is usable again. */
	assert_int_equal(commit(f->b, 1, "two", &f->e), 0);
	assert_current(f->a, 2, "two");
	store_ctl_free(&big);
}

/* ---- notifications ---- */

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void notify_round(const char *state)
{
	struct err e;
	char run[512], sock[600];
	int one = -1, two = -1;

	snprintf(run, sizeof(run), "%s/run", state);
	assert_int_equal(mkdir(run, 0755), 0);
	assert_int_equal(notify_listen(&one, state, "tftp", &e), 0);
	/* A socket that a killed service left behind is replaced. */
	close(one);
	assert_int_equal(notify_listen(&one, state, "tftp", &e), 0);
	assert_int_equal(notify_listen(&two, state, "capf", &e), 0);
	assert_false(readable(one));

	for (int i = 0; i < 5000; i++)
		notify_all(state);
	assert_true(readable(one));
	assert_true(readable(two));
	notify_drain(one);
	assert_false(readable(one));
	assert_true(readable(two));

	snprintf(sock, sizeof(sock), "%s/tftp.sock", run);
	assert_int_equal(access(sock, F_OK), 0);
	notify_close(one, state, "tftp");
	assert_int_not_equal(access(sock, F_OK), 0);
	notify_close(two, state, "capf");
	notify_all(state);
}

static void test_notify(void **state)
{
	struct fixture *f = *state;
	char deep[256];

	notify_round(f->state);
	/* Deeper than an AF_UNIX address can say. */
	snprintf(deep, sizeof(deep), "%s/%0120d", f->root, 0);
	assert_int_equal(mkdir(deep, 0755), 0);
	notify_round(deep);
}

static void test_notify_without_a_folder(void **state)
{
	struct fixture *f = *state;
	char name[300];
	int fd;

	assert_int_equal(notify_listen(&fd, "/nonexistent", "tftp", &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "notify");
	notify_all("/nonexistent");

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(f->state + strlen(f->state), 8, "/run");
	assert_int_equal(mkdir(f->state, 0755), 0);
	f->state[strlen(f->state) - 4] = '\0';
	assert_int_equal(notify_listen(&fd, f->state, name, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "notify");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_open_makes_a_private_wal_store),
		T(test_open_without_a_store),
		T(test_open_of_something_else),
		T(test_open_of_a_newer_schema),
		T(test_open_of_an_older_schema),
		T(test_a_reader_cannot_write),
		T(test_change_counter),
		T(test_users),
		T(test_passwords),
		T(test_nodes),
		T(test_cluster_name),
		T(test_ctl_commit_and_read),
		T(test_ctl_stale_generation),
		T(test_ctl_at),
		T(test_ctl_history),
		T(test_distribution),
		T(test_activation),
		T(test_disk_full_changes_nothing),
		T(test_notify),
		T(test_notify_without_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
