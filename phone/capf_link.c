#include "phone/capf_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct capf_link {
	int fd;
	SSL *ssl;
	struct buf peer;
};

static int no_connection(const struct hostport *server, const char *why, struct err *e)
{
	err_set(e, ERR_FAILED, "capf-connect", "no connection to CAPF at %s, port %u: %s",
		server->host, server->port, why);
	return err_hint(e, "does ctlcapfd run there, on the first node? An old phone needs capf { "
			   "legacy-tls } in its configuration");
}

/* ---- TCP ---- */

static int connect_in_time(int fd, const struct addrinfo *a)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int why = 0;
	socklen_t n = sizeof(why);

	if (!connect(fd, a->ai_addr, a->ai_addrlen))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, CAPF_LINK_WAIT_S * 1000) != 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) ? errno : why;
}

/* Blocking from now on, with a limit for each read and write. */
static void set_limits(int fd)
{
	const struct timeval tv = {.tv_sec = CAPF_LINK_WAIT_S};
	const int yes = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static int connect_to(int *fd, const struct hostport *server, struct err *e)
{
	const struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *all = NULL;
	char port[8];
	int why;

	snprintf(port, sizeof(port), "%u", server->port);
	why = getaddrinfo(server->host, port, &want, &all);
	if (why)
		return no_connection(server, gai_strerror(why), e);
	why = EADDRNOTAVAIL;
	*fd = -1;
	for (const struct addrinfo *a = all; a && *fd < 0; a = a->ai_next) {
		const int s = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		why = s < 0 ? errno : connect_in_time(s, a);
		if (s >= 0 && why)
			close(s);
		else
			*fd = s;
	}
	freeaddrinfo(all);
	return *fd < 0 ? no_connection(server, strerror(why), e) : 0;
}

/* ---- TLS ---- */

static bool set_policy(SSL_CTX *ctx, int tls)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (!tls)
		return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	if (tls < TLS1_2_VERSION && !SSL_CTX_set_cipher_list(ctx, "AES128-SHA:AES256-SHA:"
								  "@SECLEVEL=0"))
		return false;
	return SSL_CTX_set_min_proto_version(ctx, tls) && SSL_CTX_set_max_proto_version(ctx, tls);
}

static bool take_peer(struct capf_link *l)
{
	X509 *x = SSL_get0_peer_certificate(l->ssl);
	const int n = x ? i2d_X509(x, NULL) : 0;
	uint8_t *to = n > 0 ? buf_room(&l->peer, (size_t)n) : NULL;

	if (!to)
		return false;
	l->peer.len = (size_t)i2d_X509(x, &to);
	return true;
}

int capf_link_ctx(SSL_CTX **out, int tls, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || !set_policy(ctx, tls)) {
		SSL_CTX_free(ctx);
		return err_openssl(e, ERR_FAILED, "tls", "cannot make a TLS context");
	}
	*out = ctx;
	return 0;
}

static int shake_hands(struct capf_link *l, const struct hostport *server, SSL_CTX *ctx,
		       struct err *e)
{
	const char *why;

	l->ssl = SSL_new(ctx);
	if (!l->ssl || !SSL_set_fd(l->ssl, l->fd))
		return err_nomem(e);
	if (SSL_connect(l->ssl) == 1 && take_peer(l))
		return 0;
	why = ERR_reason_error_string(ERR_peek_last_error());
	no_connection(server, why ? why : "it hung up during the TLS handshake", e);
	ERR_clear_error();
	return (int)e->kind;
}

int capf_link_open(struct capf_link **out, const struct hostport *server, SSL_CTX *ctx,
		   struct err *e)
{
	struct capf_link *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_nomem(e);
	l->fd = -1;
	rc = connect_to(&l->fd, server, e);
	if (!rc) {
		set_limits(l->fd);
		rc = shake_hands(l, server, ctx, e);
	}
	if (rc)
		capf_link_close(l);
	else
		*out = l;
	return rc;
}

struct span capf_link_peer(const struct capf_link *l)
{
	return buf_view(&l->peer);
}

/* ---- messages ---- */

static int broken(const char *why, struct err *e)
{
	ERR_clear_error();
	return err_set(e, ERR_FAILED, "capf-broken", "the connection to CAPF broke: %s", why);
}

int capf_link_send(struct capf_link *l, struct span bytes, struct err *e)
{
	if (!bytes.len)
		return 0;
	return SSL_write(l->ssl, bytes.data, (int)bytes.len) > 0
		       ? 0
		       : broken("the server takes nothing any more", e);
}

int capf_link_receive(struct capf_link *l, uint8_t *to, size_t max, size_t *n, struct err *e)
{
	const int got = SSL_read(l->ssl, to, (int)max);

	if (got > 0) {
		*n = (size_t)got;
		return 0;
	}
	if (SSL_get_error(l->ssl, got) == SSL_ERROR_WANT_READ)
		return broken("no answer in time", e);
	return broken("the server hung up", e);
}

void capf_link_close(struct capf_link *l)
{
	if (!l)
		return;
	if (l->ssl)
		(void)SSL_shutdown(l->ssl);
	ERR_clear_error();
	SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	buf_free(&l->peer);
	free(l);
}
