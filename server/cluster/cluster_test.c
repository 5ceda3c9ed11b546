/* What nodes tell each other: invitations, descriptions, bundles; and what they do not believe. */
#include "server/cluster/bundle.h"
#include "server/cluster/follow.h"
#include "server/cluster/invite.h"
#include "server/cluster/node_desc.h"
#include "server/store/store_tftp.h"

#include "common/base64.h"
#include "trustfile/build.h"
#include "trustfile/cert.h"
#include "trustfile/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TOKENS = 3, CLOCK = 1794000000 };

#define UID_FIRST "00000000000000000000000000000001"
#define UID_OTHER "00000000000000000000000000000002"
#define UID_SELF "00000000000000000000000000000003"

static struct test_key tokens[TOKENS], ccm;
static char ccm_text[4096]; /* base64 */

/* ---- invitations ---- */

static void test_invitation_both_ways(void **state)
{
	static const struct {
		const char *host, *cluster;
		uint16_t port;
	} rows[] = {
		{"192.0.2.1", "test", 2444},
		{"pub.example.org", "Überseehafen", 1},
		{"2001:db8::1", "", 65535},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct invite out = {.publisher.port = rows[i].port}, in;
		uint8_t hash[SHA256_LEN], again[SHA256_LEN];
		struct buf text = {0}, secret = {0};
		struct err e;

		snprintf(out.publisher.host, sizeof(out.publisher.host), "%s", rows[i].host);
		snprintf(out.cluster, sizeof(out.cluster), "%s", rows[i].cluster);
		memset(out.fingerprint, (int)i + 1, sizeof(out.fingerprint));
		assert_int_equal(invite_new(&out, hash, &e), 0);
		assert_int_equal(invite_write(&text, &out, &e), 0);
		if (invite_read(&in, buf_view(&text), &e))
			fail_msg("%s: %s", rows[i].host, e.what);
		assert_string_equal(in.publisher.host, rows[i].host);
		assert_int_equal(in.publisher.port, rows[i].port);
		assert_string_equal(in.cluster, rows[i].cluster);
		assert_memory_equal(in.fingerprint, out.fingerprint, SHA256_LEN);
		assert_memory_equal(in.secret, out.secret, INVITE_SECRET_LEN);

		invite_secret_text(&secret, &in);
		assert_true(invite_secret_hash(again, buf_cstr(&secret)));
		assert_memory_equal(hash, again, SHA256_LEN);
		buf_free(&text);
		buf_free(&secret);
	}
}

static void test_secrets_differ(void **state)
{
	struct invite a = {0}, b = {0};
	uint8_t hash[SHA256_LEN];
	struct err e;

	(void)state;
	assert_int_equal(invite_new(&a, hash, &e), 0);
	assert_int_equal(invite_new(&b, hash, &e), 0);
	assert_memory_not_equal(a.secret, b.secret, INVITE_SECRET_LEN);
}

/* What is no invitation: the right one, changed. */
static void test_invitation_refused(void **state)
{
	static const struct {
		const char *why, *tail;
		size_t keep; /* bytes of the fixed part */
		uint8_t form;
	} rows[] = {
		{"empty", "", 0, 1},
		{"the fixed part cut", "", 64, 1},
		{"nothing behind it", "", 65, 1},
		{"another form", "h:1\0c", 65, 2},
		{"no NUL", "host:1", 65, 1},
		{"no port", "host\0c", 65, 1},
		{"port 0", "host:0\0c", 65, 1},
		{"a bad port", "host:99999\0c", 65, 1},
		{"two NULs", "h:1\0c\0d", 65, 1},
	};
	static const size_t tails[] = {0, 0, 0, 5, 6, 6, 8, 12, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t fixed[65] = {rows[i].form};
		struct buf raw = {0}, text = {0};
		struct invite in;
		struct err e;

		buf_put(&raw, fixed, rows[i].keep);
		buf_put(&raw, rows[i].tail, tails[i]);
		base64_put(&text, buf_view(&raw), BASE64_URL);
		if (invite_read(&in, buf_view(&text), &e) != ERR_USAGE)
			fail_msg("taken: %s", rows[i].why);
		assert_string_equal(e.id, "invitation");
		buf_free(&raw);
		buf_free(&text);
	}
}

/* ---- descriptions ---- */

static json_t *node_doc(const char *uid, const char *name, bool publisher)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:[{s:s, s:s}, {s:s, s:s}]}", "uid", uid,
			 "name", name, "ip", "192.0.2.7", "provider", "192.0.2.7:2444", "publisher",
			 publisher, "certificates", "role", "provider", "der", ccm_text, "role",
			 "ccm+tftp", "der", ccm_text);
}

