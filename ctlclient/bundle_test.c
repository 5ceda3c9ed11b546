/* Bundles: what is written is read again; what strangers write is refused. */
#include "ctlclient/bundle.h"

#include "trustfile/testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION 7

static struct test_key key;

static int set_up(void **state)
{
	(void)state;
	key = test_key_rsa(2048, "token");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_key_free(&key);
	return 0;
}

static json_t *description(void)
{
	return json_pack("{s:s, s:s, s:i, s:[]}", "name", "cluster", "security_mode", "mixed",
			 "generation", GENERATION, "nodes");
}

/* One TFTP server comes, one goes. */
static void wish_for_tftp(struct tftp_wish *w)
{
	const struct draft_server s = {.role = TL_TFTP,
				       .dns = "alt",
				       .has_ip = true,
				       .ip = {192, 0, 2, 9},
				       .cert = key.cert};
	struct err e;

	assert_int_equal(tftp_wish_add(w, &s, &e), 0);
	assert_int_equal(tftp_wish_remove(w, "old", &e), 0);
}

static void assert_tftp(const struct tftp_wish *w)
{
	static const uint8_t ip[] = {192, 0, 2, 9};

	assert_int_equal(w->n_added, 1);
	assert_string_equal(w->added[0].dns, "alt");
	assert_memory_equal(w->added[0].ip, ip, sizeof(ip));
	assert_int_equal(X509_cmp(w->added[0].cert, key.cert), 0);
	assert_int_equal(w->n_removed, 1);
	assert_string_equal(w->removed[0], "old");
}

/* A request for one more token, named by certificate, and one named by URI. */
static struct buf request(void)
{
	struct change c = {.kind = CHANGE_ADD_TOKEN, .n = 2, .digest = TL_SHA512};
	struct cluster_view v = {.doc = description(), .generation = GENERATION};
	char sha256[2 * SHA256_LEN + 1];
	struct buf out = {0};
	struct err e;

	v.file = test_file("vectors/tlv/ctl-sha1.tlv");
	c.tokens[0].cert = key.cert;
	c.tokens[1].name = "pkcs11:token=SAST%202";
	wish_for_tftp(&c.tftp);
	assert_int_equal(bundle_request(&out, sha256, &c, &v, NULL, "pub:2444", &e), 0);
	tftp_wish_free(&c.tftp);
	buf_free(&v.file);
	json_decref(v.doc);
	return out;
}

static struct buf signed_list(void)
{
	struct buf list = test_file("vectors/tlv/ctl-sha1.tlv");
	struct tftp_wish tftp = {0};
	const struct bundle_list l = {.provider = "pub:2444",
				      .cluster = "cluster",
				      .generation = GENERATION,
				      .mixed = true,
				      .list = buf_view(&list),
				      .tftp = &tftp};
	struct buf out = {0};
	struct err e;

	wish_for_tftp(&tftp);
	assert_int_equal(bundle_signed(&out, &l, &e), 0);
	tftp_wish_free(&tftp);
	buf_free(&list);
	return out;
}

static void a_request_is_read_again(void **state)
{
	struct buf text = request();
	struct buf list = test_file("vectors/tlv/ctl-sha1.tlv");
	struct bundle b;
	struct err e;

	(void)state;
	assert_int_equal(bundle_parse(&b, buf_view(&text), &e), 0);
	assert_false(b.is_signed);
	assert_string_equal(b.provider, "pub:2444");
	assert_string_equal(b.cluster, "cluster");
	assert_int_equal(b.generation, GENERATION);
	assert_true(span_eq(buf_view(&b.list), buf_view(&list)));
	assert_int_equal(b.change.kind, CHANGE_ADD_TOKEN);
	assert_int_equal(b.change.digest, TL_SHA512);
	assert_int_equal(b.change.n, 2);
	assert_int_equal(X509_cmp(b.change.tokens[0].cert, key.cert), 0);
	assert_string_equal(b.change.tokens[1].name, "pkcs11:token=SAST%202");
	assert_tftp(&b.change.tftp);
	bundle_free(&b);
	buf_free(&list);
	buf_free(&text);
}

