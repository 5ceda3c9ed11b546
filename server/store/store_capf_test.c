#include "server/store/store_capf.h"

#include "common/file.h"
#include "common/testkit.h"
#include "server/store/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PHONE "SEP001122334455"
enum { NOW = 1000000 };

struct fixture {
	char state[64];
	struct store *s;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_phone p = {.protocol = DEVICE_SCCP};
	char keys[96];

	strcpy(f->state, "/tmp/ctl-capf.XXXXXX");
	assert_non_null(mkdtemp(f->state));
	snprintf(keys, sizeof(keys), "%s/keys", f->state);
	assert_int_equal(mkdir(keys, 0700), 0);
	assert_int_equal(store_open(&f->s, f->state, STORE_CREATE, &f->e), 0);
	strcpy(p.name, PHONE);
	strcpy(p.model, "7970");
	if (store_phone_add(f->s, &p, &f->e))
		fail_msg("%s", f->e.what);
	store_phone_free(&p);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	assert_int_equal(test_folder_remove(f->state), 0);
	free(f);
	return 0;
}

static struct store_capf_case get(struct fixture *f, const char *name)
{
	struct store_capf_case c = {0};
	bool found;

	assert_int_equal(store_capf_get(f->s, name, &c, &found, &f->e), 0);
	assert_true(found);
	return c;
}

static int order(struct fixture *f, const char *name, enum store_capf_operation operation,
		 const char *string)
{
	const struct span text = span_of(string, string ? strlen(string) : 0);
	const struct store_capf_order o = {.operation = operation, .string = string ? &text : NULL};

	return store_capf_set(f->s, name, &o, &f->e);
}

static const struct store_capf_limits limits = {.wrong_max = 6, .no_keys_max = 2};

static enum store_capf_check check(struct fixture *f, const struct store_capf_case *c,
				   const char *text, int64_t now)
{
	enum store_capf_check result;

	assert_int_equal(store_capf_string(f->s, c, span_of(text, strlen(text)), &limits, now,
					   &result, &f->e),
			 0);
	return result;
}

static struct store_capf_issued cert(const struct store_capf_case *c, const char *serial,
				     uint8_t key)
{
	struct store_capf_issued i = {.number = c->number, .not_before = NOW, .not_after = 2 * NOW};

	strcpy(i.serial, serial);
	strcpy(i.device, c->name);
	memset(i.spki, key, sizeof(i.spki));
	return i;
}

/* "" or the certificate that was sent for the same key before. */
static int issue(struct fixture *f, const struct store_capf_case *c, const char *serial,
		 uint8_t key, char instead[64])
{
	struct store_capf_issued i = cert(c, serial, key);
	struct buf der = {0};
	int rc;

	i.der = span_of(i.serial, strlen(i.serial));
	rc = store_capf_issue(f->s, c, &i, &der, &f->e);

	snprintf(instead, 64, "%.*s", (int)der.len, der.data ? (const char *)der.data : "");
	buf_free(&der);
	return rc;
}

static int finish(struct fixture *f, const struct store_capf_case *c, const char *serial)
{
	const struct store_capf_done d = {
		.number = c->number, .now = NOW, .address = "192.0.2.1", .serial = serial};

	return store_capf_finish(f->s, c, &d, &f->e);
}

static bool usable(struct fixture *f, const char *serial)
{
	bool yes;

	assert_int_equal(store_capf_usable(f->s, serial, &yes, &f->e), 0);
	return yes;
}

/* ---- operations ---- */

static void nobody(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	bool found;

	assert_int_equal(store_capf_get(f->s, "SEP00000000BEEF", &c, &found, &f->e), 0);
	assert_false(found);
	/* Certificates say it in capitals. */
	assert_int_equal(store_capf_get(f->s, "sep001122334455", &c, &found, &f->e), 0);
	assert_false(found);
	assert_int_equal(store_capf_get(f->s, "a:b", &c, &found, &f->e), 0);
	assert_false(found);
	assert_int_equal(order(f, "SEP00000000BEEF", STORE_CAPF_INSTALL, NULL), ERR_FAILED);
	assert_string_equal(f->e.id, "no-phone");
	assert_int_equal(order(f, "a:b", STORE_CAPF_INSTALL, NULL), ERR_FAILED);
	assert_string_equal(f->e.id, "no-capf-user");
}

