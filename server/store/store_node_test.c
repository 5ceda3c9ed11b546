/* Nodes that come, change and go; invitations; and what depends on them. */
#include "server/store/store_priv.h"
#include "server/store/store_tftp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char root[64];
	struct store *s;
	struct store_node pub, sub;
	struct err e;
};

static struct store_cert certs[] = {{.role = "provider", .der = {(const uint8_t *)"one", 3}},
				    {.role = "ccm+tftp", .der = {(const uint8_t *)"two", 3}}};

static struct store_node node_of(const char *name, const char *ip)
{
	struct store_node n = {.certs = certs, .ncerts = 2};

	snprintf(n.name, sizeof(n.name), "%s", name);
	snprintf(n.ip, sizeof(n.ip), "%s", ip);
	return n;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->root, "/tmp/store_node_test.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(store_open(&f->s, f->root, STORE_CREATE, &f->e), 0);
	assert_int_equal(store_cluster_name_set(f->s, "test", &f->e), 0);
	f->pub = node_of("pub", "192.0.2.1");
	f->pub.first = f->pub.self = true;
	f->sub = node_of("sub", "192.0.2.2");
	assert_int_equal(store_node_add(f->s, &f->pub, &f->e), 0);
	assert_int_equal(store_node_add(f->s, &f->sub, &f->e), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm"};
	struct fixture *f = *state;
	char path[128];

	store_close(f->s);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->root, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->root), 0);
	free(f);
	return 0;
}

static int64_t revision(struct fixture *f)
{
	int64_t r;

	assert_int_equal(store_cluster_revision(f->s, &r, &f->e), 0);
	return r;
}

/* ---- changes ---- */

static void test_uids(void **state)
{
	struct fixture *f = *state;
	struct store_node again = f->sub;

	assert_int_equal(strlen(f->pub.uid), STORE_UID_MAX - 1);
	assert_string_not_equal(f->pub.uid, f->sub.uid);
	strcpy(again.name, "other");
	assert_int_equal(store_node_add(f->s, &again, &f->e), ERR_CONFLICT);
	again.uid[0] = '\0';
	strcpy(again.name, "sub");
	assert_int_equal(store_node_add(f->s, &again, &f->e), ERR_CONFLICT);
}