static void a_signed_list_is_read_again(void **state)
{
	struct buf text = signed_list();
	struct buf list = test_file("vectors/tlv/ctl-sha1.tlv");
	struct bundle b;
	struct err e;

	(void)state;
	assert_int_equal(bundle_parse(&b, buf_view(&text), &e), 0);
	assert_true(b.is_signed);
	assert_true(b.mixed);
	assert_null(b.request);
	assert_int_equal(b.generation, GENERATION);
	assert_true(span_eq(buf_view(&b.list), buf_view(&list)));
	assert_tftp(&b.tftp);
	bundle_free(&b);
	buf_free(&list);
	buf_free(&text);
}

static void uris_with_attributes_do_not_travel(void **state)
{
	struct change c = {.kind = CHANGE_ADD_TOKEN, .n = 1};
	struct cluster_view v = {.doc = description(), .generation = GENERATION};
	char sha256[2 * SHA256_LEN + 1];
	struct buf out = {0};
	struct err e;

	(void)state;
	c.tokens[0].name = "pkcs11:token=x?pin-source=file:/etc/passwd";
	assert_int_equal(bundle_request(&out, sha256, &c, &v, NULL, "pub", &e), ERR_USAGE);
	assert_int_equal(out.len, 0);
	json_decref(v.doc);
}

/* ---- hostile ones ---- */

/* The bundle with one member of its body set to value (JSON text; NULL: taken out), and a SHA-256
 * that is right again: an attacker's tool does no less. */
static struct buf forged(const struct buf *good, const char *object, const char *member,
			 const char *value)
{
	json_t *doc = json_loadb((const char *)good->data, good->len, 0, NULL);
	json_t *body = json_object_get(doc, "body");
	json_t *at = object ? json_object_get(body, object) : body;
	char sha256[2 * SHA256_LEN + 1];
	struct buf out = {0};
	struct err e;
	char *text;

	assert_non_null(at);
	if (value) {
		json_t *v = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

		assert_non_null(v);
		json_object_set_new(at, member, v);
	} else {
		json_object_del(at, member);
	}
	text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	assert_int_equal(sha256_text(sha256, span_of(text, strlen(text)), &e), 0);
	free(text);
	json_object_set_new(doc, "sha256", json_string(sha256));
	text = json_dumps(doc, 0);
	buf_str(&out, text);
	free(text);
	json_decref(doc);
	return out;
}

static void refused(struct span text, const char *why)
{
	struct bundle b;
	struct err e = {0};
	const int rc = bundle_parse(&b, text, &e);

	if (rc != ERR_REFUSED || strcmp(e.id, "bundle") != 0)
		fail_msg("taken: %s", why);
	if (why && !strstr(e.what, why))
		fail_msg("\"%s\" does not say \"%s\"", e.what, why);
	assert_null(b.doc);
}

