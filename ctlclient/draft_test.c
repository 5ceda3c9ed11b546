/* The rules an administrator has to keep, good and bad. */
#include "ctlclient/draft.h"
#include "ctlclient/server_spec.h"
#include "trustfile/testkit.h"

#include "common/hex.h"
#include "trustfile/cert.h"
#include "trustfile/diff.h"
#include "trustfile/rules.h"

#include <string.h>

struct desk {
	struct test_key t1, t2, t3, pub, capf;
};

static int setup(void **state)
{
	static struct desk d;

	d.t1 = test_key_rsa(1024, "SAST 1");
	d.t2 = test_key_rsa(1024, "SAST 2");
	d.t3 = test_key_rsa(1024, "SAST 3");
	d.pub = test_key_rsa(2048, "pub");
	d.capf = test_key_rsa(2048, "capf");
	*state = &d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;

	test_key_free(&d->t1);
	test_key_free(&d->t2);
	test_key_free(&d->t3);
	test_key_free(&d->pub);
	test_key_free(&d->capf);
	return 0;
}

static void add_server(struct draft *d, uint16_t role, const char *host, X509 *cert)
{
	struct draft_server s = {.role = role, .has_ip = true, .ip = {192, 0, 2, 1}, .cert = cert};
	struct err e;

	strcpy(s.dns, host);
	assert_int_equal(draft_add_server(d, &s, &e), 0);
}

/* A draft that breaks no rule: tokens 1 and 2, a call server, CAPF. */
static struct draft *good_draft(const struct desk *k, const struct tl *old)
{
	struct draft *d = NULL;
	struct err e;

	assert_int_equal(draft_new(&d, old, &e), 0);
	if (old)
		return d;
	assert_int_equal(draft_add_sast(d, k->t1.cert, &e), 0);
	assert_int_equal(draft_add_sast(d, k->t2.cert, &e), 0);
	add_server(d, TL_CCM_TFTP, "pub", k->pub.cert);
	add_server(d, TL_CAPF, "pub", k->capf.cert);
	return d;
}

struct signed_list {
	struct buf file;
	struct tl *list;
};

static struct signed_list sign(struct draft *d, const struct test_key *by)
{
	struct signed_list s = {0};
	struct tl_plan plan;
	struct err e;

	assert_int_equal(draft_check(d, by->cert, &e), 0);
	assert_int_equal(draft_plan(&plan, d, by->cert, TL_SHA1, &e), 0);
	assert_int_equal(tl_build(&s.file, &plan, pkey_sign, by->key, &e), 0);
	assert_int_equal(tl_parse(&s.list, buf_view(&s.file), &e), 0);
	return s;
}

static void signed_list_free(struct signed_list *s)
{
	tl_free(s->list);
	buf_free(&s->file);
}

static void assert_refused(int rc, const struct err *e, const char *id)
{
	assert_int_equal(rc, ERR_REFUSED);
	assert_string_equal(e->id, id);
	assert_true(strlen(e->what) > 10);
}

static void hex_name(struct buf *b, const X509 *cert, void (*part)(struct buf *, const X509 *))
{
	struct buf bytes = {0};

	part(&bytes, cert);
	hex_upper(b, buf_view(&bytes), ':');
	assert_non_null(buf_cstr(b));
	buf_free(&bytes);
}

static void first_list_needs_two_tokens(void **state)
{
	const struct desk *k = *state;
	struct draft *d = NULL;
	struct err e;

	assert_int_equal(draft_new(&d, NULL, &e), 0);
	add_server(d, TL_CCM_TFTP, "pub", k->pub.cert);
	assert_refused(draft_check(d, k->t1.cert, &e), &e, "ctl-signer-not-listed");
	assert_int_equal(draft_add_sast(d, k->t1.cert, &e), 0);
	assert_refused(draft_check(d, k->t1.cert, &e), &e, "ctl-two-tokens");
	assert_refused(draft_add_sast(d, k->t1.cert, &e), &e, "same-token");
	assert_refused(draft_check(d, k->t1.cert, &e), &e, "ctl-two-tokens");
	assert_int_equal(draft_add_sast(d, k->t2.cert, &e), 0);
	assert_int_equal(draft_check(d, k->t1.cert, &e), 0);
	assert_refused(draft_check(d, k->t3.cert, &e), &e, "ctl-signer-not-listed");
	draft_free(d);
}

/* Another certificate for the same key is still the same token. */
static void same_key_is_the_same_token(void **state)
{
	const struct desk *k = *state;
	X509 *again = test_cert(k->t1.key, (const char *const[]){"CN=another name"}, 1);
	struct draft *d = good_draft(k, NULL);
	struct err e;

	assert_refused(draft_add_sast(d, again, &e), &e, "same-token");
	X509_free(again);
	draft_free(d);
}