static void orders(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c = get(f, PHONE);
	const struct span digits = span_of("1234", 4);
	struct store_capf_order o = {
		.string = &digits, .operation = STORE_CAPF_INSTALL, .key = "ec:p256", .by = 77};

	assert_int_equal(c.number, 0);
	assert_int_equal(c.auth, DEVICE_AUTH_STRING);
	assert_string_equal(c.key, "rsa:1024");
	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, NULL), ERR_REFUSED);
	assert_string_equal(f->e.id, "capf-no-string");
	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "12a4"), ERR_USAGE);
	assert_int_equal(order(f, PHONE, STORE_CAPF_DELETE, "1234"), ERR_REFUSED);
	assert_string_equal(f->e.id, "capf-no-certificate");
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_IDLE);

	assert_int_equal(store_capf_set(f->s, PHONE, &o, &f->e), 0);
	c = get(f, PHONE);
	assert_int_equal(c.capf.status, STORE_CAPF_PENDING);
	assert_int_equal(c.capf.by, 77);
	assert_string_equal(c.key, "ec:p256");
	o.key = "rsa:1025";
	assert_int_equal(store_capf_set(f->s, PHONE, &o, &f->e), ERR_USAGE);
	assert_string_equal(f->e.id, "capf-key");

	o = (struct store_capf_order){.operation = STORE_CAPF_INSTALL, .string = &digits};
	assert_int_equal(store_capf_set(f->s, PHONE, &o, &f->e), 0);
	assert_true(get(f, PHONE).number > c.number);
	assert_int_equal(get(f, PHONE).auth, DEVICE_AUTH_STRING);
	assert_int_equal(order(f, PHONE, STORE_CAPF_NONE, NULL), 0);
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_IDLE);
}

static void deadlines(void **state)
{
	struct fixture *f = *state;
	const struct span digits = span_of("1234", 4);
	const struct store_capf_order o = {
		.operation = STORE_CAPF_INSTALL, .string = &digits, .by = NOW};

	assert_int_equal(store_capf_set(f->s, PHONE, &o, &f->e), 0);
	assert_int_equal(store_capf_expire(f->s, NOW, &f->e), 0);
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_PENDING);
	assert_int_equal(store_capf_expire(f->s, NOW + 1, &f->e), 0);
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_FAILED);
	assert_non_null(strstr(get(f, PHONE).capf.detail, "deadline"));
}

/* ---- authentication strings ---- */

static void strings(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	char long_one[200];

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	c = get(f, PHONE);
	assert_true(c.capf.has_string);
	assert_int_equal(check(f, &c, "123456", NOW), STORE_CAPF_RIGHT);
	assert_int_equal(check(f, &c, "12345", NOW), STORE_CAPF_WRONG);
	assert_int_equal(check(f, &c, "1234567", NOW), STORE_CAPF_WRONG);
	assert_int_equal(check(f, &c, "", NOW), STORE_CAPF_WRONG);
	memset(long_one, '1', sizeof(long_one));
	long_one[199] = '\0';
	assert_int_equal(check(f, &c, long_one, NOW), STORE_CAPF_WRONG);
}

/* A string that was kept for later may have been given to another phone meanwhile. */
static void strings_that_two_phones_have(void **state)
{
	struct fixture *f = *state;
	struct store_phone p = {.protocol = DEVICE_SCCP, .name = "SEP001122334456"};

	strcpy(p.model, "7970");
	assert_int_equal(store_phone_add(f->s, &p, &f->e), 0);
	assert_int_equal(order(f, PHONE, STORE_CAPF_NONE, "123456"), 0);
	assert_int_equal(order(f, p.name, STORE_CAPF_INSTALL, "123456"), 0);
	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, NULL), ERR_CONFLICT);
	assert_string_equal(f->e.id, "auth-string-taken");
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_IDLE);
	assert_int_equal(order(f, p.name, STORE_CAPF_INSTALL, NULL), 0);
	assert_int_equal(order(f, p.name, STORE_CAPF_NONE, NULL), 0);
	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, NULL), 0);
	store_phone_free(&p);
}

static int64_t wrong_try(struct fixture *f, int64_t now)
{
	const struct store_capf_case c = get(f, PHONE);
	const struct store_capf_note n = {.number = c.number,
					  .now = now,
					  .address = "192.0.2.9",
					  .text = "wrong",
					  .wrong = true};

	assert_int_equal(check(f, &c, "0000", now), STORE_CAPF_WRONG);
	assert_int_equal(store_capf_note(f->s, &c, &n, &limits, &f->e), 0);
	return get(f, PHONE).not_before - now;
}