static void forged_requests_are_refused(void **state)
{
	static const struct {
		const char *object, *member, *value, *why;
	} table[] = {
		{NULL, "made", NULL, "no request"},
		{NULL, "made", "1", "no request"},
		{NULL, "extra", "1", "no request"},
		{NULL, "generation", "-1", "generation"},
		{NULL, "generation", "\"7\"", "no request"},
		{NULL, "generation", "7.5", "no request"},
		{NULL, "cluster", "[]", "no request"},
		{NULL, "cluster", "{}", "no request"},
		{NULL, "list", "\"!!!!\"", "base64"},
		{NULL, "list", "\"QQ\"", "base64"},
		{NULL, "list", "null", "no request"},
		{NULL, "provider", "\"pub\\u001b[2J\"", "cannot be shown"},
		{NULL, "provider", "\"pub\\u202e4442\"", "cannot be shown"},
		{NULL, "provider", "\"pub\\nroot\"", "cannot be shown"},
		{NULL, "made", "\"\\u0007\"", "cannot be shown"},
		{"cluster", "name", "\"a\\u009bb\"", "cannot be shown"},
		{"cluster", "a\nb", "1", "cannot be shown"},
		{"change", "kind", "\"format-disk\"", "nothing that this release knows"},
		{"change", "kind", "\"update\"", NULL}, /* tokens are fine with any kind */
		{"change", "kind", "\"set-mode\"", "leaves out what"},
		{"change", "kind", "\"remove-token\"", "leaves out what"},
		{"change", "mode", "\"mixed\"", "leaves out what"},
		{"change", "digest", "\"md5\"", "digest"},
		{"change", "tokens", "[]", "leaves out what"},
		{"change", "tokens", "{}", "nothing that this release knows"},
		{"change", "tokens", "[1]", "neither by URI"},
		{"change", "tokens", "[{}]", "neither by URI"},
		{"change", "tokens", "[{\"uri\":\"pkcs11:token=a\",\"certificate\":\"x\"}]",
		 "neither by URI"},
		{"change", "tokens", "[{\"uri\":\"pkcs11:token=a\",\"path\":\"x\"}]",
		 "neither by URI"},
		{"change", "tokens", "[{\"uri\":\"/etc/passwd\"}]", "plain pkcs11"},
		{"change", "tokens", "[{\"uri\":\"pkcs11:?module-path=/tmp/evil.so\"}]",
		 "plain pkcs11"},
		{"change", "tokens", "[{\"uri\":\"pkcs11:token=a?pin-source=|sh\"}]",
		 "plain pkcs11"},
		{"change", "tokens", "[{\"certificate\":\"no PEM\"}]", "cannot be read"},
		{"change", "kind", "\"add-tftp\"", NULL},
		{"change", "tftp_servers", NULL, NULL},
		{"change", "tftp_servers", "[]", "TFTP servers"},
		{"change", "tftp_servers", "{\"add\":[]}", "TFTP servers"},
		{"change", "tftp_servers", "{\"add\":[1],\"remove\":[]}", "TFTP servers"},
		{"change", "tftp_servers", "{\"add\":[],\"remove\":[\"\"]}", "TFTP servers"},
		{"change", "tftp_servers",
		 "{\"add\":[{\"name\":\"a\",\"address\":\"\",\"certificate\":\"no PEM\"}],"
		 "\"remove\":[]}",
		 "TFTP servers"},
	};
	struct buf good = request();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text = forged(&good, table[i].object, table[i].member, table[i].value);
		struct bundle b;
		struct err e;

		print_message("%s = %s\n", table[i].member,
			      table[i].value ? table[i].value : "(taken out)");
		if (table[i].why) {
			refused(buf_view(&text), table[i].why);
		} else {
			assert_int_equal(bundle_parse(&b, buf_view(&text), &e), 0);
			bundle_free(&b);
		}
		buf_free(&text);
	}
	buf_free(&good);
}

static void forged_signed_lists_are_refused(void **state)
{
	static const struct {
		const char *member, *value, *why;
	} table[] = {
		{"list", "\"\"", "holds no list"},
		{"list", NULL, "no signed list"},
		{"mode", "\"loud\"", "mode"},
		{"mode", NULL, "no signed list"},
		{"generation", "-9223372036854775808", "generation"},
		{"extra", "true", "no signed list"},
		{"tftp_servers", "\"alt\"", "TFTP servers"},
		{"cluster", "{\"name\":\"x\"}", "no signed list"},
	};
	struct buf good = signed_list();

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text = forged(&good, NULL, table[i].member, table[i].value);

		print_message("%s = %s\n", table[i].member,
			      table[i].value ? table[i].value : "(taken out)");
		refused(buf_view(&text), table[i].why);
		buf_free(&text);
	}
	buf_free(&good);
}

