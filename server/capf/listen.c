#include "server/capf/listen.h"

#include "server/net/sockets.h"

#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LISTENERS_MAX = 8,
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
		rc = sockets_bind(l->fds, LISTENERS_MAX, &l->n, SOCK_STREAM, at, e);
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
