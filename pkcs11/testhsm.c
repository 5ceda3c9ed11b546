#include "pkcs11/testhsm.h"

#include "common/testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

static char folder[PATH_SIZE];

const char *hsm_folder(void)
{
	return folder;
}

const char *hsm_module(void)
{
	static const char *const known[] = {
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/softhsm/libsofthsm2.so",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!access(known[i], R_OK))
			return known[i];
	fail_msg("SoftHSM is not installed (Debian: libsofthsm2)");
	return NULL;
}

static void write_conf(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f,
		"directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"
		"slots.removable = false\n",
		folder);
	assert_int_equal(fclose(f), 0);
}

int hsm_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char conf[PATH_SIZE + 32];
	struct tokens *ts;
	struct err e;

	snprintf(folder, sizeof(folder), "%s/hsm.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(folder));
	snprintf(conf, sizeof(conf), "%s/softhsm2.conf", folder);
	write_conf(conf);
	setenv("SOFTHSM2_CONF", conf, 1);
	assert_ok(tokens_open(&ts, hsm_module(), &e), &e);
	*state = ts;
	return 0;
}

int hsm_teardown(void **state)
{
	tokens_close(*state);
	return test_folder_remove(folder);
}

struct secret hsm_secret(const char *text)
{
	struct secret s = {0};
	struct err e;

	assert_ok(secret_set(&s, text, strlen(text), &e), &e);
	return s;
}

struct token_info hsm_token(struct tokens *ts, const char *label)
{
	struct secret so_pin = hsm_secret(HSM_SO_PIN);
	struct secret pin = hsm_secret(HSM_PIN);
	struct token_info target, info;
	struct err e;

	assert_ok(token_init_target(&target, ts, NULL, TOKEN_ANY_SLOT, &e), &e);
	assert_ok(token_init(ts, &target, label, &so_pin, &pin, &info, &e), &e);
	secret_free(&so_pin);
	secret_free(&pin);
	return info;
}

struct token *hsm_find(struct tokens *ts, const char *uri)
{
	struct token *t;
	struct err e;

	assert_ok(token_find(&t, ts, uri, &e), &e);
	return t;
}

struct token *hsm_login(struct tokens *ts, const char *uri)
{
	struct token *t = hsm_find(ts, uri);
	struct secret pin = hsm_secret(HSM_PIN);
	struct err e;

	assert_ok(token_login(t, &pin, false, &e), &e);
	secret_free(&pin);
	return t;
}

X509 *hsm_key(struct token *t, const char *label, unsigned bits)
{
	char subject[128];
	const struct token_keygen spec = {label, bits, 30, subject, false};
	X509 *cert;
	struct err e;

	snprintf(subject, sizeof(subject), "CN=%s,OU=Voice,O=Example", label);
	assert_ok(token_keygen(t, &spec, &cert, &e), &e);
	return cert;
}
