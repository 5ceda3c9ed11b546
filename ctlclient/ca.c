#include "ctlclient/ca.h"

#include "ctlclient/key_file.h"
#include "trustfile/cert.h"
#include "trustfile/pkey.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRONG_BITS = 2048 };

static const char option[] = "--ca-pin-source";

struct ca {
	X509 *cert;
	EVP_PKEY *key;            /* of a file */
	struct desk_token *token; /* or of a token */
};

/* ---- its certificate ---- */

static int read_cert(struct ca *ca, struct desk *d, const char *what, struct err *e)
{
	struct desk_cert c = {0};
	const int rc = desk_cert(&c, d, what, e);

	if (!rc)
		ca->cert = X509_dup(c.cert);
	desk_cert_free(&c);
	return rc || ca->cert ? rc : err_nomem(e);
}

static int check_cert(const struct ca *ca, const char *path, struct err *e)
{
	const int bits = cert_rsa_bits(ca->cert);

	if (!bits) {
		err_set(e, ERR_REFUSED, "ca", "%s has no RSA key, so it cannot certify here", path);
		return err_hint(e, "have it certify a request instead: \"ctlclient token csr\", "
				   "then \"import-cert\"");
	}
	if (X509_check_ca(ca->cert) != 1) {
		err_set(e, ERR_REFUSED, "ca", "%s is not the certificate of an authority", path);
		return err_hint(e, "it must say CA:TRUE and, if it names key usages, "
				   "keyCertSign; \"ctlclient token keygen --authority\" makes one");
	}
	if (X509_cmp_current_time(X509_get0_notAfter(ca->cert)) < 0)
		return err_set(e, ERR_REFUSED, "ca", "the authority's certificate %s has expired",
			       path);
	if (X509_cmp_current_time(X509_get0_notBefore(ca->cert)) > 0)
		return err_set(e, ERR_REFUSED, "ca",
			       "the authority's certificate %s is not valid yet", path);
	if (bits < STRONG_BITS)
		fprintf(stderr, "warning: the authority's key is weak: %d bits\n", bits);
	return 0;
}

/* ---- its key in a file ---- */

static int read_key(struct ca *ca, const char *path, const char *source, struct err *e)
{
	const struct key_file f = {path, "the authority's key", source, option, "ca-key"};

	return key_file_read(&ca->key, &f, e);
}

/* ---- both ---- */

static int find_token(struct ca *ca, struct desk *d, const char *uri, const char *source,
		      struct err *e)
{
	const int rc = desk_token_find(&ca->token, d, uri, e);

	if (rc)
		return rc;
	desk_token_pin_from(ca->token, source, option);
	return desk_token_login(ca->token, "to certify as the authority", e);
}

static int open_key(struct ca *ca, struct desk *d, const char *key, const char *source,
		    struct err *e)
{
	int rc;

	if (desk_is_uri(key))
		return find_token(ca, d, key, source, e);
	rc = read_key(ca, key, source, e);
	if (rc)
		return rc;
	if (EVP_PKEY_eq(ca->key, X509_get0_pubkey(ca->cert)) == 1)
		return 0;
	return err_set(e, ERR_REFUSED, "ca",
		       "the private key in %s does not belong to the authority's certificate", key);
}

int ca_open(struct ca **out, struct desk *d, const char *cert, const char *key,
	    const char *pin_source, struct err *e)
{
	struct ca *ca = calloc(1, sizeof(*ca));
	int rc;

	if (!ca)
		return err_nomem(e);
	rc = read_cert(ca, d, cert, e);
	if (!rc)
		rc = check_cert(ca, cert, e);
	if (!rc)
		rc = open_key(ca, d, key, pin_source, e);
	if (rc) {
		ca_close(ca);
		return rc;
	}
	*out = ca;
	return 0;
}

void ca_close(struct ca *ca)
{
	if (!ca)
		return;
	desk_token_free(ca->token);
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca);
}

/* What a provider will look at: the authority's certificate alone is trusted, whoever issued it. */
static int check_chain(const struct ca *ca, X509 *cert, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok;
	int rc = 0;

	ok = store && ctx && X509_STORE_add_cert(store, ca->cert) &&
	     X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) &&
	     X509_STORE_CTX_init(ctx, store, cert, NULL);
	if (!ok)
		rc = err_nomem(e);
	else if (X509_verify_cert(ctx) != 1)
		rc = err_set(e, ERR_REFUSED, "ca",
			     "the new certificate does not chain to the authority: %s",
			     X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return rc;
}

int ca_certify(X509 **out, struct ca *ca, const X509_NAME *subject, EVP_PKEY *key, unsigned days,
	       struct err *e)
{
	const struct issue what = {subject, key, ca->cert, days, ISSUE_SIGNER};
	struct desk_key on_token = {ca->token, ca->cert, NULL};
	const struct issue_by by = {
		.key = X509_get0_pubkey(ca->cert),
		.sign = ca->token ? desk_key_sign : pkey_sign,
		.arg = ca->token ? (void *)&on_token : (void *)ca->key,
	};
	X509 *cert;
	int rc = cert_issue(&cert, &what, &by, e);

	if (rc)
		return rc;
	rc = check_chain(ca, cert, e);
	if (rc)
		X509_free(cert);
	else
		*out = cert;
	return rc;
}
