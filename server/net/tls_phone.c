#include "server/net/tls_phone.h"

#include "common/bytes.h"

#define CIPHERS_MODERN "ECDHE+AESGCM:ECDHE+CHACHA20"
#define CIPHERS_LEGACY                                                                             \
	CIPHERS_MODERN ":ECDHE+AES+SHA256:ECDHE+AES+SHA1:AES256-GCM-SHA384:AES128-GCM-SHA256:"     \
		       "AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:@SECLEVEL=0"

/* The cipher suites of the modern class (RFC 5289, RFC 7905, RFC 8446 appendix B.4). */
static bool is_modern(uint16_t suite)
{
	switch (suite) {
	case 0x1301:
	case 0x1302:
	case 0x1303:
	case 0xc02b:
	case 0xc02c:
	case 0xc02f:
	case 0xc030:
	case 0xcca8:
	case 0xcca9:
		return true;
	default:
		return false;
	}
}

static bool can_be_modern(SSL *ssl)
{
	const unsigned char *suites;
	struct rd r = {0};

	if (SSL_client_hello_get0_legacy_version(ssl) < TLS1_2_VERSION)
		return false;
	r.left = SSL_client_hello_get0_ciphers(ssl, &suites);
	r.p = suites;
	while (r.left >= 2)
		if (is_modern(rd_u16(&r)))
			return true;
	return false;
}

/* Who cannot get a connection in the modern class gets none, unless legacy phones are let in. */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
	(void)arg;
	if (can_be_modern(ssl))
		return SSL_CLIENT_HELLO_SUCCESS;
	SSL_set_security_level(ssl, 0);
	if (SSL_set_min_proto_version(ssl, TLS1_VERSION) &&
	    SSL_set_max_proto_version(ssl, TLS1_2_VERSION) &&
	    SSL_set_cipher_list(ssl, CIPHERS_LEGACY))
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

static void set_manners(SSL_CTX *ctx)
{
	/* Not SSL_OP_ALL: with TLS 1.0 phones get an empty record in front of each message, which
	 * is what keeps an attacker from knowing the initialisation vector. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
					 SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* A phone that makes its key for half an hour should not hold on to 32 KB of buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
}

int tls_phone_ctx(SSL_CTX **out, X509 *cert, EVP_PKEY *key, bool legacy, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return err_openssl(e, ERR_FAILED, "tls", "cannot make a TLS context");
	set_manners(ctx);
	if (legacy)
		SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(ctx, CIPHERS_MODERN) ||
	    SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1) {
		SSL_CTX_free(ctx);
		return err_openssl(e, ERR_FAILED, "tls-key",
				   "the certificate and its key cannot be used for TLS");
	}
	*out = ctx;
	return 0;
}