static void test_description_both_ways(void **state)
{
	json_t *doc = node_doc(UID_SELF, "sub1", false), *again;
	struct store_node n;
	struct err e;

	(void)state;
	if (node_desc_read(&n, doc, &e))
		fail_msg("%s", e.what);
	assert_string_equal(n.name, "sub1");
	assert_false(n.first);
	assert_int_equal(n.ncerts, 2);
	again = node_desc_json(&n);
	assert_true(json_equal(doc, again));
	json_decref(doc);
	json_decref(again);
	store_node_free(&n);
}

static void test_description_refused(void **state)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{"uid", ""},
		{"uid", "0000000000000000000000000000000g"},
		{"uid", "0000000000000000000000000000000A"},
		{"uid", "000000000000000000000000000000011"},
		{"name", ""},
		{"name", "a b"},
		{"name", "evil\nname"},
		{"name", "12345678901234567890123456789012345678901234567890123456789012345"},
		{"ip", "192.0.2"},
		{"ip", "host"},
		{"provider", "192.0.2.1"},
		{"provider", "192.0.2.1:0"},
		{"provider", "a b:1"},
	};
	struct store_node n;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *doc = node_doc(UID_SELF, "sub1", false);

		json_object_set_new(doc, rows[i].key, json_string(rows[i].value));
		if (node_desc_read(&n, doc, &e) != ERR_REFUSED)
			fail_msg("taken: %s \"%s\"", rows[i].key, rows[i].value);
		json_object_set_new(doc, rows[i].key, json_integer(1));
		assert_int_equal(node_desc_read(&n, doc, &e), ERR_REFUSED);
		json_decref(doc);
	}
	assert_int_equal(node_desc_read(&n, NULL, &e), ERR_REFUSED);
}

static void test_certificates_refused(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"[1]",
		"[{\"role\": \"provider\"}]",
		"[{\"role\": \"provider\", \"der\": \"AAAA\"}]",
		"[{\"role\": \"provider\", \"der\": \"not base64\"}]",
		"[{\"role\": \"provider\", \"der\": \"\"}]",
		"[{\"role\": \"0123456789abcdef\", \"der\": \"AAAA\"}]",
	};
	struct store_node n;
	json_t *doc;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		doc = node_doc(UID_SELF, "sub1", false);
		json_object_set_new(doc, "certificates", json_loads(bad[i], 0, NULL));
		if (node_desc_read(&n, doc, &e) != ERR_REFUSED)
			fail_msg("taken: %s", bad[i]);
		json_decref(doc);
	}
	/* A CAPF of its own would be trusted by every node. */
	doc = node_doc(UID_SELF, "sub1", false);
	json_object_set_new(json_array_get(json_object_get(doc, "certificates"), 1), "role",
			    json_string("capf"));
	assert_int_equal(node_desc_read(&n, doc, &e), ERR_REFUSED);
	assert_non_null(strstr(e.what, "CAPF"));
	json_object_set_new(doc, "publisher", json_true());
	assert_int_equal(node_desc_read(&n, doc, &e), 0);
	store_node_free(&n);
	json_decref(doc);
	/* Without the one that other nodes know it by. */
	doc = node_doc(UID_SELF, "sub1", false);
	json_array_remove(json_object_get(doc, "certificates"), 0);
	assert_int_equal(node_desc_read(&n, doc, &e), ERR_REFUSED);
	assert_non_null(strstr(e.what, "provider"));
	json_decref(doc);
}

/* ---- lists that follow ---- */

static struct buf list_of(int signer, int other, uint32_t when)
{
	const struct tl_entry entries[] = {
		{.role = TL_SAST, .dns = "", .has_ip = true, .cert = tokens[signer].cert},
		{.role = TL_SAST, .dns = "", .has_ip = true, .cert = tokens[other].cert},
		{.role = TL_CCM_TFTP, .dns = "pub", .has_ip = true, .cert = ccm.cert},
	};
	const struct tl_plan plan = {.filename = TL_CTL_NAME,
				     .digest = TL_SHA1,
				     .timestamp = when,
				     .signer = tokens[signer].cert,
				     .entries = entries,
				     .n = 3};
	struct buf file = {0};
	struct err e;

	assert_int_equal(tl_build(&file, &plan, pkey_sign, tokens[signer].key, &e), 0);
	return file;
}

