#include "server/config/file_key.h"

#include "common/file.h"
#include "common/secret.h"
#include "common/sha256.h"
#include "pkcs11/issue.h"
#include "pkcs11/owner.h"
#include "pkcs11/token.h"
#include "trustfile/cert.h"
#include "trustfile/pkey.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PEM_MAX = 256 * 1024,
	BITS_MIN = 1024,
	BITS_MAX = 2048, /* phones take no longer ones */
};

struct file_key {
	struct file_key_where where;
	pthread_mutex_t lock; /* cert, key, seen */
	X509 *cert;
	uint8_t print[FILE_KEY_PRINT]; /* of cert */
	EVP_PKEY *key;                 /* NULL: on the token */
	struct stat seen[2];           /* of the files of key and certificate */

	struct owner *owner; /* NULL: no token; what follows is its own */
	struct tokens *tokens;
	struct token *token;
	struct secret pin;
};

static bool is_uri(const char *text)
{
	return !strncmp(text, "pkcs11:", strlen("pkcs11:"));
}

/* ---- files ---- */

static int read_cert(X509 **cert, const char *path, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(path, PEM_MAX, &content, e);

	if (!rc)
		rc = cert_from_file_bytes(cert, buf_view(&content), e);
	buf_free(&content);
	return rc ? err_set(e, ERR_FAILED, "file-key", "%s: no certificate can be read", path) : 0;
}

static int read_key(EVP_PKEY **key, const char *path, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(path, PEM_MAX, &content, e);

	if (!rc)
		rc = pkey_from_pem(key, buf_view(&content), NULL, NULL, e);
	buf_wipe(&content);
	return rc ? err_set(e, ERR_FAILED, "file-key", "%s: no private key can be read", path) : 0;
}

static int check_cert(const X509 *cert, const char *of, struct err *e)
{
	const int bits = cert_rsa_bits(cert);
	struct buf what = {0};

	if (bits == BITS_MIN || bits == BITS_MAX)
		return 0;
	cert_key_text(&what, cert);
	err_set(e, ERR_REFUSED, "file-key", "the key of %s is %s", of,
		buf_cstr(&what) ? (const char *)what.data : "of another kind");
	buf_free(&what);
	return err_hint(e, "phones check files with RSA keys of %d or %d bits", BITS_MIN, BITS_MAX);
}

static int read_pair(X509 **cert, EVP_PKEY **key, const struct file_key_where *w, struct err *e)
{
	int rc = read_key(key, w->key, e);

	if (!rc)
		rc = read_cert(cert, w->cert, e);
	if (!rc)
		rc = check_cert(*cert, w->cert, e);
	if (!rc && X509_check_private_key(*cert, *key) != 1)
		rc = err_set(e, ERR_REFUSED, "file-key", "%s does not belong to the key in %s",
			     w->cert, w->key);
	return rc;
}

/* Under the lock, or while nobody else has the key yet. */
static void take_print(struct file_key *k)
{
	_Static_assert((int)FILE_KEY_PRINT == (int)SHA256_LEN, "a SHA-256 has to fit");
	if (X509_digest(k->cert, EVP_sha256(), k->print, NULL) != 1)
		memset(k->print, 0, sizeof(k->print));
}

