#include "server/capf/authority.h"

#include "common/file.h"
#include "server/store/store_capf.h"
#include "trustfile/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OTHERS = 077 }; /* permissions */

static int no_authority(const char *path, int why, struct err *e)
{
	err_set(e, ERR_FAILED, "capf-authority", "cannot read %s: %s", path, strerror(why));
	return err_hint(e, "CAPF runs on the first node, whose keys \"ctladmin node init\" makes");
}

static FILE *open_key(const char *path, struct err *e)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st)) {
		no_authority(path, errno, e);
		return NULL;
	}
	if (st.st_mode & OTHERS) {
		close(fd);
		err_set(e, ERR_FAILED, "capf-key-mode",
			"%s can be read by others: whoever has read it can make certificates for "
			"every phone",
			path);
		err_hint(e,
			 "\"chmod 600 %s\"; if somebody may have read it, make a new one with "
			 "\"ctladmin node renew-cert capf\"",
			 path);
		return NULL;
	}
	f = fdopen(fd, "r");
	if (!f)
		close(fd);
	return f;
}

static int read_key(struct authority *a, const char *state, struct err *e)
{
	char *path = file_join(state, "keys/capf.key");
	FILE *f = path ? open_key(path, e) : NULL;
	int rc = 0;

	if (!path)
		rc = err_nomem(e);
	else if (!f)
		rc = (int)e->kind;
	else if (!(a->key = PEM_read_PrivateKey(f, NULL, NULL, NULL)))
		rc = err_openssl(e, ERR_FAILED, "capf-authority", "%s holds no private key", path);
	if (f)
		fclose(f);
	free(path);
	return rc;
}

static int read_cert(struct authority *a, const char *state, struct err *e)
{
	char *path = file_join(state, "keys/capf.crt");
	FILE *f = path ? fopen(path, "re") : NULL;
	int rc = 0;

	if (!path)
		rc = err_nomem(e);
	else if (!f)
		rc = no_authority(path, errno, e);
	else if (!(a->cert = PEM_read_X509(f, NULL, NULL, NULL)))
		rc = err_openssl(e, ERR_FAILED, "capf-authority", "%s holds no certificate", path);
	if (f)
		fclose(f);
	free(path);
	return rc;
}

/* Takes x over. */
static int add(X509 ***list, size_t *n, X509 *x, struct err *e)
{
	X509 **grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown) {
		X509_free(x);
		return err_nomem(e);
	}
	*list = grown;
	grown[(*n)++] = x;
	return 0;
}

static bool has_issued(const char *role)
{
	return !strcmp(role, "capf") || !strcmp(role, "capf-before") ||
	       !strcmp(role, STORE_ROLE_CAPF_ISSUER) || !strcmp(role, STORE_ROLE_CAPF_EXTERNAL);
}

/* LSCs of an authority that was renewed are good until they expire. */
static int add_earlier(struct authority *a, struct store *s, struct err *e)
{
	struct store_node self = {0};
	X509 *x;
	int rc = store_node_self(s, &self, e);

	for (size_t i = 0; !rc && i < self.ncerts; i++) {
		if (!has_issued(self.certs[i].role))
			continue;
		a->external |= !strcmp(self.certs[i].role, STORE_ROLE_CAPF_EXTERNAL);
		rc = cert_from_der(&x, self.certs[i].der, e);
		if (!rc)
			rc = add(&a->own, &a->nown, x, e);
	}
	store_node_free(&self);
	return rc;
}

static int add_maker(const char *name, struct span der, void *arg, struct err *e)
{
	struct authority *a = arg;
	X509 *x;

	(void)name;
	return cert_from_der(&x, der, e) ? (int)e->kind : add(&a->makers, &a->nmakers, x, e);
}

/* What goes with certificate and key, which a has. */
static int complete(struct authority *a, struct store *s, struct err *e)
{
	X509 *cert = a->signer ? signer_cert(a->signer) : a->cert;
	const struct issuer_key by = {.key = a->signer ? NULL : a->key,
				      .sign = a->signer ? signer_sign : NULL,
				      .arg = a->signer};
	int rc = issuer_init(&a->issuer, cert, &by, e);

	if (!rc) {
		X509_up_ref(cert);
		rc = add(&a->own, &a->nown, cert, e);
	}
	if (!rc)
		rc = add_earlier(a, s, e);
	return rc ? rc : store_capf_trusted(s, add_maker, a, e);
}

/* Gives a to the caller, or lets go of it. */
static int hand_over(struct authority **out, struct authority *a, int rc)
{
	if (rc)
		authority_unref(a);
	else
		*out = a;
	return rc;
}

int authority_load(struct authority **out, const char *state, struct store *s,
		   struct signer *signer, struct err *e)
{
	struct authority *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return err_nomem(e);
	a->users = 1;
	a->signer = signer;
	rc = read_cert(a, state, e);
	if (!rc)
		rc = read_key(a, state, e);
	return hand_over(out, a, rc ? rc : complete(a, s, e));
}

static bool differs(const struct store_node *self, const char *role, const X509 *cert)
{
	const struct store_cert *c = store_node_cert(self, role);
	struct buf der = {0};
	bool other;

	cert_der(&der, cert);
	other = c && !span_eq(c->der, buf_view(&der));
	buf_free(&der);
	return other;
}

static int has_other(const struct authority *a, struct store *s, bool *other, struct err *e)
{
	struct store_node self;

	if (store_node_self(s, &self, e))
		return (int)e->kind;
	*other = differs(&self, "capf", a->cert) ||
		 (a->signer && differs(&self, STORE_ROLE_CAPF_ISSUER, signer_cert(a->signer)));
	store_node_free(&self);
	return 0;
}

int authority_again(struct authority **out, const struct authority *a, struct store *s, bool *other,
		    struct err *e)
{
	struct authority *neu = calloc(1, sizeof(*neu));

	if (!neu)
		return err_nomem(e);
	neu->users = 1;
	neu->cert = a->cert;
	neu->key = a->key;
	neu->signer = a->signer;
	X509_up_ref(neu->cert);
	EVP_PKEY_up_ref(neu->key);
	return hand_over(out, neu, has_other(a, s, other, e) ? (int)e->kind : complete(neu, s, e));
}

struct authority *authority_ref(struct authority *a)
{
	__atomic_add_fetch(&a->users, 1, __ATOMIC_RELAXED);
	return a;
}

void authority_unref(struct authority *a)
{
	if (!a || __atomic_sub_fetch(&a->users, 1, __ATOMIC_ACQ_REL))
		return;
	issuer_free(&a->issuer);
	for (size_t i = 0; i < a->nown; i++)
		X509_free(a->own[i]);
	for (size_t i = 0; i < a->nmakers; i++)
		X509_free(a->makers[i]);
	free(a->own);
	free(a->makers);
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	free(a);
}

struct proof_trust authority_trust(const struct authority *a)
{
	return (struct proof_trust){a->own, a->nown, a->makers, a->nmakers};
}