static void guessing(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	int64_t now = NOW;

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	for (int i = 0; i < STORE_CAPF_FREE_TRIES; i++)
		assert_int_equal(wrong_try(f, now), 0);
	for (int64_t delay = STORE_CAPF_DELAY_S; delay <= 4 * STORE_CAPF_DELAY_S; delay *= 2) {
		assert_int_equal(wrong_try(f, now), delay);
		c = get(f, PHONE);
		if (c.wrong < limits.wrong_max) {
			/* To be told so does not end the wait. */
			const struct store_capf_note n = {
				.number = c.number, .now = now, .address = "", .text = "too early"};

			assert_int_equal(store_capf_note(f->s, &c, &n, &limits, &f->e), 0);
			assert_int_equal(check(f, &c, "123456", now + delay - 1),
					 STORE_CAPF_TOO_EARLY);
		}
		now += delay;
	}
	/* The right one no more, until the operation is set again. */
	c = get(f, PHONE);
	assert_int_equal(c.wrong, 6);
	assert_string_equal(c.last_address, "192.0.2.9");
	assert_int_equal(check(f, &c, "123456", now + 100000), STORE_CAPF_LOCKED);
	assert_int_equal(c.capf.status, STORE_CAPF_PENDING);
	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, NULL), 0);
	c = get(f, PHONE);
	assert_int_equal(check(f, &c, "123456", now), STORE_CAPF_RIGHT);
}

/* ---- certificates ---- */

static int fail_row(const struct store_capf_row *r, void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, ERR_FAILED, "row", "%s", r->issued.serial);
}

static void issuing(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	struct store_phone p;
	char instead[64];
	bool found;

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	c = get(f, PHONE);
	assert_int_equal(issue(f, &c, "aa01", 1, instead), 0);
	assert_string_equal(instead, "");
	/* The phone comes back with the same key: the same certificate. */
	assert_int_equal(issue(f, &c, "aa02", 1, instead), 0);
	assert_string_equal(instead, "aa01");
	/* With another one: another certificate; what it does not confirm is void. */
	assert_int_equal(issue(f, &c, "aa03", 2, instead), 0);
	assert_string_equal(instead, "");
	assert_true(usable(f, "aa01"));
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_PENDING);
	assert_int_equal(finish(f, &c, "aa02"), ERR_CONFLICT);
	assert_int_equal(finish(f, &c, "aa03"), 0);
	assert_false(usable(f, "aa01"));
	assert_true(usable(f, "aa03"));
	/* Once. */
	assert_int_equal(finish(f, &c, "aa03"), ERR_CONFLICT);
	assert_string_equal(f->e.id, "capf-gone");
	assert_int_equal(issue(f, &c, "aa04", 3, instead), ERR_CONFLICT);

	c = get(f, PHONE);
	assert_int_equal(c.capf.status, STORE_CAPF_SUCCESSFUL);
	assert_false(c.capf.has_string);
	assert_int_equal(check(f, &c, "123456", NOW), STORE_CAPF_WRONG);
	assert_int_equal(store_phone_get(f->s, PHONE, &p, &found, &f->e), 0);
	assert_true(span_eq(buf_view(&p.lsc), span_of("aa03", 4)));
	store_phone_free(&p);
}

static int note_request(const struct store_capf_request *r, void *arg, struct err *e)
{
	char *text = arg;

	(void)e;
	snprintf(text + strlen(text), 256 - strlen(text), "%s %.*s %lld%s;", r->device,
		 (int)r->spki.len, (const char *)r->spki.data, (long long)r->made,
		 r->ready ? " ready" : "");
	return 0;
}

static void requests_are(struct fixture *f, const char *expected)
{
	char text[256] = "";

	assert_int_equal(store_capf_requests(f->s, note_request, text, &f->e), 0);
	assert_string_equal(text, expected);
}

static int request(struct fixture *f, const struct store_capf_case *c, const char *key, int64_t now)
{
	return store_capf_request(f->s, c, c->number, span_of(key, strlen(key)), now, &f->e);
}

