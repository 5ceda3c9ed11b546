#include "phone/testkit.h"

#include "common/file.h"
#include "trustfile/encrypted.h"
#include "trustfile/pkey.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST_TIME = 1600000000 };

/* ---- the folder ---- */

int folder_set_up(void **state)
{
	struct phone_folder *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/ctl-phone.XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

int folder_tear_down(void **state)
{
	struct phone_folder *f = *state;
	DIR *d = opendir(f->dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			folder_remove(f, entry->d_name);
	closedir(d);
	rmdir(f->dir);
	free(f);
	return 0;
}

void folder_put(const struct phone_folder *f, const char *name, struct span content)
{
	char *path = file_join(f->dir, name);
	struct err e;

	if (file_write(path, content, 0600, &e))
		fail_msg("%s", e.what);
	free(path);
}

void folder_remove(const struct phone_folder *f, const char *name)
{
	char *path = file_join(f->dir, name);

	unlink(path);
	free(path);
}

bool folder_has(const struct phone_folder *f, const char *name)
{
	char *path = file_join(f->dir, name);
	const bool has = access(path, F_OK) == 0;

	free(path);
	return has;
}

void folder_put_own(const struct phone_folder *f, enum own_kind kind, const char *key)
{
	struct test_key k = test_key_load(key);
	struct err e;

	if (own_cert_save(f->dir, kind, k.cert, k.key, &e))
		fail_msg("%s", e.what);
	test_key_free(&k);
}

void folder_put_list(const struct phone_folder *f, const char *name, const char *vector)
{
	struct buf b = {0};

	folder_remove(f, name);
	if (!vector)
		return;
	b = test_file(vector);
	folder_put(f, name, buf_view(&b));
	buf_free(&b);
}

/* ---- the server ---- */

int server_fetch(void *arg, const char *name, struct buf *out, struct err *e)
{
	struct phone_server *s = arg;

	if (strlen(s->asked) + strlen(name) + 2 <= sizeof(s->asked)) {
		strcat(s->asked, name);
		strcat(s->asked, " ");
	}
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->files[i].name, name) != 0)
			continue;
		buf_span(out, buf_view(&s->files[i].bytes));
		return 0;
	}
	return err_set(e, ERR_FAILED, s->failure ? s->failure : "tftp-not-found", "no %s", name);
}

void server_remove(struct phone_server *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->files[i].name, name) != 0)
			continue;
		buf_free(&s->files[i].bytes);
		s->files[i] = s->files[--s->n];
		return;
	}
}

static struct buf *add(struct phone_server *s, const char *name)
{
	server_remove(s, name);
	assert_true(s->n < SERVER_FILES_MAX);
	s->files[s->n].name = name;
	s->files[s->n].bytes = (struct buf){0};
	return &s->files[s->n++].bytes;
}

void server_put_vector(struct phone_server *s, const char *name, const char *vector)
{
	*add(s, name) = test_file(vector);
}

void server_put(struct phone_server *s, const char *name, const char *text)
{
	buf_str(add(s, name), text);
}

void server_put_signed_by(struct phone_server *s, const char *name, const char *text,
			  const char *signer)
{
	struct test_key k = test_key_load(signer);
	const struct sgn_plan plan = {
		.filename = name,
		.signer = k.cert,
		.digest = TL_SHA1,
		.timestamp = TEST_TIME,
	};
	struct err e;

	if (sgn_build(add(s, name), &plan, span_of(text, strlen(text)), pkey_sign, k.key, &e))
		fail_msg("%s", e.what);
	test_key_free(&k);
}

void server_put_signed(struct phone_server *s, const char *name, const char *text)
{
	server_put_signed_by(s, name, text, "ccm");
}

void server_put_encrypted(struct phone_server *s, const char *name, const char *text,
			  const char *phone, const uint8_t *typed)
{
	struct test_key ccm = test_key_load("ccm"), k = {0};
	struct enc_plan plan = {
		.sgn = {.filename = name,
			.signer = ccm.cert,
			.digest = TL_SHA1,
			.timestamp = TEST_TIME},
		.manual_key = typed,
	};
	struct err e;

	if (phone)
		k = test_key_load(phone);
	plan.phone = k.cert;
	if (enc_build(add(s, name), &plan, span_of(text, strlen(text)), pkey_sign, ccm.key, &e))
		fail_msg("%s", e.what);
	test_key_free(&ccm);
	test_key_free(&k);
}

void server_free(struct phone_server *s)
{
	while (s->n)
		server_remove(s, s->files[0].name);
}
