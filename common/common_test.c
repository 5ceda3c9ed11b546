/* Unit tests of common/. */
#include "common/bytes.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/hostport.h"
#include "common/json.h"
#include "common/log.h"
#include "common/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of its own for each test that writes. */
static int setup_folder(void **state)
{
	char name[] = "/tmp/ctl-common.XXXXXX";

	*state = mkdtemp(name) ? strdup(name) : NULL;
	return *state ? 0 : -1;
}

static int teardown_folder(void **state)
{
	char *command = NULL;
	int rc = asprintf(&command, "rm -rf '%s'", (char *)*state);

	if (rc > 0)
		rc = system(command); /* NOLINT(cert-env33-c): a path this test made itself */
	free(command);
	free(*state);
	return rc;
}

static char *write_text(const char *dir, const char *name, const char *text)
{
	char *path = file_join(dir, name);
	struct err e;

	assert_int_equal(file_write(path, span_of(text, strlen(text)), 0600, &e), 0);
	return path;
}

static void cursor_stops_at_the_end(void **state)
{
	const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
	struct rd r = rd_of(span_of(bytes, sizeof(bytes)));

	(void)state;
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_false(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.bad);
}

static void cursor_stays_bad_and_gives_nothing(void **state)
{
	const uint8_t bytes[] = {1, 2, 3};
	struct rd r = rd_of(span_of(bytes, sizeof(bytes)));
	struct span s = rd_take(&r, 4);

	(void)state;
	assert_null(s.data);
	assert_true(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(r.left, 0);
}

static void cursor_takes_views(void **state)
{
	const uint8_t bytes[] = {1, 2, 3};
	struct rd r = rd_of(span_of(bytes, sizeof(bytes)));
	struct span s = rd_take(&r, 2);

	(void)state;
	assert_ptr_equal(s.data, bytes);
	assert_int_equal(s.len, 2);
	assert_int_equal(r.left, 1);
	assert_false(rd_take(&r, SIZE_MAX).data);
	assert_true(r.bad);
}

static void buffer_grows_and_counts(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_u8(&b, 1);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	assert_int_equal(b.len, 7);
	assert_memory_equal(b.data, "\1\2\3\4\5\6\7", 7);
	for (int i = 0; i < 1000; i++)
		buf_str(&b, "abc");
	assert_int_equal(b.len, 3007);
	assert_memory_equal(b.data + 3004, "abc", 3);
	buf_free(&b);
	assert_null(b.data);
}

static void buffer_has_a_limit(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_null(buf_room(&b, (size_t)BUF_MAX + 1));
	assert_true(b.bad);
	buf_u8(&b, 1);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void buffer_prints_text(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_printf(&b, "%s-%d", "x", 42);
	assert_string_equal(buf_cstr(&b), "x-42");
	assert_int_equal(b.len, 4);
	buf_wipe(&b);
}

static void hex_goes_both_ways(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		size_t len;
	} cases[] = {
		{"", true, 0},      {"00ff", true, 2}, {"A1:b2", true, 2}, {"a1 b2", true, 2},
		{"a", false, 0},    {"a1:", false, 0}, {"g0", false, 0},   {"a1::b2", false, 0},
		{"a1 b", false, 0}, {":a1", false, 0}, {"0x10", false, 0},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b.len = 0;
		assert_int_equal(hex_parse(&b, cases[i].text, strlen(cases[i].text)), cases[i].ok);
		assert_int_equal(b.len, cases[i].len);
	}
	b.len = 0;
	hex_upper(&b, span_of("\xa1\x02", 2), ':');
	hex_lower(&b, span_of("\xa1\x02", 2), 0);
	assert_string_equal(buf_cstr(&b), "A1:02a102");
	buf_free(&b);
}

static void error_carries_context(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_set(&e, ERR_TOKEN, "x", "no %s", "token"), ERR_TOKEN);
	assert_int_equal(err_hint(&e, "insert it"), ERR_TOKEN);
	assert_int_equal(err_wrap(&e, "slot %d", 3), ERR_TOKEN);
	assert_string_equal(e.what, "slot 3: no token");
	assert_string_equal(e.hint, "insert it");
	assert_string_equal(e.id, "x");
	err_set(&e, ERR_FAILED, "y", "other");
	assert_string_equal(e.hint, "");
}