static void test_follow(void **state)
{
	struct buf old = list_of(0, 1, CLOCK), next = list_of(1, 0, CLOCK + 1),
		   older = list_of(1, 0, CLOCK - 1), same_time = list_of(1, 0, CLOCK),
		   stranger = list_of(2, 0, CLOCK + 1);
	bool mixed = false;
	struct err e;

	(void)state;
	assert_int_equal(follow_step(span_of(NULL, 0), buf_view(&stranger), &mixed, &e), 0);
	assert_true(mixed);
	assert_int_equal(follow_step(buf_view(&old), buf_view(&next), &mixed, &e), 0);
	assert_int_equal(follow_step(buf_view(&old), buf_view(&same_time), &mixed, &e), 0);
	assert_int_equal(follow_step(buf_view(&old), buf_view(&old), &mixed, &e), 0);
	assert_int_equal(follow_step(buf_view(&old), buf_view(&older), &mixed, &e), ERR_REFUSED);
	assert_string_equal(e.id, "ctl-older");
	assert_int_equal(follow_step(buf_view(&old), buf_view(&stranger), &mixed, &e), ERR_REFUSED);
	assert_string_equal(e.id, "ctl-unknown-signer");
	assert_int_equal(follow_step(buf_view(&old), span_of("x", 1), &mixed, &e), ERR_REFUSED);
	buf_free(&old);
	buf_free(&next);
	buf_free(&older);
	buf_free(&same_time);
	buf_free(&stranger);
}

/* ---- bundles ---- */

struct fixture {
	char root[64];
	struct store *s;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	json_t *doc = node_doc(UID_SELF, "sub1", false);
	struct store_node self;

