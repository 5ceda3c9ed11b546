#include "server/tftp/service.h"

#include "server/tftp/listener.h"
#include "server/tftp/source.h"
#include "server/tftp/static_files.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOURCES = 1 };

struct service {
	struct source *store;
	struct event *news;

	int folder;               /* of static files; -1: none */
	struct worker_pool *disk; /* looks into it */
	struct catalog_source sources[SOURCES];
	struct serve serve;

	struct listener *listener;
};

void service_close(void *own)
{
	struct service *s = own;

	if (!s)
		return;
	/* Who waits leaves first, then who works ends, then what both used goes. */
	listener_close(s->listener);
	worker_pool_free(s->disk);
	if (s->news)
		event_free(s->news);
	source_close(s->store);
	catalog_free(s->serve.catalog);
	limits_free(s->serve.limits);
	if (s->folder >= 0)
		close(s->folder);
	free(s);
}

/* ---- the catalog and what is in it ---- */

static int open_static(struct service *s, struct daemon *d, size_t *n, struct err *e)
{
	void *own[] = {&s->folder};
	const struct worker_opts opts = {
		.base = daemon_base(d),
		.threads = 1,
		.queue_max = CATALOG_IN_FLIGHT,
		.own = own,
	};
	const char *path = daemon_conf(d)->tftp_static;
	int rc;

	if (!path)
		return 0;
	rc = static_files_open(&s->folder, path, e);
	if (!rc)
		rc = worker_pool_new(&s->disk, &opts, e);
	if (rc)
		return rc;
	s->sources[(*n)++] = (struct catalog_source){
		.pool = s->disk,
		.make = static_files_make,
		.fresh_ms = STATIC_FRESH_MS,
	};
	return 0;
}

static int open_catalog(struct service *s, struct daemon *d, struct err *e)
{
	struct catalog_opts opts = {
		.memory_max = (size_t)daemon_conf(d)->tftp_cache << 20,
		.sources = s->sources,
	};

	if (open_static(s, d, &opts.nsources, e))
		return (int)e->kind;
	s->serve.catalog = catalog_new(&opts);
	s->serve.limits = limits_new();
	return s->serve.catalog && s->serve.limits ? 0 : err_nomem(e);
}

/* ---- the store ---- */

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	const struct source_news news = source_take(s->store);

	(void)fd;
	(void)what;
	if (news.has_ctl)
		catalog_set_ctl(s->serve.catalog, news.ctl);
	if (news.changed)
		catalog_changed(s->serve.catalog);
}

static int open_store(struct service *s, struct daemon *d, struct err *e)
{
	if (source_open(&s->store, daemon_conf(d)->state, daemon_log(d), e))
		return (int)e->kind;
	s->news = event_new(daemon_base(d), source_fd(s->store), EV_READ | EV_PERSIST, on_news, s);
	if (!s->news || event_add(s->news, NULL))
		return err_nomem(e);
	on_news(source_fd(s->store), EV_READ, s);
	return 0;
}

/* ---- all together ---- */

static int open_tftp(struct service *s, struct daemon *d, struct err *e)
{
	struct listener_opts opts = {
		.base = daemon_base(d),
		.at = &daemon_conf(d)->tftp,
		.fd = -1,
		.serve = &s->serve,
		.log = daemon_log(d),
	};

	(void)daemon_sockets(d, SOCK_DGRAM, NULL, &opts.fd, 1);
	return listener_open(&s->listener, &opts, e);
}

int service_open(void **own, struct daemon *d, struct err *e)
{
	const struct hostport *at = &daemon_conf(d)->tftp;
	struct service *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	*own = s;
	s->folder = -1;
	rc = open_catalog(s, d, e);
	/* The ports first: whoever comes second must not disturb the one that runs. */
	if (!rc)
		rc = open_tftp(s, d, e);
	if (!rc)
		rc = open_store(s, d, e);
	if (!rc)
		daemon_ready(d, "version %s, listening at %s, UDP port %u", CTL_VERSION, at->host,
			     at->port);
	return rc;
}
