#include "server/net/tls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Same rank in OpenSSL's eyes, whatever the order in which clients name them. */
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* Any certificate will do here: that the client has its key is what TLS proves, whose it is the API
 * looks up. */
static int accept_any(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static int set_policy(SSL_CTX *ctx, struct err *e)
{
	static const unsigned char session_id[] = "ctlsuite";

	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
					 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* An idle connection should not hold on to 32 KB of buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	SSL_CTX_set_session_id_context(ctx, session_id, sizeof(session_id) - 1);
	/* Nobody's certificate comes out of a ticket: every connection proves its key anew. */
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12))
		return 0;
	return err_openssl(e, ERR_FAILED, "tls", "cannot set the TLS policy");
}

/* OpenSSL says "No such file or directory" as well, but not of which file. */
static int check_readable(const char *path, const char *what, const char *id, struct err *e)
{
	if (!access(path, R_OK))
		return 0;
	err_set(e, ERR_FAILED, id, "cannot read the %s %s: %s", what, path, strerror(errno));
	if (errno == ENOENT)
		err_hint(e, "\"ctladmin node init\" makes it");
	return (int)e->kind;
}

static int load_pair(SSL_CTX *ctx, const char *cert, const char *key, struct err *e)
{
	if (check_readable(cert, "certificate", "tls-certificate", e) ||
	    check_readable(key, "key", "tls-key", e))
		return (int)e->kind;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return err_openssl(e, ERR_FAILED, "tls-certificate",
				   "%s holds no certificate in PEM form that can be used", cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return err_openssl(e, ERR_FAILED, "tls-key",
				   "%s does not hold the private key of %s", key, cert);
	return 0;
}

int tls_modern_ctx(SSL_CTX **out, const char *cert, const char *key, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return err_openssl(e, ERR_FAILED, "tls", "cannot make a TLS context");
	if (set_policy(ctx, e) || load_pair(ctx, cert, key, e)) {
		SSL_CTX_free(ctx);
		return (int)e->kind;
	}
	*out = ctx;
	return 0;
}