/* Takes cert and key over. */
static void put_pair(struct file_key *k, X509 *cert, EVP_PKEY *key)
{
	pthread_mutex_lock(&k->lock);
	X509_free(k->cert);
	EVP_PKEY_free(k->key);
	k->cert = cert;
	k->key = key;
	take_print(k);
	pthread_mutex_unlock(&k->lock);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Notes how the files look; true if they look as before. */
static bool look(struct file_key *k)
{
	struct stat now[2] = {{0}};
	bool same;

	(void)stat(k->where.key, &now[0]);
	(void)stat(k->where.cert, &now[1]);
	pthread_mutex_lock(&k->lock);
	same = same_file(&now[0], &k->seen[0]) && same_file(&now[1], &k->seen[1]);
	memcpy(k->seen, now, sizeof(now));
	pthread_mutex_unlock(&k->lock);
	return same;
}

static int open_files(struct file_key *k, struct err *e)
{
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	int rc;

	if (!k->where.cert)
		return err_set(e, ERR_USAGE, "file-key",
			       "the key in %s needs the file of its certificate", k->where.key);
	(void)look(k);
	rc = read_pair(&cert, &key, &k->where, e);
	if (rc) {
		X509_free(cert);
		EVP_PKEY_free(key);
		return rc;
	}
	put_pair(k, cert, key);
	return 0;
}

void file_key_refresh(struct file_key *k)
{
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	struct err e;

	if (k->owner || look(k))
		return;
	if (read_pair(&cert, &key, &k->where, &e)) {
		X509_free(cert);
		EVP_PKEY_free(key);
		/* Half replaced, perhaps: it counts as not looked at yet. */
		pthread_mutex_lock(&k->lock);
		memset(k->seen, 0, sizeof(k->seen));
		pthread_mutex_unlock(&k->lock);
		return;
	}
	put_pair(k, cert, key);
}

/* ---- a token ---- */

static int login(struct file_key *k, struct err *e)
{
	const struct token_info *info = token_info(k->token);

	if (!info->login_required)
		return 0;
	if (!k->pin.text) {
		err_set(e, ERR_USAGE, "file-key", "no PIN for the token %s", info->label);
		return err_hint(e, "name the file that holds it in the URI: "
				   "pkcs11:...?pin-source=file:/PATH");
	}
	return token_login(k->token, &k->pin, false, e);
}

/* pin-source is a path or a file: URI (RFC 7512 section 2.4): a service has nobody to ask. */
static const char *path_of(const char *source)
{
	if (!strncmp(source, "file://", strlen("file://")))
		return source + strlen("file://");
	if (!strncmp(source, "file:", strlen("file:")))
		return source + strlen("file:");
	return source;
}

static int read_pin(struct file_key *k, struct err *e)
{
	const char *source = token_pin_source(k->token);
	char *file;
	int rc;

	token_take_pin_value(k->token, &k->pin);
	if (k->pin.text || !source)
		return 0;
	if (asprintf(&file, "file:%s", path_of(source)) < 0)
		return err_nomem(e);
	rc = secret_read(&k->pin, file, "PIN", "PIN", "pin-source", e);
	free(file);
	return rc;
}

static int find_token(struct file_key *k, struct err *e)
{
	char *own = token_uri_module(k->where.key);
	int rc = tokens_open(&k->tokens, own, e);

	free(own);
	if (!rc)
		rc = token_find(&k->token, k->tokens, k->where.key, e);
	if (!rc)
		rc = read_pin(k, e);
	return rc ? rc : login(k, e);
}

static int token_job(void *arg, struct err *e)
{
	struct file_key *k = arg;
	int rc = find_token(k, e);

	if (!rc && k->where.cert)
		rc = read_cert(&k->cert, k->where.cert, e);
	else if (!rc)
		rc = token_signing_cert(&k->cert, k->token, e);
	if (!rc)
		rc = check_cert(k->cert, k->where.key, e);
	if (!rc)
		take_print(k);
	return rc;
}

static int close_job(void *arg, struct err *e)
{
	struct file_key *k = arg;

	(void)e;
	token_free(k->token);
	tokens_close(k->tokens);
	return 0;
}

static int open_token(struct file_key *k, struct err *e)
{
	const int rc = owner_start(&k->owner, 0, e);

	return rc ? rc : owner_run(k->owner, token_job, k, e);
}

struct sign_job {
	struct file_signer *signer;
	const uint8_t *digest_info;
	size_t len;
	uint8_t *sig;
	size_t siglen;
};

static int token_sign_once(const struct sign_job *j, struct err *e)
{
	return token_sign(j->signer->from->token, j->signer->cert, j->digest_info, j->len, j->sig,
			  j->siglen, e);
}

/* A token that was pulled out and put in again, or whose reader was restarted, wants the PIN once
 * more. */
static int sign_job(void *arg, struct err *e)
{
	const struct sign_job *j = arg;
	int rc = token_sign_once(j, e);

	if (rc != ERR_TOKEN || (strcmp(e->id, "token-removed") && strcmp(e->id, "login-needed")))
		return rc;
	if (!token_is_present(j->signer->from->token))
		return rc;
	token_let_go(j->signer->from->token);
	rc = login(j->signer->from, e);
	return rc ? rc : token_sign_once(j, e);
}

/* ---- both ---- */

static int copy_text(const char **to, const char *from, struct err *e)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? err_nomem(e) : 0;
}

static int copy_where(struct file_key *k, const struct file_key_where *from, struct err *e)
{
	int rc = copy_text(&k->where.key, from->key, e);

	return rc ? rc : copy_text(&k->where.cert, from->cert, e);
}

static void free_where(struct file_key_where *w)
{
	free((void *)(uintptr_t)w->key);
	free((void *)(uintptr_t)w->cert);
}

/* Nothing is opened yet. End with file_key_close(). */
static int new_key(struct file_key **out, const struct file_key_where *where, struct err *e)
{
	struct file_key *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return err_nomem(e);
	pthread_mutex_init(&k->lock, NULL);
	rc = copy_where(k, where, e);
	if (rc)
		file_key_close(k);
	else
		*out = k;
	return rc;
}