static void error_cuts_long_text(void **state)
{
	char text[ERR_WHAT_MAX * 2];
	struct err e;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_FAILED, text, "%s", text);
	err_wrap(&e, "%s", text);
	assert_int_equal(strlen(e.what), ERR_WHAT_MAX - 1);
	assert_int_equal(strlen(e.id), ERR_ID_MAX - 1);
}

static void hostport_forms(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port; /* 0: refused */
	} cases[] = {
		{"pub", "pub", 2444},
		{"pub:1", "pub", 1},
		{"192.0.2.1:65535", "192.0.2.1", 65535},
		{"[2001:db8::1]:99", "2001:db8::1", 99},
		{"[2001:db8::1]", "2001:db8::1", 2444},
		{"2001:db8::1", NULL, 0},
		{"", NULL, 0},
		{":5", NULL, 0},
		{"pub:", NULL, 0},
		{"pub:0", NULL, 0},
		{"pub:65536", NULL, 0},
		{"pub:-1", NULL, 0},
		{"pub:+1", NULL, 0},
		{"pub:1x", NULL, 0},
		{"[::1", NULL, 0},
		{"[::1]x", NULL, 0},
	};
	struct hostport hp;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int rc = hostport_parse(&hp, cases[i].text, 2444, &e);

		assert_int_equal(rc, cases[i].port ? 0 : ERR_USAGE);
		if (rc)
			continue;
		assert_string_equal(hp.host, cases[i].host);
		assert_int_equal(hp.port, cases[i].port);
	}
}

