#include "phone/own_cert.h"

#include "common/file.h"
#include "common/hex.h"
#include "trustfile/cert.h"
#include "trustfile/pkey.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEM_FILE_MAX = 64 * 1024, MD5_LEN = 16 };

static const char *const cert_files[] = {[OWN_LSC] = "lsc.pem", [OWN_MIC] = "mic.pem"};
static const char *const key_files[] = {[OWN_LSC] = "lsc.key", [OWN_MIC] = "mic.key"};

const char *own_cert_word(enum own_kind kind)
{
	return kind == OWN_LSC ? "LSC" : "MIC";
}

/* ---- reading ---- */

static int unusable(enum own_kind kind, const char *dir, struct err *e)
{
	e->kind = ERR_FAILED;
	snprintf(e->id, sizeof(e->id), "own-certificate");
	err_wrap(e, "the phone's %s in %s is unusable", own_cert_word(kind), dir);
	return err_hint(e, "put %s and %s back, or remove both and enroll again", cert_files[kind],
			key_files[kind]);
}

static int read_part(struct buf *out, const char *dir, const char *name, struct err *e)
{
	char *path = file_join(dir, name);
	const int rc = path ? file_read(path, PEM_FILE_MAX, out, e) : err_nomem(e);

	free(path);
	return rc;
}

static int read_key(EVP_PKEY **key, const char *dir, const char *name, struct err *e)
{
	struct buf pem = {0};
	int rc = read_part(&pem, dir, name, e);

	if (!rc)
		rc = pkey_from_pem(key, buf_view(&pem), NULL, NULL, e);
	buf_wipe(&pem);
	return rc;
}

static bool set_hash(struct own_cert *c)
{
	uint8_t md5[MD5_LEN];
	struct buf hex = {0};
	bool good = X509_digest(c->cert, EVP_md5(), md5, NULL) > 0;

	if (good) {
		hex_lower(&hex, span_of(md5, sizeof(md5)), 0);
		good = !hex.bad && hex.len == sizeof(c->hash) - 1;
	}
	if (good)
		memcpy(c->hash, buf_cstr(&hex), sizeof(c->hash));
	buf_free(&hex);
	return good;
}

int own_cert_load(struct own_cert *c, const char *dir, enum own_kind kind, struct err *e)
{
	struct buf pem = {0};
	int rc;

	*c = (struct own_cert){0};
	rc = read_part(&pem, dir, cert_files[kind], e);
	if (rc && !strcmp(e->id, "file-missing")) {
		buf_free(&pem);
		return 0;
	}
	if (!rc)
		rc = cert_from_file_bytes(&c->cert, buf_view(&pem), e);
	if (!rc)
		rc = read_key(&c->key, dir, key_files[kind], e);
	if (!rc && X509_check_private_key(c->cert, c->key) != 1)
		rc = err_openssl(e, ERR_FAILED, "own-certificate", "%s is not the key of %s",
				 key_files[kind], cert_files[kind]);
	if (!rc && !set_hash(c))
		rc = err_openssl(e, ERR_FAILED, "own-certificate", "cannot make its MD5");
	buf_free(&pem);
	if (!rc)
		return 0;
	own_cert_free(c);
	return unusable(kind, dir, e);
}

/* ---- writing ---- */

static int write_part(BIO *bio, const char *dir, const char *name, struct err *e)
{
	char *path = file_join(dir, name);
	char *data = NULL;
	const long n = BIO_get_mem_data(bio, &data);
	const int rc = path ? file_write(path, span_of(data, (size_t)n), 0600, e) : err_nomem(e);

	free(path);
	return rc;
}

int own_cert_save(const char *dir, enum own_kind kind, const X509 *cert, const EVP_PKEY *key,
		  struct err *e)
{
	BIO *cert_pem = BIO_new(BIO_s_mem());
	BIO *key_pem = BIO_new(BIO_s_secmem());
	int rc = 0;

	if (!cert_pem || !key_pem || !PEM_write_bio_X509(cert_pem, cert) ||
	    !PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL))
		rc = err_openssl(e, ERR_FAILED, "own-certificate", "cannot write the %s as PEM",
				 own_cert_word(kind));
	if (!rc)
		rc = file_mkdirs(dir, 0755, e);
	if (!rc)
		rc = write_part(key_pem, dir, key_files[kind], e);
	if (!rc)
		rc = write_part(cert_pem, dir, cert_files[kind], e);
	BIO_free(cert_pem);
	BIO_free(key_pem);
	return rc;
}

static int remove_part(const char *dir, const char *name, struct err *e)
{
	char *path = file_join(dir, name);
	int rc = 0;

	if (!path)
		return err_nomem(e);
	if (unlink(path) && errno != ENOENT)
		rc = err_set(e, ERR_FAILED, "own-certificate", "cannot remove %s: %s", path,
			     strerror(errno));
	free(path);
	return rc;
}

int own_cert_remove(const char *dir, enum own_kind kind, struct err *e)
{
	const int rc = remove_part(dir, cert_files[kind], e);

	return rc ? rc : remove_part(dir, key_files[kind], e);
}

void own_cert_free(struct own_cert *c)
{
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	*c = (struct own_cert){0};
}
