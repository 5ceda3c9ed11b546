/* Every rule, good and bad, on lists made with keys of the test's own. */
#include "server/provider/ctl_check.h"

#include "trustfile/build.h"
#include "trustfile/cert.h"
#include "trustfile/testkit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 12, NOW = 1800000000 };

/* What everything is made from, once for all tests. */
struct world {
	struct test_key t1, t2, t3, impostor; /* impostor: another key under the name of t2 */
	struct test_key big, ec;              /* tokens that cannot sign */
	struct test_key ccm, capf, sub_ccm, other;
	struct buf ccm_der, capf_der, sub_der, other_der;
	struct store_cert pub_certs[3], sub_certs[1];
	struct store_node nodes[2];
};

/* A list to be. */
struct plan {
	struct tl_entry entries[ENTRIES_MAX];
	size_t n;
	const struct test_key *signer;
	uint32_t timestamp;
	const char *filename;
	enum tl_digest digest;
};

static struct world w;

/* ---- making lists ---- */

static struct tl_entry token(const struct test_key *k)
{
	return (struct tl_entry){.role = TL_SAST, .dns = "", .has_ip = true, .cert = k->cert};
}

static struct tl_entry server(uint16_t role, const char *dns, const char *ip,
			      const struct test_key *k)
{
	struct tl_entry e = {.role = role, .dns = dns, .bare = !k};

	if (k)
		e.cert = k->cert;
	e.has_ip = ip != NULL;
	if (ip)
		inet_pton(AF_INET, ip, e.ip);
	return e;
}

/* t1, t2, and the servers of the cluster. */
static struct plan plan_of(bool mixed)
{
	return (struct plan){
		.entries = {token(&w.t1), token(&w.t2),
			    server(TL_CCM_TFTP, "pub", "192.0.2.1", mixed ? &w.ccm : NULL),
			    server(TL_CAPF, "pub", "192.0.2.1", &w.capf),
			    server(TL_CCM_TFTP, "2001:db8::2", NULL, mixed ? &w.sub_ccm : NULL)},
		.n = 5,
		.signer = &w.t1,
		.timestamp = NOW - 1000,
		.filename = TL_CTL_NAME,
		.digest = TL_SHA1,
	};
}

/* By place in the plan. */
enum { T1, T2, PUB_CCM, PUB_CAPF, SUB_CCM, EXTRA };

static void add(struct plan *p, struct tl_entry e)
{
	assert_true(p->n < ENTRIES_MAX);
	p->entries[p->n++] = e;
}

static void drop(struct plan *p, size_t i)
{
	memmove(&p->entries[i], &p->entries[i + 1], (--p->n - i) * sizeof(p->entries[0]));
}

static struct buf build(const struct plan *p)
{
	const struct tl_plan plan = {.filename = p->filename,
				     .digest = p->digest,
				     .timestamp = p->timestamp,
				     .signer = p->signer->cert,
				     .entries = p->entries,
				     .n = p->n};
	struct buf file = {0};
	struct err e;

	if (tl_build(&file, &plan, pkey_sign, p->signer->key, &e))
		fail_msg("%s", e.what);
	return file;
}

/* ---- asking ---- */

static int ask(struct ctl_facts *facts, const struct buf *present, const struct buf *neu,
	       struct err *e)
{
	const struct ctl_question q = {.present = present ? buf_view(present) : span_of(NULL, 0),
				       .neu = buf_view(neu),
				       .nodes = w.nodes,
				       .nnodes = 2,
				       .now = NOW};

	return ctl_check(facts, &q, e);
}

static void expect_bytes(const struct buf *present, const struct buf *neu, const char *id)
{
	struct ctl_facts facts;
	struct err e = {0};
	const int rc = ask(&facts, present, neu, &e);

	if (!id && rc)
		fail_msg("refused: %s: %s", e.id, e.what);
	if (id) {
		assert_int_equal(rc, ERR_REFUSED);
		if (strcmp(e.id, id) != 0)
			fail_msg("refused, but as %s: %s", e.id, e.what);
		assert_true(strlen(e.what) > 20);
		assert_null(facts.difference.data);
	}
	ctl_facts_free(&facts);
}

/* id NULL: it is to be accepted. */
static void expect(const struct plan *present, const struct plan *neu, const char *id)
{
	struct buf old = {0}, file = build(neu);

	if (present)
		old = build(present);
	expect_bytes(present ? &old : NULL, &file, id);
	buf_free(&old);
	buf_free(&file);
}

