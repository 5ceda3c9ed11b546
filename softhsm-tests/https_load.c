/*
 * Many TLS connections to a server on this host, in ways that servers do not like:
 *
 *   https_load hold PORT N       opens N, sends nothing, keeps them until standard input ends
 *   https_load drip PORT N       opens N, sends a request head one byte at a time, one byte a
 * second, until the server has closed them all or a minute is over
 *
 * Says "open N" when they are open, and at the end "closed N": how many the server had closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 5000, DRIP_SECONDS = 60 };

static SSL *open_one(SSL_CTX *ctx, unsigned short port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = fd < 0 ? NULL : SSL_new(ctx);

	if (ssl && !connect(fd, (const struct sockaddr *)&to, sizeof(to)) && SSL_set_fd(ssl, fd) &&
	    SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void close_one(SSL *ssl)
{
	if (!ssl)
		return;
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

/* Whether the server has said that it is over; what else it says is dropped. */
static bool is_closed(SSL *ssl)
{
	struct pollfd p = {.fd = SSL_get_fd(ssl), .events = POLLIN};
	char bytes[4096];

	while (poll(&p, 1, 0) == 1) {
		const ssize_t n = recv(p.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
		if (n < 0)
			return false;
	}
	return false;
}

static size_t count_closed(SSL **all, size_t n)
{
	size_t closed = 0;

	for (size_t i = 0; i < n; i++)
		closed += is_closed(all[i]);
	return closed;
}

static size_t hold(SSL **all, size_t n)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return count_closed(all, n);
}

static size_t drip(SSL **all, size_t n)
{
	static const char head[] =
		"GET /api/v1/version HTTP/1.1\r\nHost: a\r\nX-Filler: "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	bool closed[CONNECTIONS_MAX] = {false};
	size_t gone = 0;

	for (size_t at = 0; at < DRIP_SECONDS && gone < n; at++) {
		for (size_t i = 0; i < n; i++) {
			if (closed[i])
				continue;
			closed[i] = is_closed(all[i]) ||
				    SSL_write(all[i], head + at % (sizeof(head) - 1), 1) != 1;
			gone += closed[i];
		}
		sleep(1);
	}
	return gone;
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static SSL *all[CONNECTIONS_MAX];
	const bool drips = argc == 4 && !strcmp(argv[1], "drip");
	const size_t want = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	size_t n = 0;

	if (!ctx || !want || want > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: https_load hold|drip PORT N\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
	while (n < want && (all[n] = open_one(ctx, (unsigned short)strtoul(argv[2], NULL, 10))))
		n++;
	printf("open %zu\n", n);
	fflush(stdout);
	printf("closed %zu\n", drips ? drip(all, n) : hold(all, n));
	for (size_t i = 0; i < n; i++)
		close_one(all[i]);
	SSL_CTX_free(ctx);
	return n == want ? 0 : 1;
}