static void file_replaces_whole(void **state)
{
	char *path = write_text(*state, "f", "old");
	struct buf b = {0};
	struct stat st;
	struct err e;

	assert_int_equal(file_write(path, span_of("new", 3), 0640, &e), 0);
	assert_int_equal(file_read(path, 10, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "new");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	buf_free(&b);
	free(path);
}

static void file_create_keeps_what_is_there(void **state)
{
	char *path = write_text(*state, "f", "old");
	struct buf b = {0};
	struct err e;

	assert_int_equal(file_create(path, span_of("new", 3), 0600, &e), ERR_FAILED);
	assert_string_equal(e.id, "file-exists");
	assert_int_equal(file_read(path, 10, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "old");
	buf_free(&b);
	free(path);
}

static void file_read_has_a_limit(void **state)
{
	char *path = write_text(*state, "f", "0123456789");
	struct buf b = {0};
	struct err e;

	assert_int_equal(file_read(path, 10, &b, &e), 0);
	buf_free(&b);
	assert_int_equal(file_read(path, 9, &b, &e), ERR_FAILED);
	assert_string_equal(e.id, "file-too-large");
	buf_free(&b);
	assert_int_equal(file_read("/dev/zero", 100000, &b, &e), ERR_FAILED);
	buf_free(&b);
	assert_int_equal(file_read("/nowhere/at/all", 9, &b, &e), ERR_FAILED);
	assert_string_equal(e.id, "file-missing");
	free(path);
}

static void file_write_leaves_nothing_behind(void **state)
{
	char *sub = file_join(*state, "a/b");
	char *path = file_join(sub, "f");
	struct err e;

	assert_int_equal(file_write(path, span_of("x", 1), 0600, &e), ERR_FAILED);
	assert_string_equal(e.id, "file-write");
	assert_int_equal(file_mkdirs(sub, 0700, &e), 0);
	assert_int_equal(file_mkdirs(sub, 0700, &e), 0);
	assert_int_equal(file_write(path, span_of("x", 1), 0600, &e), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(sub), 0); /* empty: no temporary file is left */
	free(path);
	free(sub);
}

static void secret_sources(void **state)
{
	char *path = write_text(*state, "pin", "1234\nrest");
	char *empty = write_text(*state, "empty", "\n");
	char source[256];
	struct secret s;
	struct err e;

	snprintf(source, sizeof(source), "file:%s", path);
	assert_int_equal(secret_read(&s, source, "PIN", "PIN", "--pin-source", &e), 0);
	assert_string_equal(s.text, "1234");
	assert_int_equal(s.len, 4);
	secret_free(&s);
	assert_null(s.text);

	setenv("CTL_TEST_PIN", "abc", 1);
	assert_int_equal(secret_read(&s, "env:CTL_TEST_PIN", "PIN", "PIN", "-p", &e), 0);
	assert_string_equal(s.text, "abc");
	secret_free(&s);

	snprintf(source, sizeof(source), "file:%s", empty);
	assert_int_equal(secret_read(&s, source, "PIN", "PIN", "-p", &e), ERR_FAILED);
	assert_null(s.text);
	free(path);
	free(empty);
}

static void secret_refuses_and_does_not_repeat(void **state)
{
	static const struct {
		const char *source;
		int kind;
	} cases[] = {
		{"topsecret", ERR_USAGE},
		{"fd:x", ERR_USAGE},
		{"fd:", ERR_USAGE},
		{"fd:-1", ERR_USAGE},
		{"env:CTL_NOT_SET", ERR_FAILED},
		{"file:/nowhere", ERR_FAILED},
		{"fd:999", ERR_FAILED},
	};
	struct secret s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(secret_read(&s, cases[i].source, "PIN", "PIN", "-p", &e),
				 cases[i].kind);
		assert_null(s.text);
		assert_null(strstr(e.what, "topsecret"));
		assert_null(strstr(e.hint, "topsecret"));
	}
}

static void secret_from_a_descriptor_takes_one_line(void **state)
{
	char c = 0;
	int fds[2];
	char source[16];
	struct secret s;
	struct err e;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "pin\nnext", 8), 8);
	snprintf(source, sizeof(source), "fd:%d", fds[0]);
	assert_int_equal(secret_read(&s, source, "PIN", "PIN", "-p", &e), 0);
	assert_string_equal(s.text, "pin");
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(c, 'n');
	secret_free(&s);
	close(fds[0]);
	close(fds[1]);
}

static void secret_too_long_is_refused(void **state)
{
	char text[SECRET_MAX + 10];
	char *path;
	char source[256];
	struct secret s;
	struct err e;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	path = write_text(*state, "long", text);
	snprintf(source, sizeof(source), "file:%s", path);
	assert_int_equal(secret_read(&s, source, "PIN", "PIN", "-p", &e), ERR_FAILED);
	assert_int_equal(secret_set(&s, text, SECRET_MAX, &e), ERR_FAILED);
	free(path);
}

static void conf_reads_all_keys(void **state)
{
	char *path = write_text(
		*state, "c",
		"state = \"/s\"\nlog-level = debug\nprovider {\n listen = "
		"\"127.0.0.1:1\"\n connections = 7\n signers = \"/a.pem\"\n "
		"require-hardware = true\n}\ntftp { listen = \"[::1]:2\"\n key = \"/k\"\n "
		"certificate = \"/c\"\n digest = sha512 }\n"
		"metrics { listen = \"127.0.0.1\" }\n");
	struct conf c;
	struct err e;

	assert_int_equal(conf_load(&c, path, &e), 0);
	assert_string_equal(c.state, "/s");
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c.provider.port, 1);
	assert_string_equal(c.tftp.host, "::1");
	assert_string_equal(c.tftp_key, "/k");
	assert_string_equal(c.tftp_cert, "/c");
	assert_true(c.tftp_sha512);
	assert_int_equal(c.provider_connections, 7);
	assert_string_equal(c.signers, "/a.pem");
	assert_true(c.require_hardware);
	assert_string_equal(c.metrics.host, "127.0.0.1");
	assert_int_equal(c.metrics.port, PORT_METRICS);
	conf_free(&c);
	free(path);
}

