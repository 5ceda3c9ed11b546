#include "server/provider/signers.h"

#include "trustfile/cert.h"
#include "trustfile/list.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

struct signers {
	X509_STORE *authorities;
};

int signers_load(struct signers **out, const char *path, struct err *e)
{
	struct signers *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return err_nomem(e);
	s->authorities = X509_STORE_new();
	if (!s->authorities || !X509_STORE_load_file(s->authorities, path)) {
		rc = err_openssl(e, ERR_USAGE, "signers",
				 "%s holds no certificates of token authorities in PEM form", path);
		err_hint(e, "provider { signers } names that file");
		signers_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void signers_free(struct signers *s)
{
	if (!s)
		return;
	X509_STORE_free(s->authorities);
	free(s);
}

/* An authority may be any certificate that was named, not only a root; and a token's certificate
 * may be made for whatever purpose. */
static bool chains(const struct signers *s, X509 *cert, const char **why)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = false;

	*why = "out of memory";
	if (ctx && X509_STORE_CTX_init(ctx, s->authorities, cert, NULL)) {
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
		/* A self-signed certificate that was named itself is its own authority. */
		ok = X509_verify_cert(ctx) == 1;
		*why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static bool has_sast(const struct tl *l, const X509 *cert)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (l->records[i].role == TL_SAST && l->records[i].cert &&
		    !X509_cmp(l->records[i].cert, cert))
			return true;
	return false;
}

static int check_record(const struct signers *s, const struct tl *present,
			const struct tl_record *r, struct err *e)
{
	struct buf name = {0};
	const char *why;

	if (r->role != TL_SAST || !r->cert || has_sast(present, r->cert) ||
	    chains(s, r->cert, &why))
		return 0;
	if (cert_name(&name, X509_get_subject_name(r->cert), e) || !buf_cstr(&name))
		buf_free(&name);
	err_set(e, ERR_REFUSED, "ctl-signer-authority",
		"the certificate of the new token %s comes from none of the token authorities: %s",
		name.data ? (const char *)name.data : "", why);
	buf_free(&name);
	return err_hint(e,
			"have the token's key certified by one of them (\"ctlclient token csr\", "
			"\"token import-cert\"); provider { signers } names them");
}

int signers_check(const struct signers *s, struct span present, struct span neu, struct err *e)
{
	struct tl *before = NULL, *after = NULL;
	int rc = 0;

	if (present.len)
		rc = tl_parse(&before, present, e);
	if (!rc)
		rc = tl_parse(&after, neu, e);
	for (size_t i = 0; !rc && i < after->n; i++)
		rc = check_record(s, before, &after->records[i], e);
	tl_free(before);
	tl_free(after);
	return rc;
}