static void token_keys_are_rsa_of_known_sizes(void **state)
{
	struct test_key ec = test_key_ec("P-256", "ec");
	struct test_key odd = test_key_rsa(3072, "odd");
	struct draft *d = NULL;
	struct err e;

	(void)state;
	assert_int_equal(draft_new(&d, NULL, &e), 0);
	assert_refused(draft_add_sast(d, ec.cert, &e), &e, "ctl-signer-key");
	assert_refused(draft_add_sast(d, odd.cert, &e), &e, "ctl-signer-key");
	assert_non_null(strstr(e.what, "3072"));
	draft_free(d);
	test_key_free(&ec);
	test_key_free(&odd);
}

static void call_server_is_needed(void **state)
{
	const struct desk *k = *state;
	struct draft *d = NULL;
	struct err e;

	assert_int_equal(draft_new(&d, NULL, &e), 0);
	assert_int_equal(draft_add_sast(d, k->t1.cert, &e), 0);
	assert_int_equal(draft_add_sast(d, k->t2.cert, &e), 0);
	add_server(d, TL_CAPF, "pub", k->capf.cert);
	assert_refused(draft_check(d, k->t1.cert, &e), &e, "ctl-no-call-server");
	draft_free(d);
}

static void update_is_signed_by_a_token_of_the_old_list(void **state)
{
	const struct desk *k = *state;
	struct draft *d = good_draft(k, NULL);
	struct signed_list old = sign(d, &k->t1);
	struct err e;

	draft_free(d);
	d = good_draft(k, old.list);
	assert_int_equal(draft_add_sast(d, k->t3.cert, &e), 0);
	assert_refused(draft_check(d, k->t3.cert, &e), &e, "ctl-unknown-signer");
	assert_refused(draft_check(d, k->pub.cert, &e), &e, "ctl-unknown-signer");
	assert_int_equal(draft_check(d, k->t2.cert, &e), 0);
	draft_free(d);
	signed_list_free(&old);
}

static void tokens_are_removed_by_name(void **state)
{
	const struct desk *k = *state;
	struct draft *d = good_draft(k, NULL);
	struct buf serial = {0};
	struct buf fingerprint = {0};
	struct err e;

	hex_name(&serial, k->t2.cert, cert_serial);
	hex_name(&fingerprint, k->t2.cert, cert_sha256);
	assert_int_equal(draft_remove_sast(d, "xy", &e), ERR_USAGE);
	assert_int_equal(draft_remove_sast(d, "", &e), ERR_USAGE);
	assert_refused(draft_remove_sast(d, "00ff00ff00ff", &e), &e, "sast-unknown");

	/* The test's certificates all have the same serial number. */
	assert_refused(draft_remove_sast(d, buf_cstr(&serial), &e), &e, "sast-ambiguous");
	assert_int_equal(draft_check(d, k->t1.cert, &e), 0);
	assert_int_equal(draft_remove_sast(d, buf_cstr(&fingerprint), &e), 0);
	assert_refused(draft_check(d, k->t1.cert, &e), &e, "ctl-two-tokens");
	assert_refused(draft_remove_sast(d, buf_cstr(&fingerprint), &e), &e, "sast-unknown");
	assert_int_equal(draft_add_sast(d, k->t3.cert, &e), 0);
	assert_int_equal(draft_check(d, k->t1.cert, &e), 0);
	buf_free(&serial);
	buf_free(&fingerprint);
	draft_free(d);
}

static void servers_in_use_stay(void **state)
{
	const struct desk *k = *state;
	struct draft *d = good_draft(k, NULL);
	struct draft_server again = {.role = TL_CCM_TFTP, .dns = "pub", .cert = k->pub.cert};
	struct err e;

	assert_refused(draft_add_server(d, &again, &e), &e, "server-exists");
	add_server(d, TL_TFTP, "alt", k->pub.cert);
	assert_refused(draft_remove_server(d, "pub", false, &e), &e, "server-in-use");
	assert_refused(draft_remove_server(d, "nobody", false, &e), &e, "server-unknown");
	assert_int_equal(draft_remove_server(d, "alt", false, &e), 0);
	assert_int_equal(draft_remove_server(d, "pub", true, &e), 0);
	assert_refused(draft_check(d, k->t1.cert, &e), &e, "ctl-no-call-server");
	draft_free(d);
}