static void conf_refuses_mistakes(void **state)
{
	static const char *const bad[] = {
		"stat = \"x\"\n",
		"log-level = loud\n",
		"provider { listen = \"a:b:c\" }\n",
		"provider { port = 3 }\n",
		"state = \"unclosed\n",
		"provider { connections = 0 }\n",
		"provider { connections = 65537 }\n",
		"provider { connections = many }\n",
		"provider { require-hardware = true }\n",
		"metrics { listen = \"192.0.2.1:80\" }\n",
		"metrics { listen = \"0.0.0.0:80\" }\n",
		"tftp { digest = md5 }\n",
		"tftp { cache = 0 }\n",
		"tftp { cache = 65537 }\n",
		"tftp { cache = 99999999999999999999 }\n",
		"capf { connections = 0 }\n",
		"capf { validity = 3561 }\n",
		"capf { key-retries = -1 }\n",
		"capf { attempts = 1001 }\n",
		"capf { expires = 0 }\n",
		"capf { patience = 0 }\n",
		"capf { patience = 3601 }\n",
	};
	struct conf c;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *path = write_text(*state, "c", bad[i]);

		assert_int_equal(conf_load(&c, path, &e), ERR_USAGE);
		assert_null(c.state);
		free(path);
	}
	assert_int_equal(conf_load(&c, "/nowhere/ctlsuite.conf", &e), ERR_USAGE);
}

static void json_is_strict(void **state)
{
	static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":\"\xff\"}"};
	json_t *doc = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(json_read(&doc, span_of(bad[i], strlen(bad[i])), &e), ERR_FAILED);
	assert_int_equal(json_read(&doc, span_of("{\"a\":1}", 7), &e), 0);
	json_decref(doc);
}

static void json_text_takes_any_bytes(void **state)
{
	json_t *v = json_text(span_of("a\xff\x01", 3));

	(void)state;
	assert_string_equal(json_string_value(v), "a\\xff\\x01");
	json_decref(v);
	v = json_text(span_of("gr\xc3\xbc", 4));
	assert_string_equal(json_string_value(v), "gr\xc3\xbc");
	json_decref(v);
	v = json_text(span_of(NULL, 0));
	assert_string_equal(json_string_value(v), "");
	json_decref(v);
	v = json_hex(span_of("\x01\xab", 2));
	assert_string_equal(json_string_value(v), "01ab");
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cursor_stops_at_the_end),
		cmocka_unit_test(cursor_stays_bad_and_gives_nothing),
		cmocka_unit_test(cursor_takes_views),
		cmocka_unit_test(buffer_grows_and_counts),
		cmocka_unit_test(buffer_has_a_limit),
		cmocka_unit_test(buffer_prints_text),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(error_carries_context),
		cmocka_unit_test(error_cuts_long_text),
		cmocka_unit_test(hostport_forms),
		cmocka_unit_test_setup_teardown(file_replaces_whole, setup_folder, teardown_folder),
		cmocka_unit_test_setup_teardown(file_create_keeps_what_is_there, setup_folder,
						teardown_folder),
		cmocka_unit_test_setup_teardown(file_read_has_a_limit, setup_folder,
						teardown_folder),
		cmocka_unit_test_setup_teardown(file_write_leaves_nothing_behind, setup_folder,
						teardown_folder),
		cmocka_unit_test_setup_teardown(secret_sources, setup_folder, teardown_folder),
		cmocka_unit_test(secret_refuses_and_does_not_repeat),
		cmocka_unit_test(secret_from_a_descriptor_takes_one_line),
		cmocka_unit_test_setup_teardown(secret_too_long_is_refused, setup_folder,
						teardown_folder),
		cmocka_unit_test_setup_teardown(conf_reads_all_keys, setup_folder, teardown_folder),
		cmocka_unit_test_setup_teardown(conf_refuses_mistakes, setup_folder,
						teardown_folder),
		cmocka_unit_test(json_is_strict),
		cmocka_unit_test(json_text_takes_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