static void texts_that_are_no_bundle(void **state)
{
	static const char *const table[] = {
		"",
		"{",
		"[]",
		"{}",
		"null",
		"{\"format\":\"ctlsuite-request\",\"version\":1,\"sha256\":\"\",\"body\":{}}",
		"{\"format\":\"ctlsuite-request\",\"version\":2,\"sha256\":\"\",\"body\":{}}",
		"{\"format\":\"other\",\"version\":1,\"sha256\":\"\",\"body\":{}}",
		"{\"format\":\"ctlsuite-request\",\"version\":1,\"sha256\":\"\",\"body\":{},\"x\":"
		"1}",
		"{\"format\":\"ctlsuite-request\",\"format\":\"ctlsuite-signed\",\"version\":1,"
		"\"sha256\":\"\",\"body\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		refused(span_of(table[i], strlen(table[i])), "");
}

/* Any one byte of the body: what is read is what was written, or it is refused. */
static void damage_is_found(void **state)
{
	struct buf text = signed_list();
	struct bundle whole;
	struct err e;

	(void)state;
	assert_int_equal(bundle_parse(&whole, buf_view(&text), &e), 0);
	for (size_t i = 0; i < text.len; i += 7) {
		struct bundle b;

		text.data[i] ^= 0x01;
		if (bundle_parse(&b, buf_view(&text), &e)) {
			assert_null(b.doc);
		} else {
			assert_true(json_equal(b.doc, whole.doc));
			bundle_free(&b);
		}
		text.data[i] ^= 0x01;
	}
	bundle_free(&whole);
	text.data[text.len / 2] ^= 0x01;
	refused(buf_view(&text), "");
	buf_free(&text);
}

static void too_much_of_everything(void **state)
{
	struct buf good = request();
	struct buf value = {0};
	struct buf text;
	struct buf large = {0};

	(void)state;
	buf_u8(&value, '"');
	for (size_t i = 0; i <= BUNDLE_TEXT_MAX; i++)
		buf_u8(&value, 'a');
	buf_u8(&value, '"');
	text = forged(&good, "cluster", "name", buf_cstr(&value));
	refused(buf_view(&text), "too long");
	buf_free(&text);

	value.len = 0;
	buf_u8(&value, '[');
	for (size_t i = 0; i <= CHANGE_TOKENS_MAX; i++)
		buf_printf(&value, "%s{\"uri\":\"pkcs11:token=%zu\"}", i ? "," : "", i);
	buf_u8(&value, ']');
	text = forged(&good, "change", "tokens", buf_cstr(&value));
	refused(buf_view(&text), "too many tokens");
	buf_free(&text);

	value.len = 0;
	buf_u8(&value, '"');
	for (size_t i = 0; i < (size_t)TL_FILE_MAX / 3 * 4 + 8; i++)
		buf_u8(&value, 'A');
	buf_u8(&value, '"');
	text = forged(&good, NULL, "list", buf_cstr(&value));
	refused(buf_view(&text), "too long");
	buf_free(&text);

	for (size_t i = 0; i <= BUNDLE_MAX; i++)
		buf_u8(&large, ' ');
	refused(buf_view(&large), "too large");
	buf_free(&large);

	/* As deep as the JSON reader goes. */
	value.len = 0;
	for (int i = 0; i < 1500; i++)
		buf_u8(&value, '[');
	for (int i = 0; i < 1500; i++)
		buf_u8(&value, ']');
	text = forged(&good, NULL, "history", buf_cstr(&value));
	{
		struct bundle b;
		struct err e;

		assert_int_equal(bundle_parse(&b, buf_view(&text), &e), 0);
		bundle_free(&b);
	}
	buf_free(&text);
	buf_free(&value);
	buf_free(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_again),
		cmocka_unit_test(a_signed_list_is_read_again),
		cmocka_unit_test(uris_with_attributes_do_not_travel),
		cmocka_unit_test(forged_requests_are_refused),
		cmocka_unit_test(forged_signed_lists_are_refused),
		cmocka_unit_test(texts_that_are_no_bundle),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(too_much_of_everything),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
