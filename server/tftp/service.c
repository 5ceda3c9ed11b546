#include "server/tftp/service.h"

#include "common/file.h"
#include "server/net/tls.h"
#include "server/tftp/listener.h"
#include "server/tftp/makers.h"
#include "server/tftp/source.h"
#include "server/tftp/static_files.h"
#include "server/tftp/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	THREADS_MAX = 16, /* that make configurations */
	SOURCES = 3,
	NOTE_S = 2, /* between two looks at what phones asked for */
};

/* Threads that make files, each with a maker of its own. */
struct team {
	struct maker *makers[THREADS_MAX];
	size_t n;
	struct worker_pool *pool;
};

struct service {
	struct file_key *key;
	struct team signers, disk;
	struct catalog_source sources[SOURCES];
	struct serve serve;

	struct source *store;
	struct event *news, *notes;
	struct store_seen *seen; /* nseen of them, that the source could not take yet */
	size_t nseen;

	struct listener *listener;
	struct web *http, *https;
};

/* ---- makers ---- */

static int team_open(struct team *t, size_t threads, const struct makers_setup *setup,
		     struct event_base *base, struct err *e)
{
	const struct worker_opts opts = {
		.base = base,
		.threads = threads,
		.queue_max = CATALOG_IN_FLIGHT,
		.own = (void *const *)t->makers,
	};

	for (; t->n < threads; t->n++)
		if (maker_open(&t->makers[t->n], setup, e))
			return (int)e->kind;
	return worker_pool_new(&t->pool, &opts, e);
}

static void team_close(struct team *t)
{
	worker_pool_free(t->pool);
	while (t->n)
		maker_close(t->makers[--t->n]);
}

static size_t processors(void)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n < THREADS_MAX ? (size_t)n : THREADS_MAX;
}

static int open_key(struct service *s, struct daemon *d, struct err *e)
{
	const struct conf *c = daemon_conf(d);
	const int rc = file_key_of_node(&s->key, c, e);

	if (!rc && !s->key)
		log_line(daemon_log(d), LOG_LEVEL_WARN,
			 "there is no key %s/keys/ccm.key: no file is signed", c->state);
	return rc;
}

static int open_makers(struct service *s, struct daemon *d, struct err *e)
{
	const struct conf *c = daemon_conf(d);
	struct makers_setup setup = {
		.state = c->state,
		.key = s->key,
		.digest = c->tftp_sha512 ? TL_SHA512 : TL_SHA1,
		.ports = device_ports_of(c),
	};
	int rc = team_open(&s->signers, processors(), &setup, daemon_base(d), e);

	/* Static files shall not wait for a thousand signatures. */
	setup.folder = c->tftp_static;
	if (!rc && setup.folder)
		rc = team_open(&s->disk, 1, &setup, daemon_base(d), e);
	return rc;
}