/* Keys for a third-party authority: one for an operation, as long as that is pending. */
static void requests(void **state)
{
	struct fixture *f = *state;
	struct store_capf_issued i;
	struct buf instead = {0};
	struct store_capf_case c;
	char none[64] = "";

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	c = get(f, PHONE);
	requests_are(f, "");
	assert_int_equal(request(f, &c, "one", NOW), 0);
	assert_int_equal(request(f, &c, "one", NOW + 1), 0);
	requests_are(f, PHONE " one 1000000;");
	assert_int_equal(request(f, &c, "two", NOW + 2), 0);
	requests_are(f, PHONE " two 1000002;");

	i = cert(&c, "cc01", 2);
	i.external = true;
	i.issued = NOW + 3;
	i.der = span_of("cc01", 4);
	assert_int_equal(store_capf_issue(f->s, &c, &i, &instead, &f->e), 0);
	requests_are(f, PHONE " two 1000002 ready;");
	assert_int_equal(finish(f, &c, "cc01"), 0);
	requests_are(f, "");
	assert_int_equal(request(f, &c, "three", NOW), ERR_CONFLICT);

	/* Whoever issued it revokes it in a CRL. */
	assert_int_equal(store_capf_revoke(f->s, "cc01", 1, NOW, &f->e), 0);
	assert_false(usable(f, "cc01"));
	assert_int_equal(store_capf_issued(f->s, NULL, NOW, fail_row, none, &f->e), 0);

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123457"), 0);
	requests_are(f, "");
}

/* A new operation takes over; what the old one left behind counts no more. */
static void replaced_operations(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case old, neu;
	char instead[64];

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	old = get(f, PHONE);
	assert_int_equal(issue(f, &old, "bb01", 1, instead), 0);
	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "999999"), 0);
	assert_int_equal(finish(f, &old, "bb01"), ERR_CONFLICT);
	neu = get(f, PHONE);
	assert_int_equal(issue(f, &neu, "bb02", 1, instead), 0);
	assert_string_equal(instead, "");
	assert_int_equal(finish(f, &neu, "bb02"), 0);
}

static void upgrade_delete_revoke(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	char instead[64];

	for (int i = 1; i <= 2; i++) {
		char serial[8];

		snprintf(serial, sizeof(serial), "cc0%d", i);
		assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
		c = get(f, PHONE);
		assert_int_equal(issue(f, &c, serial, (uint8_t)i, instead), 0);
		assert_int_equal(finish(f, &c, serial), 0);
	}
	/* A phone may still hold the one before. */
	assert_true(usable(f, "cc01"));
	assert_int_equal(store_capf_revoke(f->s, "cc01", 1, NOW, &f->e), 0);
	assert_false(usable(f, "cc01"));
	assert_int_equal(store_capf_revoke(f->s, "dd", 1, NOW, &f->e), ERR_FAILED);
	assert_int_equal(order(f, PHONE, STORE_CAPF_DELETE, "4711"), 0);
	c = get(f, PHONE);
	assert_int_equal(finish(f, &c, NULL), 0);
	assert_false(usable(f, "cc02"));
	assert_true(usable(f, "never-heard-of"));
	assert_int_equal(order(f, PHONE, STORE_CAPF_TROUBLESHOOT, "4711"), ERR_REFUSED);
}

static void keys_that_cannot_be_made(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	for (int i = 0; i <= limits.no_keys_max; i++) {
		c = get(f, PHONE);
		const struct store_capf_note n = {.number = c.number,
						  .now = NOW,
						  .address = "",
						  .text = "no key",
						  .no_key = true};

		assert_int_equal(c.capf.status, STORE_CAPF_PENDING);
		assert_int_equal(store_capf_note(f->s, &c, &n, &limits, &f->e), 0);
	}
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_FAILED);
	assert_string_equal(get(f, PHONE).capf.detail, "no key");
}

/* ---- batches ---- */

static void batches(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	char instead[64];

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	c = get(f, PHONE);
	assert_int_equal(store_batch_begin(f->s, &f->e), 0);
	assert_int_equal(issue(f, &c, "ee01", 1, instead), 0);
	/* It fails, and takes nothing else with it. */
	assert_int_equal(finish(f, &c, "ee99"), ERR_CONFLICT);
	assert_int_equal(finish(f, &c, "ee01"), 0);
	assert_int_equal(store_batch_end(f->s, &f->e), 0);
	assert_int_equal(get(f, PHONE).capf.status, STORE_CAPF_SUCCESSFUL);
}

/* ---- lists ---- */

static int count(const struct store_capf_row *r, void *arg, struct err *e)
{
	(void)e;
	assert_true(r->issued.serial[0] != '\0');
	++*(int *)arg;
	return 0;
}