	assert_non_null(f);
	strcpy(f->root, "/tmp/cluster_test.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(store_open(&f->s, f->root, STORE_CREATE, &f->e), 0);
	assert_int_equal(store_cluster_name_set(f->s, "", &f->e), 0);
	assert_int_equal(node_desc_read(&self, doc, &f->e), 0);
	self.self = true;
	assert_int_equal(store_node_add(f->s, &self, &f->e), 0);
	store_node_free(&self);
	json_decref(doc);
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

static json_t *cluster_doc(const char *digest, json_t *nodes)
{
	return json_pack("{s:{s:s, s:s, s:o}}", "cluster", "name", "harbour", "digest", digest,
			 "nodes", nodes);
}

static json_t *three_nodes(void)
{
	return json_pack("[o, o, o]", node_doc(UID_FIRST, "pub", true),
			 node_doc(UID_OTHER, "sub2", false), node_doc(UID_SELF, "renamed", false));
}

static int take(struct fixture *f, json_t *doc, struct bundle_news *news)
{
	const int rc = bundle_take(doc, f->s, news, &f->e);

	json_decref(doc);
	return rc;
}

static void assert_names(struct fixture *f, const char *want)
{
	struct store_node *list;
	struct buf names = {0};
	size_t n;

	assert_int_equal(store_nodes(f->s, &list, &n, &f->e), 0);
	for (size_t i = 0; i < n; i++)
		buf_printf(&names, "%s%s", i ? " " : "", list[i].name);
	assert_string_equal(buf_cstr(&names), want);
	buf_free(&names);
	store_nodes_free(list, n);
}

static void test_bundle_describes(void **state)
{
	struct fixture *f = *state;
	struct bundle_news news;
	char name[STORE_NAME_MAX];
	json_t *nodes;

	assert_int_equal(take(f, cluster_doc("d1", three_nodes()), &news), 0);
	assert_true(news.described);
	/* What this node is called, it knows best itself. */
	assert_names(f, "pub sub1 sub2");
	assert_int_equal(store_cluster_name(f->s, name, &f->e), 0);
	assert_string_equal(name, "harbour");

	assert_int_equal(take(f, cluster_doc("d1", three_nodes()), &news), 0);
	assert_false(news.described);

	/* One left, the other took its name. */
	nodes = json_pack("[o, o]", node_doc(UID_FIRST, "sub2", true),
			  node_doc(UID_SELF, "sub1", false));
	assert_int_equal(take(f, cluster_doc("d2", nodes), &news), 0);
	assert_true(news.described);
	assert_names(f, "sub2 sub1");
}

/* TFTP servers outside the cluster: the description says which, all of them. */
static void test_bundle_describes_tftp_servers(void **state)
{
	struct fixture *f = *state;
	struct bundle_news news;
	struct store_node *list;
	json_t *doc = cluster_doc("d1", three_nodes()), *told;
	json_t *tftp = node_doc(UID_OTHER, "alt", false);
	json_t *der =
		json_object_get(json_array_get(json_object_get(tftp, "certificates"), 0), "der");
	char digest[STORE_DIGEST_TEXT];
	size_t n;

	json_object_set_new(
		json_object_get(doc, "cluster"), "tftp_servers",
		json_pack("[{s:s, s:s, s:O}]", "name", "alt", "ip", "192.0.2.9", "der", der));
	assert_int_equal(take(f, doc, &news), 0);
	assert_int_equal(store_tftps(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "alt");
	assert_string_equal(list[0].ip, "192.0.2.9");
	store_nodes_free(list, n);
	/* And it is told on as it was heard. */
	assert_int_equal(bundle_cluster(&told, f->s, digest, &f->e), 0);
	assert_true(json_equal(
		json_object_get(json_array_get(json_object_get(told, "tftp_servers"), 0), "der"),
		der));
	json_decref(told);

	doc = cluster_doc("d2", three_nodes());
	json_object_set_new(json_object_get(doc, "cluster"), "tftp_servers",
			    json_pack("[{s:s, s:s, s:s}]", "name", "a b", "ip", "", "der", "QQ=="));
	assert_int_equal(take(f, doc, &news), ERR_REFUSED);
	assert_string_equal(f->e.id, "node-description");
	/* It has become a node. */
	doc = json_pack("[o, o, o]", node_doc(UID_FIRST, "pub", true),
			node_doc(UID_OTHER, "alt", false), node_doc(UID_SELF, "sub1", false));
	assert_int_equal(take(f, cluster_doc("d3", doc), &news), 0);
	assert_names(f, "pub alt sub1");
	assert_int_equal(store_tftps(f->s, &list, &n, &f->e), 0);
	assert_int_equal(n, 0);
	store_nodes_free(list, n);
	json_decref(tftp);
}

static void test_bundle_names_swapped(void **state)
{
	struct fixture *f = *state;
	struct bundle_news news;
	json_t *nodes = json_pack("[o, o]", node_doc(UID_FIRST, "sub2", true),
				  node_doc(UID_OTHER, "pub", false));

	assert_int_equal(take(f, cluster_doc("d1", three_nodes()), &news), 0);
	assert_int_equal(take(f, cluster_doc("d2", nodes), &news), 0);
	assert_names(f, "sub2 pub sub1");
}

static void test_bundle_usurpers(void **state)
{
	struct fixture *f = *state;
	struct bundle_news news;

	assert_int_equal(take(f, cluster_doc("d1", three_nodes()), &news), 0);
	/* Another first node, none, two, this one. */
	assert_int_equal(
		take(f, cluster_doc("d2", json_pack("[o]", node_doc(UID_OTHER, "x", true))), &news),
		ERR_REFUSED);
	assert_int_equal(take(f,
			      cluster_doc("d2", json_pack("[o]", node_doc(UID_FIRST, "x", false))),
			      &news),
			 ERR_REFUSED);
	assert_int_equal(take(f,
			      cluster_doc("d2", json_pack("[o, o]", node_doc(UID_FIRST, "x", true),
							  node_doc(UID_OTHER, "y", true))),
			      &news),
			 ERR_REFUSED);
	assert_int_equal(
		take(f, cluster_doc("d2", json_pack("[o]", node_doc(UID_SELF, "x", true))), &news),
		ERR_REFUSED);
	/* The same node twice. */
	assert_int_equal(take(f,
			      cluster_doc("d2", json_pack("[o, o]", node_doc(UID_FIRST, "x", true),
							  node_doc(UID_FIRST, "y", false))),
			      &news),
			 ERR_REFUSED);
	assert_names(f, "pub sub1 sub2");
}

static json_t *generation_doc(int64_t generation, const struct buf *file)
{
	struct buf text = {0};
	json_t *doc;

	base64_put(&text, buf_view(file), BASE64_PLAIN);
	doc = json_pack("{s:I, s:I, s:s, s:s, s:s}", "generation", (json_int_t)generation, "time",
			(json_int_t)7, "user", "anna", "address", "192.0.2.9", "file",
			buf_cstr(&text));
	buf_free(&text);
	return doc;
}

static json_t *lists_doc(json_t *generations)
{
	return json_pack("{s:o}", "generations", generations);
}

static void test_bundle_lists_in_order(void **state)
{
	struct fixture *f = *state;
	struct buf one = list_of(0, 1, CLOCK), two = list_of(1, 2, CLOCK + 1),
		   three = list_of(2, 1, CLOCK + 2);
	struct bundle_news news;
	struct store_ctl c;

	assert_int_equal(
		take(f,
		     lists_doc(json_pack("[o, o, o]", generation_doc(4, &one),
					 generation_doc(5, &two), generation_doc(7, &three))),
		     &news),
		0);
	assert_int_equal(news.generation, 7);
	assert_int_equal(store_ctl_current(f->s, &c, &f->e), 0);
	assert_int_equal(c.generation, 7);
	assert_true(c.mixed);
	assert_string_equal(c.user, "anna");
	assert_true(span_eq(buf_view(&c.file), buf_view(&three)));
	store_ctl_free(&c);

	/* Again: nothing new. Another list in its place: no. */
	assert_int_equal(take(f, lists_doc(json_pack("[o]", generation_doc(5, &two))), &news), 0);
	assert_int_equal(news.generation, 0);
	assert_int_equal(take(f, lists_doc(json_pack("[o]", generation_doc(5, &one))), &news),
			 ERR_CONFLICT);
	assert_string_equal(f->e.id, "ctl-generation");
	buf_free(&one);
	buf_free(&two);
	buf_free(&three);
}

static void test_bundle_forged_list(void **state)
{
	struct fixture *f = *state;
	struct buf one = list_of(0, 1, CLOCK), forged = list_of(2, 0, CLOCK + 1),
		   two = list_of(1, 0, CLOCK + 2);
	struct bundle_news news;

	/* What came before the forged one is kept, what comes behind it is not looked at. */
	assert_int_equal(
		take(f,
		     lists_doc(json_pack("[o, o, o]", generation_doc(1, &one),
					 generation_doc(2, &forged), generation_doc(3, &two))),
		     &news),
		ERR_REFUSED);
	assert_string_equal(f->e.id, "ctl-unknown-signer");
	assert_non_null(strstr(f->e.what, "generation 2"));
	assert_int_equal(news.generation, 1);
	buf_free(&one);
	buf_free(&forged);
	buf_free(&two);
}

static void test_bundle_nonsense(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{\"cluster\": 1}",
		"{\"cluster\": {}}",
		"{\"generations\": [1]}",
		"{\"generations\": [{}]}",
		"{\"generations\": [{\"generation\": 0, \"time\": 1, \"user\": \"u\", \"address\": "
		"\"a\", \"file\": \"AAAA\"}]}",
		"{\"generations\": [{\"generation\": -5, \"time\": 1, \"user\": \"u\", "
		"\"address\": \"a\", \"file\": \"AAAA\"}]}",
		"{\"generations\": [{\"generation\": 1, \"time\": 1, \"user\": \"u\", \"address\": "
		"\"a\", \"file\": \"AAAA\"}]}",
		"{\"generations\": [{\"generation\": 1, \"time\": 1, \"user\": \"u\", \"address\": "
		"\"a\", \"file\": \"\"}]}",
		"{\"generations\": [{\"generation\": 1, \"time\": \"x\", \"user\": \"u\", "
		"\"address\": \"a\", \"file\": \"AAAA\"}]}",
	};
	struct fixture *f = *state;
	struct bundle_news news;
	struct store_ctl c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (take(f, json_loads(bad[i], 0, NULL), &news) != ERR_REFUSED)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(store_ctl_current(f->s, &c, &f->e), 0);
	assert_int_equal(c.generation, 0);
}

/* ---- all of it ---- */

static int make_keys(void **state)
{
	struct buf der = {0}, text = {0};

	(void)state;
	for (int i = 0; i < TOKENS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "SAST %d", i);
		tokens[i] = test_key_rsa(1024, name);
	}
	ccm = test_key_rsa(1024, "pub");
	cert_der(&der, ccm.cert);
	base64_put(&text, buf_view(&der), BASE64_PLAIN);
	assert_true(text.len < sizeof(ccm_text));
	snprintf(ccm_text, sizeof(ccm_text), "%s", buf_cstr(&text));
	buf_free(&der);
	buf_free(&text);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invitation_both_ways),
		cmocka_unit_test(test_secrets_differ),
		cmocka_unit_test(test_invitation_refused),
		cmocka_unit_test(test_description_both_ways),
		cmocka_unit_test(test_description_refused),
		cmocka_unit_test(test_certificates_refused),
		cmocka_unit_test(test_follow),
		cmocka_unit_test_setup_teardown(test_bundle_describes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle_describes_tftp_servers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bundle_names_swapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle_usurpers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle_lists_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle_forged_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle_nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