int file_key_of_node(struct file_key **out, const struct conf *conf, struct err *e)
{
	struct file_key_where where = {conf->tftp_key, conf->tftp_cert};
	char *key = NULL, *cert = NULL;
	int rc = 0;

	*out = NULL;
	if (where.key)
		return file_key_open(out, &where, e);
	key = file_join(conf->state, "keys/ccm.key");
	cert = file_join(conf->state, "keys/ccm.crt");
	where = (struct file_key_where){key, cert};
	if (!key || !cert)
		rc = err_nomem(e);
	else if (!access(key, F_OK) || errno != ENOENT)
		rc = file_key_open(out, &where, e);
	free(key);
	free(cert);
	return rc;
}

int file_key_open(struct file_key **out, const struct file_key_where *where, struct err *e)
{
	struct file_key *k;
	int rc = new_key(&k, where, e);

	if (rc)
		return rc;
	rc = is_uri(where->key) ? open_token(k, e) : open_files(k, e);
	if (rc) {
		file_key_close(k);
		return rc;
	}
	*out = k;
	return 0;
}

void file_key_close(struct file_key *k)
{
	struct err e;

	if (!k)
		return;
	if (k->owner) {
		(void)owner_run(k->owner, close_job, k, &e);
		owner_stop(k->owner);
	}
	secret_free(&k->pin);
	X509_free(k->cert);
	EVP_PKEY_free(k->key);
	free_where(&k->where);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

void file_signer_take(struct file_signer *s, struct file_key *k)
{
	pthread_mutex_lock(&k->lock);
	*s = (struct file_signer){.cert = k->cert, .key = k->key, .from = k};
	memcpy(s->print, k->print, sizeof(s->print));
	X509_up_ref(s->cert);
	if (s->key)
		EVP_PKEY_up_ref(s->key);
	pthread_mutex_unlock(&k->lock);
}

void file_signer_drop(struct file_signer *s)
{
	X509_free(s->cert);
	EVP_PKEY_free(s->key);
	*s = (struct file_signer){0};
}

int file_signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		     struct err *e)
{
	struct file_signer *s = arg;
	struct sign_job job = {s, digest_info, len, sig, siglen};

	if (s->key)
		return pkey_sign(s->key, digest_info, len, sig, siglen, e);
	return owner_run(s->from->owner, sign_job, &job, e);
}

/* ---- a key without a certificate ---- */

struct certify {
	struct file_key *k;
	const X509_NAME *subject;
	unsigned days;
	EVP_PKEY *key; /* the public half at least */
	X509 *cert;    /* the result */
};

static int certify_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			size_t siglen, struct err *e)
{
	const struct certify *c = arg;

	if (!c->k->token)
		return pkey_sign(c->key, digest_info, len, sig, siglen, e);
	return token_sign_key(c->k->token, c->key, NULL, digest_info, len, sig, siglen, e);
}

static int certify(struct certify *c, struct err *e)
{
	const struct issue_by by = {c->key, certify_sign, c};
	const struct issue what = {
		.subject = c->subject, .key = c->key, .days = c->days, .kind = ISSUE_AUTHORITY};

	const int rc = cert_issue(&c->cert, &what, &by, e);

	return rc ? rc : check_cert(c->cert, c->k->where.key, e);
}

static int certify_job(void *arg, struct err *e)
{
	struct certify *c = arg;
	struct token_key key = {0};
	int rc = find_token(c->k, e);

	if (!rc)
		rc = token_key(&key, c->k->token, e);
	c->key = key.public;
	if (!rc)
		rc = certify(c, e);
	token_key_free(&key);
	return rc;
}

static int certify_with(struct certify *c, struct err *e)
{
	struct file_key *k = c->k;
	int rc;

	if (is_uri(k->where.key)) {
		rc = owner_start(&k->owner, 0, e);
		return rc ? rc : owner_run(k->owner, certify_job, c, e);
	}
	rc = read_key(&c->key, k->where.key, e);
	if (!rc && EVP_PKEY_get_base_id(c->key) != EVP_PKEY_RSA)
		rc = err_set(e, ERR_REFUSED, "file-key", "the key in %s is not RSA", k->where.key);
	if (!rc)
		rc = certify(c, e);
	EVP_PKEY_free(c->key);
	return rc;
}

int file_key_certify(X509 **cert, const struct file_key_where *where, const X509_NAME *subject,
		     unsigned days, struct err *e)
{
	struct certify c = {.subject = subject, .days = days};
	int rc = new_key(&c.k, where, e);

	if (rc)
		return rc;
	rc = certify_with(&c, e);
	file_key_close(c.k);
	if (rc)
		X509_free(c.cert);
	else
		*cert = c.cert;
	return rc;
}