static int count_case(const struct store_capf_case *c, void *arg, struct err *e)
{
	(void)c;
	(void)e;
	++*(int *)arg;
	return 0;
}

static void lists(void **state)
{
	struct fixture *f = *state;
	struct store_capf_case c;
	char instead[64];
	int n = 0;

	assert_int_equal(order(f, PHONE, STORE_CAPF_INSTALL, "123456"), 0);
	c = get(f, PHONE);
	assert_int_equal(issue(f, &c, "ff01", 1, instead), 0);
	assert_int_equal(issue(f, &c, "ff02", 2, instead), 0);
	assert_int_equal(store_capf_issued(f->s, PHONE, NOW, count, &n, &f->e), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(store_capf_issued(f->s, NULL, NOW, count, &n, &f->e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(finish(f, &c, "ff02"), 0);
	assert_int_equal(store_capf_issued(f->s, NULL, NOW, count, &n, &f->e), 0);
	assert_int_equal(n, 1);
	n = 0;
	assert_int_equal(store_capf_issued(f->s, NULL, 3 * NOW, count, &n, &f->e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_capf_each(f->s, count_case, &n, &f->e), 0);
	assert_int_equal(n, 1);
}

static int see_trust(const char *name, struct span der, void *arg, struct err *e)
{
	(void)e;
	assert_string_equal(name, "maker");
	++*(int *)arg;
	return der.len == 3 ? 0 : 1;
}

static void manufacturers(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	assert_int_equal(store_capf_trust_add(f->s, "maker", span_of("der", 3), &f->e), 0);
	assert_int_equal(store_capf_trust_add(f->s, "other", span_of("der", 3), &f->e),
			 ERR_CONFLICT);
	assert_int_equal(store_capf_trusted(f->s, see_trust, &n, &f->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_capf_trust_remove(f->s, "maker", &f->e), 0);
	assert_int_equal(store_capf_trust_remove(f->s, "maker", &f->e), ERR_FAILED);
}

/* ---- instances ---- */

static void instances(void **state)
{
	struct fixture *f = *state;
	struct store_capf_user u = {.application = true, .key_size = 1024};
	struct store_capf_case c;
	char instead[64];

	strcpy(u.user, "assistant");
	strcpy(u.instance, "node_one");
	assert_int_equal(store_capf_user_add(f->s, &u, &f->e), 0);
	assert_int_equal(store_capf_user_add(f->s, &u, &f->e), ERR_CONFLICT);
	strcpy(u.instance, "node1");
	assert_int_equal(store_capf_user_add(f->s, &u, &f->e), ERR_USAGE);
	assert_string_equal(f->e.id, "capf-instance");
	strcpy(u.instance, "a");
	strcpy(u.user, "a:b");
	assert_int_equal(store_capf_user_add(f->s, &u, &f->e), ERR_USAGE);

	assert_int_equal(order(f, "assistant:node_one", STORE_CAPF_INSTALL, NULL), ERR_REFUSED);
	assert_int_equal(order(f, "assistant:node_one", STORE_CAPF_INSTALL, "12345"), 0);
	assert_int_equal(order(f, "assistant:node_one", STORE_CAPF_DELETE, "12345"), ERR_USAGE);
	c = get(f, "assistant:node_one");
	assert_int_equal(c.kind, STORE_CAPF_USER);
	assert_int_equal(check(f, &c, "12345", NOW), STORE_CAPF_RIGHT);
	assert_int_equal(check(f, &c, "12346", NOW), STORE_CAPF_WRONG);
	assert_int_equal(issue(f, &c, "ab01", 1, instead), 0);
	assert_int_equal(finish(f, &c, "ab01"), 0);
	c = get(f, "assistant:node_one");
	assert_int_equal(c.capf.status, STORE_CAPF_SUCCESSFUL);
	assert_int_equal(check(f, &c, "12345", NOW), STORE_CAPF_WRONG);
	assert_int_equal(store_capf_user_remove(f->s, "assistant", "node_one", &f->e), 0);
	assert_int_equal(store_capf_user_remove(f->s, "assistant", "node_one", &f->e), ERR_FAILED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nobody),
		T(orders),
		T(deadlines),
		T(strings),
		T(strings_that_two_phones_have),
		T(guessing),
		T(issuing),
		T(requests),
		T(replaced_operations),
		T(upgrade_delete_revoke),
		T(keys_that_cannot_be_made),
		T(batches),
		T(lists),
		T(manufacturers),
		T(instances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