/* What a change makes of the first list, and of an update of it signed by t2. */
static void expect_always(void (*change)(struct plan *), const char *id)
{
	struct plan present = plan_of(true), neu = plan_of(true);

	change(&neu);
	expect(NULL, &neu, id);
	neu.signer = neu.signer == &w.t1 ? &w.t2 : neu.signer;
	neu.timestamp++;
	expect(&present, &neu, id);
}

/* ---- what is good ---- */

static void test_first_lists(void **state)
{
	struct plan mixed = plan_of(true), nonsecure = plan_of(false);

	(void)state;
	expect(NULL, &mixed, NULL);
	expect(NULL, &nonsecure, NULL);
	mixed.digest = TL_SHA512;
	expect(NULL, &mixed, NULL);
}

static void test_updates(void **state)
{
	struct plan present = plan_of(true), neu = plan_of(true);

	(void)state;
	neu.signer = &w.t2;
	expect(&present, &neu, NULL);
	add(&neu, token(&w.t3));
	expect(&present, &neu, NULL);
	drop(&neu, T1);
	expect(&present, &neu, NULL);

	neu = plan_of(false);
	expect(&present, &neu, NULL);
	expect(&neu, &present, NULL);
}

static void test_facts(void **state)
{
	const struct plan mixed = plan_of(true), nonsecure = plan_of(false);
	struct buf one = build(&mixed), two = build(&nonsecure);
	struct ctl_facts facts;
	struct err e;

	(void)state;
	assert_int_equal(ask(&facts, NULL, &one, &e), 0);
	assert_true(facts.mixed);
	assert_string_equal(facts.signer.subject, "CN=token one;OU=LAB;O=Example");
	assert_string_equal(facts.signer.issuer, "CN=token one;OU=LAB;O=Example");
	assert_string_equal(facts.signer.serial, "1234");
	assert_non_null(strstr(buf_cstr(&facts.difference), "pub"));
	ctl_facts_free(&facts);

	assert_int_equal(ask(&facts, &one, &two, &e), 0);
	assert_false(facts.mixed);
	ctl_facts_free(&facts);
	buf_free(&one);
	buf_free(&two);
}

/* ---- not a CTL, or not true to itself ---- */

static void test_not_a_ctl(void **state)
{
	const struct plan good = plan_of(true);
	struct buf file = build(&good), bytes = {0};

	(void)state;
	expect_bytes(NULL, &bytes, "ctl-parse");
	buf_str(&bytes, "<html>");
	expect_bytes(NULL, &bytes, "ctl-parse");
	for (int i = 0; i < CTL_SIZE_MAX; i++)
		buf_u8(&bytes, 1);
	expect_bytes(NULL, &bytes, "too-large");

	file.len -= 10;
	expect_bytes(NULL, &file, "ctl-parse");
	buf_free(&file);
	buf_free(&bytes);
}

/* Flips bits of one byte of a good list. */
static void expect_flipped(size_t at, uint8_t bits, const char *id)
{
	const struct plan good = plan_of(true);
	struct buf file = build(&good);

	assert_true(at < file.len);
	file.data[at] ^= bits;
	expect_bytes(NULL, &file, id);
	buf_free(&file);
}

static void test_not_true_to_itself(void **state)
{
	const struct plan good = plan_of(true);
	struct buf file = build(&good);
	struct plan itl = plan_of(true);
	struct tl *l;
	struct err e;
	size_t serial, signature;

	(void)state;
	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	serial = (size_t)(l->signer_serial.data - file.data);
	signature = (size_t)(l->signature.data - file.data);
	tl_free(l);
	expect_flipped(4, 2 ^ 3, "ctl-version");
	expect_flipped(serial, 1, "ctl-signer");
	expect_flipped(signature + 20, 1, "ctl-signature");
	expect_flipped(file.len - 1, 1, "ctl-signature");
	itl.filename = TL_ITL_NAME;
	expect(NULL, &itl, "ctl-name");
	buf_free(&file);
}

/* ---- who signed it ---- */

static void test_unchanged(void **state)
{
	const struct plan good = plan_of(true);

	(void)state;
	expect(&good, &good, "ctl-unchanged");
}