static void test_update(void **state)
{
	struct fixture *f = *state;
	struct store_cert renewed[] = {certs[0],
				       {.role = "ccm+tftp", .der = {(const uint8_t *)"new", 3}}};
	struct store_node n = f->sub, there;
	int64_t before = revision(f);
	bool changed = true;

	assert_int_equal(store_node_update(f->s, &n, &changed, &f->e), 0);
	assert_false(changed);
	assert_int_equal(revision(f), before);

	n.certs = renewed;
	strcpy(n.name, "sub-b");
	strcpy(n.provider, "192.0.2.2:2444");
	assert_int_equal(store_node_update(f->s, &n, &changed, &f->e), 0);
	assert_true(changed);
	assert_true(revision(f) > before);
	assert_int_equal(store_node_get(f->s, "sub-b", &there, &f->e), 0);
	assert_string_equal(there.provider, "192.0.2.2:2444");
	assert_true(span_eq(store_node_cert(&there, "ccm+tftp")->der, renewed[1].der));
	assert_null(store_node_cert(&there, "capf"));
	store_node_free(&there);

	before = revision(f);
	strcpy(n.name, "pub");
	assert_int_equal(store_node_update(f->s, &n, &changed, &f->e), ERR_CONFLICT);
	memset(n.uid, '0', STORE_UID_MAX - 1);
	assert_int_equal(store_node_update(f->s, &n, &changed, &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "no-node");
	assert_int_equal(revision(f), before);
}

static void test_remove(void **state)
{
	struct fixture *f = *state;
	struct store_node n;
	int64_t before = revision(f);

	assert_int_equal(store_node_remove(f->s, "pub", &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "node-needed");
	assert_int_equal(store_node_remove(f->s, "nobody", &f->e), ERR_FAILED);
	assert_int_equal(store_node_remove(f->s, "sub", &f->e), 0);
	assert_true(revision(f) > before);
	assert_int_equal(store_node_get(f->s, "sub", &n, &f->e), ERR_FAILED);
	assert_int_equal(store_node_self(f->s, &n, &f->e), 0);
	assert_string_equal(n.name, "pub");
	store_node_free(&n);
}

/* ---- lists and nodes ---- */

static struct store_ctl list_of(const char *text)
{
	struct store_ctl c = {.time = 1, .user = "anna"};

	buf_str(&c.file, text);
	buf_str(&c.difference, "-");
	return c;
}

static void test_a_node_changes_during_a_commit(void **state)
{
	struct fixture *f = *state;
	struct store_expected at = {.revision = revision(f)};
	struct store_ctl c = list_of("list"), none;

	assert_int_equal(store_node_remove(f->s, "sub", &f->e), 0);
	assert_int_equal(store_ctl_commit(f->s, &at, &c, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "stale-cluster");
	assert_int_equal(store_ctl_current(f->s, &none, &f->e), 0);
	assert_int_equal(none.generation, 0);
	at.revision = revision(f);
	assert_int_equal(store_ctl_commit(f->s, &at, &c, &f->e), 0);
	store_ctl_free(&c);
}

static void test_receive(void **state)
{
	static const struct {
		int64_t generation;
		int rc;
	} rows[] = {{3, 0}, {3, ERR_CONFLICT}, {2, ERR_CONFLICT}, {4, 0},
		    {9, 0}, {5, ERR_CONFLICT}};
	struct fixture *f = *state;
	struct store_dist *list;
	size_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_ctl c = list_of("list");

		c.generation = rows[i].generation;
		assert_int_equal(store_ctl_receive(f->s, &c, &f->e), rows[i].rc);
		store_ctl_free(&c);
	}
	/* Only this node's own state is known here. */
	assert_int_equal(store_dist_list(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "pub");
	assert_int_equal(list[0].generation, 9);
	assert_int_equal(list[0].state, STORE_PENDING);
	free(list);
}

/* ---- invitations ---- */

static struct store_invite invite_of(const char *name, uint8_t fill, int64_t expires)
{
	struct store_invite i = {.expires = expires};

	snprintf(i.name, sizeof(i.name), "%s", name);
	memset(i.hash, fill, sizeof(i.hash));
	return i;
}

static void test_invitations(void **state)
{
	struct fixture *f = *state;
	struct store_invite one = invite_of("new", 1, 100), two = invite_of("new", 2, 200),
			    late = invite_of("late", 3, 50), there;
	bool found;

	assert_int_equal(store_invite_get(f->s, "new", &there, &found, &f->e), 0);
	assert_false(found);
	assert_int_equal(store_invite_put(f->s, &late, 10, &f->e), 0);
	assert_int_equal(store_invite_put(f->s, &one, 60, &f->e), 0);
	assert_int_equal(store_invite_put(f->s, &two, 60, &f->e), 0);
	assert_int_equal(store_invite_get(f->s, "new", &there, &found, &f->e), 0);
	assert_true(found);
	assert_memory_equal(there.hash, two.hash, sizeof(two.hash));
	assert_int_equal(there.expires, 200);
	assert_string_equal(there.used_by, "");
	assert_int_equal(store_invite_get(f->s, "late", &there, &found, &f->e), 0);
	assert_false(found);
}

static void test_an_invitation_works_once(void **state)
{
	struct fixture *f = *state;
	struct store_invite i = invite_of("new", 1, 100), void_one = invite_of("new", 2, 100);
	struct store_node n = node_of("new", "192.0.2.3"), there;

	memset(n.uid, 'a', STORE_UID_MAX - 1);
	assert_int_equal(store_invite_put(f->s, &i, 0, &f->e), 0);
	assert_int_equal(store_invite_use(f->s, &void_one, &n, &f->e), ERR_REFUSED);
	assert_int_equal(store_invite_use(f->s, &i, &n, &f->e), 0);
	/* The answer got lost; the address is another one by now. */
	strcpy(n.ip, "192.0.2.33");
	assert_int_equal(store_invite_use(f->s, &i, &n, &f->e), 0);
	assert_int_equal(store_node_get(f->s, "new", &there, &f->e), 0);
	assert_string_equal(there.ip, "192.0.2.33");
	assert_string_equal(there.uid, n.uid);
	store_node_free(&there);
	/* Somebody else. */
	memset(n.uid, 'b', STORE_UID_MAX - 1);
	assert_int_equal(store_invite_use(f->s, &i, &n, &f->e), ERR_REFUSED);
	assert_string_equal(f->e.id, "invitation");
}

/* A name that is taken uses no invitation up. */
static void test_an_invitation_for_a_name_that_is_taken(void **state)
{
	struct fixture *f = *state;
	struct store_invite i = invite_of("sub", 1, 100), there;
	struct store_node n = node_of("sub", "192.0.2.3");
	bool found;

	memset(n.uid, 'a', STORE_UID_MAX - 1);
	assert_int_equal(store_invite_put(f->s, &i, 0, &f->e), 0);
	assert_int_equal(store_invite_use(f->s, &i, &n, &f->e), ERR_CONFLICT);
	assert_int_equal(store_invite_get(f->s, "sub", &there, &found, &f->e), 0);
	assert_string_equal(there.used_by, "");
}

/* ---- TFTP servers outside the cluster ---- */

static struct store_node tftp_of(const char *name, const char *ip, const char *der)
{
	static struct store_cert cert = {.role = STORE_TFTP_ROLE};
	struct store_node t = {.outside = true, .certs = &cert, .ncerts = 1};

	cert.der = span_of(der, strlen(der));
	snprintf(t.name, sizeof(t.name), "%s", name);
	snprintf(t.ip, sizeof(t.ip), "%s", ip);
	return t;
}

static void test_tftp_servers(void **state)
{
	struct fixture *f = *state;
	struct store_node t = tftp_of("alt", "192.0.2.9", "three"), *list;
	struct store_node node = node_of("alt", "192.0.2.3");
	int64_t before = revision(f);
	size_t n;

	assert_int_equal(store_tftp_put(f->s, &t, &f->e), 0);
	assert_true(revision(f) > before);
	t = tftp_of("alt", "192.0.2.10", "four");
	assert_int_equal(store_tftp_put(f->s, &t, &f->e), 0);
	assert_int_equal(store_servers(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].name, "pub");
	assert_false(list[1].outside);
	assert_true(list[2].outside);
	assert_string_equal(list[2].name, "alt");
	assert_string_equal(list[2].ip, "192.0.2.10");
	assert_int_equal(list[2].ncerts, 1);
	assert_string_equal(list[2].certs[0].role, "tftp");
	assert_true(span_eq(list[2].certs[0].der, span_of("four", 4)));
	store_nodes_free(list, n);
	/* It is no node: nothing is distributed to it. */
	assert_int_equal(store_nodes(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 2);
	store_nodes_free(list, n);

	/* A node of that name would hide it. */
	assert_int_equal(store_node_add(f->s, &node, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "node-exists");
	assert_non_null(strstr(f->e.hint, "remove-tftp alt"));

	before = revision(f);
	assert_int_equal(store_tftp_remove(f->s, "alt", &f->e), 0);
	assert_true(revision(f) > before);
	assert_int_equal(store_tftp_remove(f->s, "alt", &f->e), ERR_FAILED);
	assert_string_equal(f->e.id, "no-tftp-server");
	t = tftp_of("sub", "192.0.2.9", "three");
	assert_int_equal(store_tftp_put(f->s, &t, &f->e), ERR_CONFLICT);
	assert_string_equal(f->e.id, "node-exists");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_uids),
		T(test_update),
		T(test_remove),
		T(test_a_node_changes_during_a_commit),
		T(test_receive),
		T(test_invitations),
		T(test_an_invitation_works_once),
		T(test_an_invitation_for_a_name_that_is_taken),
		T(test_tftp_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