/* Records that say the same keep their bytes; a list of another form of names too. */
static void unchanged_records_keep_their_bytes(void **state)
{
	struct buf bytes = test_file("vectors/tlv/ctl-sha1.tlv");
	struct test_key sast1 = test_key_load("sast1");
	struct test_key ccm = test_key_load("ccm");
	struct test_key capf = test_key_load("capf");
	struct tl *old = NULL;
	struct draft *d = NULL;
	struct signed_list s;
	struct err e;

	(void)state;
	assert_int_equal(tl_parse(&old, buf_view(&bytes), &e), 0);
	assert_int_equal(draft_new(&d, old, &e), 0);
	draft_clear_servers(d);
	for (size_t i = 2; i < old->n; i++) {
		struct draft_server server = {.role = old->records[i].role, .has_ip = true};

		memcpy(server.ip, old->records[i].ip.data, TL_IP_LEN);
		memcpy(server.dns, old->records[i].dns.data, old->records[i].dns.len);
		server.cert = server.role == TL_CAPF ? capf.cert : ccm.cert;
		assert_int_equal(draft_add_server(d, &server, &e), 0);
	}
	s = sign(d, &sast1);
	assert_int_equal(s.list->n, old->n);
	for (size_t i = 0; i < old->n; i++)
		assert_true(span_eq(s.list->records[i].raw, old->records[i].raw));
	assert_true(s.list->timestamp > old->timestamp);
	signed_list_free(&s);
	draft_free(d);
	tl_free(old);
	test_key_free(&sast1);
	test_key_free(&ccm);
	test_key_free(&capf);
	buf_free(&bytes);
}

static void strip_leaves_tokens_and_capf(void **state)
{
	const struct desk *k = *state;
	struct draft *d = good_draft(k, NULL);
	struct signed_list mixed = sign(d, &k->t1);
	struct signed_list bare;
	struct err e;

	draft_free(d);
	d = good_draft(k, mixed.list);
	assert_int_equal(draft_strip(d, &e), 0);
	bare = sign(d, &k->t2);
	assert_true(tl_is_nonsecure(bare.list));
	assert_int_equal(bare.list->n, 4);
	assert_null(bare.list->records[2].cert);
	assert_non_null(bare.list->records[3].cert);
	assert_int_equal(bare.list->records[2].ip.len, TL_IP_LEN);
	assert_memory_equal(bare.list->records[2].ip.data, "\300\0\2\1", TL_IP_LEN);
	assert_string_equal((const char *)bare.list->records[2].dns.data, "pub");
	assert_int_equal(tl_phone_verdict((const struct tl *const[]){mixed.list}, 1, mixed.list,
					  bare.list, TL_CTL_NAME, &e),
			 TL_INSTALL);
	signed_list_free(&bare);
	signed_list_free(&mixed);
	draft_free(d);
}

/* Two lists made in the same second still differ. */
static void time_stamps_grow(void **state)
{
	const struct desk *k = *state;
	struct draft *d = good_draft(k, NULL);
	struct signed_list first = sign(d, &k->t1);
	struct signed_list second;

	draft_free(d);
	d = good_draft(k, first.list);
	second = sign(d, &k->t1);
	assert_true(second.list->timestamp > first.list->timestamp);
	signed_list_free(&second);
	signed_list_free(&first);
	draft_free(d);
}

static void server_specs(void **state)
{
	static const struct {
		const char *text;
		bool cert_optional;
		int kind;
	} cases[] = {
		{"role=ccm+tftp,host=pub,ip=192.0.2.1", true, 0},
		{"host=pub,role=tftp", true, 0},
		{"role=ccm+tftp,host=pub,ip=192.0.2.1", false, ERR_USAGE},
		{"", true, ERR_USAGE},
		{"role=ccm", true, ERR_USAGE},
		{"host=pub", true, ERR_USAGE},
		{"role=sast,host=pub", true, ERR_USAGE},
		{"role=ccm,host=pub,ip=::1", true, ERR_USAGE},
		{"role=ccm,host=,ip=192.0.2.1", true, ERR_USAGE},
		{"role=ccm,host=pub,port=3", true, ERR_USAGE},
		{"role=ccm,host=pub,", true, ERR_USAGE},
		{"role=ccm,host=pub,cert=/nowhere.pem", true, ERR_FAILED},
	};
	struct draft_server s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(server_spec_parse(&s, cases[i].text, cases[i].cert_optional, &e),
				 cases[i].kind);
	assert_int_equal(server_spec_parse(&s, "role=ccm,host=192.0.2.7", true, &e), 0);
	assert_true(s.has_ip);
	assert_memory_equal(s.ip, "\300\0\2\7", TL_IP_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_list_needs_two_tokens),
		cmocka_unit_test(same_key_is_the_same_token),
		cmocka_unit_test(token_keys_are_rsa_of_known_sizes),
		cmocka_unit_test(call_server_is_needed),
		cmocka_unit_test(update_is_signed_by_a_token_of_the_old_list),
		cmocka_unit_test(tokens_are_removed_by_name),
		cmocka_unit_test(servers_in_use_stay),
		cmocka_unit_test(unchanged_records_keep_their_bytes),
		cmocka_unit_test(strip_leaves_tokens_and_capf),
		cmocka_unit_test(time_stamps_grow),
		cmocka_unit_test(server_specs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