static void test_strange_signers(void **state)
{
	struct plan present = plan_of(true), neu = plan_of(true);

	(void)state;
	add(&neu, token(&w.t3));
	neu.signer = &w.t3;
	expect(&present, &neu, "ctl-unknown-signer");

	neu = plan_of(true);
	add(&neu, token(&w.ccm));
	neu.signer = &w.ccm;
	expect(&present, &neu, "ctl-signer-not-sast");

	neu = plan_of(true);
	neu.entries[T2] = token(&w.impostor);
	neu.signer = &w.impostor;
	expect(&present, &neu, "ctl-forged-signer");
}

/* The list is signed by a real token, but would make a stranger one. */
static void test_impostor_among_the_tokens(void **state)
{
	struct plan present = plan_of(true), neu = plan_of(true);

	(void)state;
	neu.entries[T2] = token(&w.impostor);
	expect(&present, &neu, "ctl-forged-signer");
	neu = plan_of(true);
	add(&neu, token(&w.impostor));
	expect(&present, &neu, "ctl-forged-signer");
	/* In the first list there is nobody to impersonate. */
	neu.entries[T2] = token(&w.impostor);
	expect(NULL, &neu, NULL);
}

/* ---- the tokens ---- */

static void one_token(struct plan *p)
{
	drop(p, T2);
	p->signer = &w.t1;
}

static void same_token_twice(struct plan *p)
{
	p->entries[T2] = p->entries[T1];
}

static void token_with_ec_key(struct plan *p)
{
	add(p, token(&w.ec));
}

static void token_with_3072_bits(struct plan *p)
{
	add(p, token(&w.big));
}

static void token_without_certificate(struct plan *p)
{
	struct tl_entry e = token(&w.t3);

	e.bare = true;
	add(p, e);
}

static void test_tokens(void **state)
{
	struct plan present = plan_of(true), neu = plan_of(true);

	(void)state;
	one_token(&neu);
	expect(NULL, &neu, "ctl-two-tokens");
	expect(&present, &neu, "ctl-two-tokens");
	neu = plan_of(true);
	same_token_twice(&neu);
	expect(NULL, &neu, "ctl-two-tokens");
	expect(&present, &neu, "ctl-two-tokens");
	expect_always(token_with_ec_key, "ctl-signer-key");
	expect_always(token_with_3072_bits, "ctl-signer-key");
	expect_always(token_without_certificate, "ctl-signer-key");
}

/* ---- the servers ---- */

static void no_ccm(struct plan *p)
{
	drop(p, PUB_CCM);
}

static void no_capf(struct plan *p)
{
	drop(p, PUB_CAPF);
}

static void no_subscriber(struct plan *p)
{
	drop(p, SUB_CCM);
}

static void renamed(struct plan *p)
{
	p->entries[PUB_CCM].dns = "pub2";
}

static void other_certificate(struct plan *p)
{
	p->entries[PUB_CCM].cert = w.other.cert;
}

static void capf_of_a_stranger(struct plan *p)
{
	p->entries[PUB_CAPF].cert = w.other.cert;
}

static void swapped_certificates(struct plan *p)
{
	p->entries[PUB_CCM].cert = w.sub_ccm.cert;
	p->entries[SUB_CCM].cert = w.ccm.cert;
}

static void bare_capf(struct plan *p)
{
	p->entries[PUB_CAPF] = server(TL_CAPF, "pub", "192.0.2.1", NULL);
}

static void other_address(struct plan *p)
{
	p->entries[PUB_CCM].ip[3] ^= 1;
}

static void no_address(struct plan *p)
{
	p->entries[PUB_CAPF].has_ip = false;
}

static void address_too_much(struct plan *p)
{
	p->entries[SUB_CCM].has_ip = true;
}

static void server_too_much(struct plan *p)
{
	add(p, server(TL_TFTP, "evil", "198.51.100.66", &w.other));
}

static void same_server_twice(struct plan *p)
{
	add(p, p->entries[PUB_CCM]);
}

static void unknown_role(struct plan *p)
{
	add(p, server(77, "pub", "192.0.2.1", &w.ccm));
}

static void ccm_as_tftp_only(struct plan *p)
{
	p->entries[PUB_CCM].role = TL_TFTP;
}

static void half_and_half(struct plan *p)
{
	p->entries[SUB_CCM] = server(TL_CCM_TFTP, "2001:db8::2", NULL, NULL);
}

