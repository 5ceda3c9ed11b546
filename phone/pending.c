#include "phone/pending.h"

#include "common/file.h"
#include "phone/own_cert.h"
#include "server/device/words.h"
#include "trustfile/cert.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024 };

static const char key_file[] = "lsc.pending.key";
static const char cert_file[] = "lsc.pending.pem";
static const char mode_file[] = "capf.mode";

static int read_file(struct buf *content, const char *dir, const char *name, struct err *e)
{
	char *path = file_join(dir, name);
	int rc = path ? file_read(path, FILE_MAX, content, e) : err_nomem(e);

	free(path);
	if (rc && !strcmp(e->id, "file-missing"))
		rc = 0;
	return rc;
}

static int write_file(const char *dir, const char *name, struct span content, struct err *e)
{
	char *path = file_join(dir, name);
	int rc = path ? file_mkdirs(dir, 0755, e) : err_nomem(e);

	if (!rc)
		rc = file_write(path, content, 0600, e);
	free(path);
	return rc;
}

static int write_bio(const char *dir, const char *name, BIO *bio, bool written, struct err *e)
{
	char *data = NULL;
	const long n = written ? BIO_get_mem_data(bio, &data) : 0;
	const int rc =
		n > 0 ? write_file(dir, name, span_of(data, (size_t)n), e)
		      : err_openssl(e, ERR_FAILED, "own-certificate", "cannot write %s", name);

	BIO_free(bio);
	return rc;
}

/* ---- key and certificate ---- */

int pending_key(EVP_PKEY **key, const char *dir, struct err *e)
{
	struct buf pem = {0};
	BIO *bio;
	int rc = read_file(&pem, dir, key_file, e);

	*key = NULL;
	if (!rc && pem.len) {
		bio = BIO_new_mem_buf(pem.data, (int)pem.len);
		*key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
		ERR_clear_error();
	}
	buf_wipe(&pem);
	return rc;
}

int pending_key_put(const char *dir, const EVP_PKEY *key, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	return write_bio(dir, key_file, bio,
			 bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL),
			 e);
}

int pending_install(const char *dir, const X509 *cert, const EVP_PKEY *key, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc = pending_key_put(dir, key, e);

	if (rc)
		BIO_free(bio);
	else
		rc = write_bio(dir, cert_file, bio, bio && PEM_write_bio_X509(bio, cert), e);
	return rc ? rc : own_cert_save(dir, OWN_LSC, cert, key, e);
}

int pending_recover(const char *dir, struct err *e)
{
	struct buf pem = {0};
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rc = read_file(&pem, dir, cert_file, e);

	if (!rc && pem.len)
		rc = pending_key(&key, dir, e);
	if (!rc && key && !cert_from_file_bytes(&cert, buf_view(&pem), e) &&
	    X509_check_private_key(cert, key) == 1)
		rc = own_cert_save(dir, OWN_LSC, cert, key, e);
	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(key);
	buf_free(&pem);
	return rc;
}

/* ---- the mode ---- */

int pending_mode(enum device_auth *mode, const char *dir, struct err *e)
{
	struct buf text = {0};
	int rc = read_file(&text, dir, mode_file, e);
	const char *word = rc ? NULL : buf_cstr(&text);

	*mode = 0;
	if (word)
		(void)device_auth_of(mode, word);
	buf_free(&text);
	return rc;
}

int pending_mode_put(const char *dir, enum device_auth mode, struct err *e)
{
	const char *word = device_auth_word(mode);

	return write_file(dir, mode_file, span_of(word, strlen(word)), e);
}

void pending_clear(const char *dir)
{
	/* The certificate first: without its key nothing is recovered from it. */
	static const char *const names[] = {cert_file, key_file, mode_file};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = file_join(dir, names[i]);

		if (path)
			unlink(path);
		free(path);
	}
}