static int open_catalog(struct service *s, struct daemon *d, struct err *e)
{
	const char *path = daemon_conf(d)->tftp_static;
	const struct catalog_opts opts = {
		.memory_max = (size_t)daemon_conf(d)->tftp_cache << 20,
		.sources = s->sources,
		.nsources = path ? 3 : 2,
	};

	if (open_key(s, d, e) || open_makers(s, d, e))
		return (int)e->kind;
	s->sources[0] = (struct catalog_source){s->signers.pool, maker_config, maker_takes, 0, 0};
	s->sources[1] = (struct catalog_source){s->signers.pool, maker_crl, maker_takes_crl,
						STATIC_FRESH_MS, STATIC_STALE_MS};
	s->sources[2] = (struct catalog_source){s->disk.pool, maker_static, NULL, STATIC_FRESH_MS,
						STATIC_STALE_MS};
	s->serve.catalog = catalog_new(&opts);
	return s->serve.catalog ? 0 : err_nomem(e);
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

/* Hands what phones asked for to the thread that writes. */
static void on_notes(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	if (!s->seen)
		asked_take(s->serve.asked, &s->seen, &s->nseen);
	if (s->seen && source_note(s->store, s->seen, s->nseen))
		s->seen = NULL;
}

static int add_events(struct service *s, struct daemon *d)
{
	const struct timeval every = {.tv_sec = NOTE_S};

	s->news = event_new(daemon_base(d), source_fd(s->store), EV_READ | EV_PERSIST, on_news, s);
	s->notes = event_new(daemon_base(d), -1, EV_PERSIST, on_notes, s);
	return s->news && s->notes && !event_add(s->news, NULL) && !event_add(s->notes, &every);
}

static int open_store(struct service *s, struct daemon *d, struct err *e)
{
	const struct source_setup setup = {
		.state = daemon_conf(d)->state,
		.log = daemon_log(d),
		.key = s->key,
	};

	if (source_open(&s->store, &setup, e))
		return (int)e->kind;
	if (!add_events(s, d))
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

static int open_http(struct service *s, struct daemon *d, struct err *e)
{
	int fds[WEB_SOCKETS];
	struct web_opts opts = {
		.base = daemon_base(d),
		.at = &daemon_conf(d)->http,
		.sockets = fds,
		.serve = &s->serve,
		.log = daemon_log(d),
	};

	opts.nsockets = daemon_sockets(d, SOCK_STREAM, "http", fds, WEB_SOCKETS);
	if (!opts.nsockets && !*opts.at->host)
		return 0;
	return web_open(&s->http, &opts, e);
}

/* Phones want an elliptic key there; without one, the node's own, which is in the list, too. */
static int https_ctx(SSL_CTX **ctx, const char *state, struct err *e)
{
	char *cert = file_join(state, "keys/tftp-https.crt");
	char *key = file_join(state, "keys/tftp-https.key");
	int rc;

	if (cert && access(cert, F_OK)) {
		free(cert);
		free(key);
		cert = file_join(state, "keys/ccm.crt");
		key = file_join(state, "keys/ccm.key");
	}
	rc = cert && key ? tls_modern_ctx(ctx, cert, key, e) : err_nomem(e);
	free(cert);
	free(key);
	return rc;
}

static int open_https(struct service *s, struct daemon *d, struct err *e)
{
	int fds[WEB_SOCKETS];
	struct web_opts opts = {
		.base = daemon_base(d),
		.at = &daemon_conf(d)->https,
		.sockets = fds,
		.serve = &s->serve,
		.log = daemon_log(d),
	};

	opts.nsockets = daemon_sockets(d, SOCK_STREAM, "https", fds, WEB_SOCKETS);
	if (!opts.nsockets && !*opts.at->host)
		return 0;
	if (https_ctx(&opts.tls, daemon_conf(d)->state, e))
		return (int)e->kind;
	if (web_open(&s->https, &opts, e))
		SSL_CTX_free(opts.tls);
	return s->https ? 0 : (int)e->kind;
}

static void say_ready(struct service *s, struct daemon *d)
{
	const struct conf *c = daemon_conf(d);
	char also[64] = "";

	if (s->http || s->https)
		snprintf(also, sizeof(also), ", HTTP port %u, HTTPS port %u (0: off)",
			 s->http ? c->http.port : 0U, s->https ? c->https.port : 0U);
	daemon_ready(d, "version %s, listening at %s, UDP port %u%s", CTL_VERSION, c->tftp.host,
		     c->tftp.port, also);
}

int service_open(void **own, struct daemon *d, struct err *e)
{
	struct service *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	*own = s;
	s->serve.limits = limits_new();
	s->serve.asked = asked_new();
	rc = s->serve.limits && s->serve.asked ? 0 : err_nomem(e);
	/* The ports first: whoever comes second must not disturb the one that runs. */
	if (!rc)
		rc = open_tftp(s, d, e);
	if (!rc)
		rc = open_http(s, d, e);
	if (!rc)
		rc = open_https(s, d, e);
	if (!rc)
		rc = open_catalog(s, d, e);
	if (!rc)
		rc = open_store(s, d, e);
	if (!rc)
		say_ready(s, d);
	return rc;
}

void service_close(void *own)
{
	struct service *s = own;

	if (!s)
		return;
	/* Who waits leaves first, then who works ends, then what both used goes. */
	listener_close(s->listener);
	web_close(s->http);
	web_close(s->https);
	team_close(&s->signers);
	team_close(&s->disk);
	if (s->news)
		event_free(s->news);
	if (s->notes)
		event_free(s->notes);
	source_close(s->store);
	free(s->seen);
	catalog_free(s->serve.catalog);
	limits_free(s->serve.limits);
	asked_free(s->serve.asked);
	file_key_close(s->key);
	free(s);
}