static void test_servers(void **state)
{
	static const struct {
		void (*change)(struct plan *);
		const char *id;
	} cases[] = {
		{no_ccm, "ctl-server-missing"},
		{no_capf, "ctl-server-missing"},
		{no_subscriber, "ctl-server-missing"},
		{renamed, "ctl-server-missing"},
		{ccm_as_tftp_only, "ctl-server-missing"},
		{other_certificate, "ctl-server-certificate"},
		{capf_of_a_stranger, "ctl-server-certificate"},
		{swapped_certificates, "ctl-server-certificate"},
		{bare_capf, "ctl-server-certificate"},
		{other_address, "ctl-server-address"},
		{no_address, "ctl-server-address"},
		{address_too_much, "ctl-server-address"},
		{server_too_much, "ctl-server-unknown"},
		{same_server_twice, "ctl-server-unknown"},
		{unknown_role, "ctl-server-unknown"},
		{half_and_half, "ctl-mode"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_always(cases[i].change, cases[i].id);
}

static void test_nonsecure_servers(void **state)
{
	struct plan neu = plan_of(false);

	(void)state;
	bare_capf(&neu);
	expect(NULL, &neu, "ctl-server-certificate");
	neu = plan_of(false);
	no_subscriber(&neu);
	expect(NULL, &neu, "ctl-server-missing");
	neu = plan_of(false);
	same_server_twice(&neu);
	expect(NULL, &neu, "ctl-server-unknown");
	neu = plan_of(false);
	drop(&neu, SUB_CCM);
	drop(&neu, PUB_CCM);
	expect(NULL, &neu, "ctl-server-missing");
}

/* ---- records and their certificates ---- */

/* The record of entry i of a plan, with the first occurrence of from changed to to, of the same
 * length. The bytes are the caller's. */
static struct buf changed_record(const struct plan *p, size_t i, const char *from, const char *to,
				 size_t len)
{
	struct buf file = build(p), record = {0};
	struct tl *l;
	struct err e;
	uint8_t *at;

	assert_int_equal(tl_parse(&l, buf_view(&file), &e), 0);
	buf_span(&record, l->records[i].raw);
	at = memmem(record.data, record.len, from, len);
	assert_non_null(at);
	memcpy(at, to, len);
	tl_free(l);
	buf_free(&file);
	return record;
}

#define CHANGE(place, from, to)                                                                    \
	{                                                                                          \
		place, from, to, sizeof(from) - 1                                                  \
	}

static void test_record_identity(void **state)
{
	static const struct {
		size_t place;
		const char *from, *to;
		size_t len;
	} cases[] = {
		/* With their tags: SUBJECTNAME, ISSUERNAME, SERIALNUMBER. */
		CHANGE(T2, "\003\000\036CN=token two", "\003\000\036CN=token tow"),
		CHANGE(T2, "\005\000\036CN=token two", "\005\000\036cn=token two"),
		CHANGE(T2, "\006\000\002\022\064", "\006\000\002\022\065"),
		CHANGE(PUB_CCM, "CN=ccm", "cn=ccm"),
		CHANGE(PUB_CAPF, "CN=capf", "CN=cap?"),
	};
	struct plan present = plan_of(true), neu, odd;
	struct buf record;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		neu = plan_of(true);
		record = changed_record(&neu, cases[i].place, cases[i].from, cases[i].to,
					cases[i].len);
		neu.entries[cases[i].place] = (struct tl_entry){.raw = buf_view(&record)};
		expect(NULL, &neu, "ctl-record-identity");
		neu.timestamp++;
		expect(&present, &neu, "ctl-record-identity");

		/* A list that has had it for long keeps it. */
		odd = neu;
		neu.timestamp++;
		expect(&odd, &neu, NULL);
		buf_free(&record);
	}
}

static void test_signature_of_a_record(void **state)
{
	static const uint8_t forged[] = {8, 0, 1, 0x55};
	struct plan neu = plan_of(true);
	struct buf record = changed_record(&neu, T2, "", "", 0);

	(void)state;
	/* A SIGNATURE that is not the certificate's, behind the other tags. */
	buf_put(&record, forged, sizeof(forged));
	record.data[3] = (uint8_t)(record.len >> 8);
	record.data[4] = (uint8_t)record.len;
	neu.entries[T2] = (struct tl_entry){.raw = buf_view(&record)};
	expect(NULL, &neu, "ctl-record-identity");
	buf_free(&record);
}

/* ---- time ---- */

static void test_time(void **state)
{
	static const struct {
		int64_t before, timestamp;
		const char *id;
	} cases[] = {
		{NOW - 1000, NOW - 999, NULL},
		{NOW - 1000, NOW - 1000, NULL},
		{NOW - 1000, NOW - 1001, "ctl-older"},
		{NOW - 1000, 0, "ctl-older"},
		{NOW - 1000, NOW, NULL},
		{NOW - 1000, NOW + CTL_AHEAD_MAX_S, NULL},
		{NOW - 1000, NOW + CTL_AHEAD_MAX_S + 1, "ctl-future"},
		{NOW - 1000, UINT32_MAX, "ctl-future"},
		/* A clock that was set back: the next list must still not be older. */
		{NOW + 5000, NOW, "ctl-older"},
	};
	struct plan present = plan_of(true), neu = plan_of(true);

	(void)state;
	neu.signer = &w.t2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		present.timestamp = (uint32_t)cases[i].before;
		neu.timestamp = (uint32_t)cases[i].timestamp;
		expect(&present, &neu, cases[i].id);
	}
	neu.timestamp = 0;
	expect(NULL, &neu, NULL);
}

