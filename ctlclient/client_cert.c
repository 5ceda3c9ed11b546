#include "ctlclient/client_cert.h"

#include "pkcs11/tls_key.h"

#include <stdlib.h>

struct client_cert {
	struct desk *desk;
	struct desk_signer *signer;
	struct tls_key *key;
	struct api_identity identity;
};

static struct desk_opts desk_opts_for(const struct cluster_opts *opts)
{
	struct desk_opts desk = {.modules = {getenv("CTL_MODULE")}};

	if (opts->desk)
		desk = *opts->desk;
	if (opts->client_pin_source)
		desk.pin_source = opts->client_pin_source;
	return desk;
}

static int find(struct client_cert *c, const struct cluster_opts *opts, struct err *e)
{
	const struct desk_opts desk = desk_opts_for(opts);
	int rc = desk_open(&c->desk, &desk, e);

	if (!rc)
		rc = desk_signer_find(&c->signer, c->desk, opts->client_cert, e);
	return rc ? err_wrap(e, "the client certificate") : 0;
}

int client_cert_find(struct client_cert **out, const struct cluster_opts *opts, struct err *e)
{
	struct client_cert *c;
	int rc;

	*out = NULL;
	if (!opts->client_cert)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_nomem(e);
	rc = find(c, opts, e);
	if (rc)
		client_cert_close(c);
	else
		*out = c;
	return rc;
}

int client_cert_login(struct client_cert *c, struct err *e)
{
	struct issue_by by = {.sign = desk_signer_sign, .arg = c->signer};
	X509 *cert = desk_signer_cert(c->signer)->cert;
	int rc = desk_signer_login(c->signer, "to log in at the provider", e);

	if (rc)
		return err_wrap(e, "the client certificate");
	by.key = X509_get0_pubkey(cert);
	rc = tls_key_new(&c->key, &by, e);
	if (!rc)
		c->identity =
			(struct api_identity){cert, tls_key_pkey(c->key), tls_key_trouble(c->key)};
	return rc;
}

int client_cert_open(struct client_cert **out, const struct cluster_opts *opts, struct err *e)
{
	int rc = client_cert_find(out, opts, e);

	if (rc || !*out)
		return rc;
	rc = client_cert_login(*out, e);
	if (rc) {
		client_cert_close(*out);
		*out = NULL;
	}
	return rc;
}

struct desk_token *client_cert_token(struct client_cert *c)
{
	return c ? desk_signer_token(c->signer) : NULL;
}

const struct api_identity *client_cert_identity(const struct client_cert *c)
{
	return c && c->key ? &c->identity : NULL;
}

void client_cert_close(struct client_cert *c)
{
	if (!c)
		return;
	tls_key_free(c->key);
	desk_signer_free(c->signer);
	desk_close(c->desk);
	free(c);
}
