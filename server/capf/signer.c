#include "server/capf/signer.h"

#include "common/clock.h"
#include "common/file.h"
#include "pkcs11/digestinfo.h"
#include "server/config/file_key.h"
#include "trustfile/cert.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	CERT_FILE_MAX = 256 * 1024,
	OTHERS = 077,    /* permissions */
	AGAIN_MS = 2000, /* how often a token that cannot be opened is looked for */
	SIG_MAX = 512,
};

struct signer {
	char *key, *path; /* of the certificate */
	const struct log *log;
	X509 *cert;
	bool token;
	pthread_mutex_t lock;  /* what follows */
	struct file_key *file; /* NULL: not open yet */
	struct file_signer hold;
	bool down; /* it did not sign the last time */
	int64_t tried;
	struct err why; /* it could not be opened */
};

static bool is_token(const char *key)
{
	return !strncmp(key, "pkcs11:", strlen("pkcs11:"));
}

static int check_mode(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) || !(st.st_mode & OTHERS))
		return 0;
	err_set(e, ERR_FAILED, "capf-key-mode",
		"%s can be read by others: whoever has read it can make certificates for every "
		"phone",
		path);
	return err_hint(e, "\"chmod 600 %s\"; if somebody may have read it, use another key", path);
}

static int read_cert(struct signer *s, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(s->path, CERT_FILE_MAX, &content, e);

	if (!rc)
		rc = cert_from_file_bytes(&s->cert, buf_view(&content), e);
	buf_free(&content);
	if (!rc)
		return 0;
	err_set(e, ERR_FAILED, "capf-authority", "%s: no certificate can be read", s->path);
	return err_hint(e, "\"ctladmin capf authority\" makes the one for capf { key }");
}

/* With the lock held. */
static int open_key(struct signer *s, struct err *e)
{
	const struct file_key_where where = {s->key, s->path};

	if (s->file)
		return 0;
	if (s->tried && clock_ms() - s->tried < AGAIN_MS) {
		*e = s->why;
		return (int)e->kind;
	}
	s->tried = clock_ms();
	if (file_key_open(&s->file, &where, e)) {
		s->file = NULL;
		s->why = *e;
		return (int)e->kind;
	}
	file_signer_take(&s->hold, s->file);
	return 0;
}

/* Once when it stops signing, and once when it does again. */
static void note(struct signer *s, int rc, const struct err *e)
{
	bool was;

	pthread_mutex_lock(&s->lock);
	was = s->down;
	s->down = rc != 0;
	pthread_mutex_unlock(&s->lock);
	if (rc && !was)
		log_line(s->log, LOG_LEVEL_ERROR,
			 "the authority's key on the token does not sign: %s; enrolments stay "
			 "pending until it does",
			 e->what);
	else if (!rc && was)
		log_line(s->log, LOG_LEVEL_WARN,
			 "the token with the authority's key is back: certificates are signed "
			 "again");
}

X509 *signer_cert(const struct signer *s)
{
	return s->cert;
}

int signer_sign(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		struct err *e)
{
	struct signer *s = arg;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = open_key(s, e);
	pthread_mutex_unlock(&s->lock);
	if (!rc)
		rc = file_signer_sign(&s->hold, digest_info, len, sig, siglen, e);
	if (!rc || rc == ERR_TOKEN)
		note(s, rc, e);
	return rc;
}

void signer_probe(struct signer *s)
{
	const size_t n = (size_t)EVP_PKEY_get_size(X509_get0_pubkey(s->cert));
	struct buf info = {0};
	uint8_t sig[SIG_MAX];
	struct err e;
	bool down;

	pthread_mutex_lock(&s->lock);
	down = s->down;
	pthread_mutex_unlock(&s->lock);
	if (!down || n > sizeof(sig))
		return;
	/* What is signed names itself, and is nothing that anybody would take for a certificate. */
	if (!digestinfo(&info, EVP_sha256(), span_of("ctlcapfd: probe", 15), &e))
		(void)signer_sign(s, info.data, info.len, sig, n, &e);
	buf_free(&info);
}

static int open_first(struct signer *s, struct err *e)
{
	int rc = read_cert(s, e);

	if (!rc && !s->token)
		rc = check_mode(s->key, e);
	if (rc)
		return rc;
	rc = open_key(s, e);
	if (rc != ERR_TOKEN || !s->token)
		return rc;
	note(s, rc, e);
	return 0;
}

int signer_open(struct signer **out, const char *key, const char *cert, const struct log *log,
		struct err *e)
{
	struct signer *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	pthread_mutex_init(&s->lock, NULL);
	s->log = log;
	s->token = is_token(key);
	s->key = strdup(key);
	s->path = strdup(cert);
	rc = s->key && s->path ? open_first(s, e) : err_nomem(e);
	if (rc) {
		signer_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void signer_close(struct signer *s)
{
	if (!s)
		return;
	if (s->file)
		file_signer_drop(&s->hold);
	file_key_close(s->file);
	X509_free(s->cert);
	free(s->key);
	free(s->path);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
