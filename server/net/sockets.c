#include "server/net/sockets.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int failed(const struct hostport *at, int why, struct err *e)
{
	err_set(e, ERR_FAILED, "listen", "cannot listen on %s port %u: %s", at->host, at->port,
		strerror(why));
	if (why == EADDRINUSE)
		err_hint(e, "another program has that port; choose another one with \"listen = \" "
			    "in the configuration");
	if (why == EACCES)
		err_hint(e, "a port below 1024 takes root or the service manager's sockets; "
			    "\"listen = \" in the configuration takes another port");
	return (int)e->kind;
}

static int bind_one(int *fd, const struct addrinfo *a, const struct hostport *at, struct err *e)
{
	const int type = a->ai_socktype, yes = 1;
	int why;

	*fd = socket(a->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return failed(at, errno, e);
	if (type == SOCK_STREAM)
		(void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!bind(*fd, a->ai_addr, a->ai_addrlen) &&
	    (type != SOCK_STREAM || !listen(*fd, SOCKETS_BACKLOG)))
		return 0;
	why = errno;
	close(*fd);
	return failed(at, why, e);
}

int sockets_bind(int fds[], size_t most, size_t *n, int type, const struct hostport *at,
		 struct err *e)
{
	const struct addrinfo want = {.ai_family = AF_UNSPEC,
				      .ai_socktype = type,
				      .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *all = NULL;
	char port[8];
	int rc;

	*n = 0;
	snprintf(port, sizeof(port), "%u", at->port);
	rc = getaddrinfo(at->host, port, &want, &all);
	if (rc)
		return err_set(e, ERR_FAILED, "listen", "cannot listen on %s: %s", at->host,
			       gai_strerror(rc));
	for (const struct addrinfo *a = all; !rc && a && *n < most; a = a->ai_next) {
		rc = bind_one(&fds[*n], a, at, e);
		if (!rc)
			(*n)++;
	}
	freeaddrinfo(all);
	return rc;
}
