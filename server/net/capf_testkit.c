#include "server/net/capf_testkit.h"

#include "common/file.h"
#include "common/hex.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 28, FILE_MAX = 1 << 20 };

static struct buf read_vector(const char *name, const char *suffix)
{
	const char *root = getenv("CTL_SOURCE_DIR");
	char path[4096];
	struct buf b = {0};
	struct err e;

	snprintf(path, sizeof(path), "%s/server/net/vectors/capf/%s%s", root ? root : ".", name,
		 suffix);
	if (file_read(path, FILE_MAX, &b, &e))
		fail_msg("%s", e.what);
	return b;
}

static void take_line(struct capf_test_session *s, char *line)
{
	struct buf *b = s->n ? &s->messages[s->n - 1].bytes : NULL;

	if (*line == 'X')
		return;
	if (*line != ' ') {
		assert_true(s->n < CAPF_TEST_MESSAGES);
		b = &s->messages[s->n].bytes;
		s->messages[s->n++].from = *line;
	}
	assert_non_null(b);
	assert_true(hex_parse(b, line + 2, strlen(line + 2)));
}

static void load_messages(struct capf_test_session *s)
{
	struct buf text = read_vector(s->file, ".hex");
	char *rest = (char *)(uintptr_t)buf_cstr(&text);

	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line)
			take_line(s, line);
	buf_free(&text);
}

static void take_columns(struct capf_test_session *s, char *line)
{
	char *const to[] = {s->file, s->device, s->operation, s->mode,   s->string,
			    s->key,  s->end,    s->becomes,   s->differs};

	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		const char *column = strsep(&line, "\t");

		assert_non_null(column);
		snprintf(to[i], CAPF_TEST_COLUMN, "%s", strcmp(column, "-") ? column : "");
	}
}

void capf_test_free(struct capf_test_session *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_free(&s->messages[i].bytes);
	*s = (struct capf_test_session){0};
}

void capf_test_load(struct capf_test_session *s, const char *begin)
{
	struct buf text = read_vector("capf-sessions", ".tsv");
	char *rest = (char *)(uintptr_t)buf_cstr(&text);

	*s = (struct capf_test_session){0};
	for (char *line; !s->n && (line = strsep(&rest, "\n"));) {
		if (strncmp(line, begin, strlen(begin)) != 0)
			continue;
		take_columns(s, line);
		load_messages(s);
	}
	buf_free(&text);
	assert_true(s->n > 0);
}

void capf_test_each(void (*fn)(const struct capf_test_session *s))
{
	for (int i = 1; i <= SESSIONS; i++) {
		struct capf_test_session s;
		char begin[16];

		snprintf(begin, sizeof(begin), "%02d-", i);
		capf_test_load(&s, begin);
		print_message("%s\n", s.file);
		fn(&s);
		capf_test_free(&s);
	}
}

X509 *capf_test_cert(const char *name, EVP_PKEY **key)
{
	char path[128];
	struct buf pem;
	X509 *x;
	BIO *bio;

	snprintf(path, sizeof(path), "keys/%s", name);
	pem = read_vector(path, ".pem");
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	if (key) {
		bio = BIO_new_mem_buf(pem.data, (int)pem.len);
		*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		BIO_free(bio);
		assert_non_null(*key);
	}
	buf_free(&pem);
	return x;
}