/* ---- our own data ---- */

static void test_damaged_present_list(void **state)
{
	const struct plan good = plan_of(true);
	struct buf file = build(&good), broken = {0};
	struct ctl_facts facts;
	struct err e;

	(void)state;
	buf_str(&broken, "broken");
	assert_int_equal(ask(&facts, &broken, &file, &e), ERR_FAILED);
	ctl_facts_free(&facts);
	buf_free(&file);
	buf_free(&broken);
}

/* ---- the world ---- */

static struct store_cert store_cert_of(const char *role, struct buf *der, const struct test_key *k)
{
	struct store_cert c = {0};

	cert_der(der, k->cert);
	snprintf(c.role, sizeof(c.role), "%s", role);
	c.der = buf_view(der);
	return c;
}

static int make_world(void **state)
{
	(void)state;
	w.t1 = test_key_rsa(1024, "token one");
	w.t2 = test_key_rsa(1024, "token two");
	w.t3 = test_key_rsa(2048, "token three");
	w.impostor = test_key_rsa(1024, "token two");
	w.big = test_key_rsa(3072, "token big");
	w.ec = test_key_ec("P-256", "token ec");
	w.ccm = test_key_rsa(1024, "ccm");
	w.capf = test_key_rsa(1024, "capf");
	w.sub_ccm = test_key_ec("P-256", "sub");
	w.other = test_key_rsa(1024, "other");
	w.pub_certs[0] = store_cert_of("provider", &w.other_der, &w.other);
	w.pub_certs[1] = store_cert_of("ccm+tftp", &w.ccm_der, &w.ccm);
	w.pub_certs[2] = store_cert_of("capf", &w.capf_der, &w.capf);
	w.sub_certs[0] = store_cert_of("ccm+tftp", &w.sub_der, &w.sub_ccm);
	w.nodes[0] = (struct store_node){
		.name = "pub", .ip = "192.0.2.1", .first = true, .certs = w.pub_certs, .ncerts = 3};
	w.nodes[1] = (struct store_node){
		.name = "2001:db8::2", .ip = "2001:db8::2", .certs = w.sub_certs, .ncerts = 1};
	return 0;
}

static int unmake_world(void **state)
{
	struct test_key *keys[] = {&w.t1, &w.t2,  &w.t3,   &w.impostor, &w.big,
				   &w.ec, &w.ccm, &w.capf, &w.sub_ccm,  &w.other};
	struct buf *ders[] = {&w.ccm_der, &w.capf_der, &w.sub_der, &w.other_der};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		test_key_free(keys[i]);
	for (size_t i = 0; i < sizeof(ders) / sizeof(ders[0]); i++)
		buf_free(ders[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_lists),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_not_a_ctl),
		cmocka_unit_test(test_not_true_to_itself),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_strange_signers),
		cmocka_unit_test(test_impostor_among_the_tokens),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_nonsecure_servers),
		cmocka_unit_test(test_record_identity),
		cmocka_unit_test(test_signature_of_a_record),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_damaged_present_list),
	};

	return cmocka_run_group_tests(tests, make_world, unmake_world);
}
