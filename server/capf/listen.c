#include "server/capf/listen.h"

#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LISTENERS_MAX = 8,
	BACKLOG = 4096, /* the system cuts it to net.core.somaxconn */
	PAUSE_MS = 100, /* while there are no descriptors */
};

struct listen {
	struct event_base *base;
	int fds[LISTENERS_MAX];
	size_t n;
	struct evconnlistener *listeners[LISTENERS_MAX];
	struct event *pause;
	listen_fn *fn;
	void *arg;
};

static void enable(struct listen *l, bool on)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->listeners[i] && on)
			evconnlistener_enable(l->listeners[i]);
		else if (l->listeners[i])
			evconnlistener_disable(l->listeners[i]);
	}
}

static void on_accept(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct listen *l = arg;

	(void)lev;
	l->fn((int)fd, sa, (socklen_t)n, l->arg);
}

/* Out of descriptors, as a rule: trying again at once would only burn a core. */
static void on_error(struct evconnlistener *lev, void *arg)
{
	const struct timeval tv = {.tv_usec = PAUSE_MS * 1000};
	struct listen *l = arg;

	(void)lev;
	enable(l, false);
	event_add(l->pause, &tv);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	enable(arg, true);
}

static int refuse(const struct hostport *at, int why, struct err *e)
{
	err_set(e, ERR_FAILED, "listen", "cannot listen on %s port %u: %s", at->host, at->port,
		strerror(why));
	if (why == EADDRINUSE)
		err_hint(e, "another program has that port; choose another one with \"listen = \" "
			    "in the configuration");
	return (int)e->kind;
}

static int bind_one(struct listen *l, const struct hostport *at, const struct addrinfo *a,
		    struct err *e)
{
	const int yes = 1;
	const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return refuse(at, errno, e);
	l->fds[l->n++] = fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, BACKLOG))
		return refuse(at, errno, e);
	return 0;
}

static int bind_all(struct listen *l, const struct hostport *at, struct err *e)
{
	const struct addrinfo want = {.ai_family = AF_UNSPEC,
				      .ai_socktype = SOCK_STREAM,
				      .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *all = NULL;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", at->port);
	rc = getaddrinfo(at->host, port, &want, &all);
	if (rc)
		return err_set(e, ERR_FAILED, "listen", "cannot listen on %s: %s", at->host,
			       gai_strerror(rc));
	for (const struct addrinfo *a = all; !rc && a && l->n < LISTENERS_MAX; a = a->ai_next)
		rc = bind_one(l, at, a, e);
	freeaddrinfo(all);
	return rc;
}

int listen_open(struct listen **out, struct event_base *base, const struct hostport *at,
		const int *sockets, size_t n, struct err *e)
{
	struct listen *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (!l)
		return err_nomem(e);
	l->base = base;
	for (size_t i = 0; i < n && i < LISTENERS_MAX; i++) {
		evutil_make_socket_nonblocking(sockets[i]);
		l->fds[l->n++] = sockets[i];
	}
	l->pause = evtimer_new(base, on_pause_over, l);
	if (!l->pause)
		rc = err_nomem(e);
	else if (!n)
		rc = bind_all(l, at, e);
	if (rc)
		listen_close(l);
	else
		*out = l;
	return rc;
}

int listen_begin(struct listen *l, listen_fn *fn, void *arg, struct err *e)
{
	l->fn = fn;
	l->arg = arg;
	for (size_t i = 0; i < l->n; i++) {
		l->listeners[i] = evconnlistener_new(l->base, on_accept, l, LEV_OPT_CLOSE_ON_EXEC,
						     0, l->fds[i]);
		if (!l->listeners[i])
			return err_nomem(e);
		evconnlistener_set_error_cb(l->listeners[i], on_error);
	}
	return 0;
}

void listen_close(struct listen *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		if (l->listeners[i])
			evconnlistener_free(l->listeners[i]);
		close(l->fds[i]);
	}
	if (l->pause)
		event_free(l->pause);
	free(l);
}
