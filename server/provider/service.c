#include "server/provider/service.h"

#include "common/file.h"
#include "server/cluster/bundle.h"
#include "server/net/tls.h"
#include "server/provider/api.h"
#include "server/provider/expiry.h"
#include "server/provider/login_cache.h"
#include "server/provider/metrics.h"
#include "server/provider/node_api.h"
#include "server/provider/signers.h"
#include "server/store/notify.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum {
	WORKERS = 4,
	QUEUE_MAX = 64,
	SOCKETS_MAX = 4,
	DESCRIPTORS_SPARE = 128, /* for the store, the log and everything else */
	BODY_MAX = 64 * 1024,
	HEAD_S = 10,
	BODY_S = 20,
	IDLE_S = 60,
	LOGINS_KNOWN = 1024,
	DAY_S = 24 * 3600,
	METRICS_CONNECTIONS = 16,
	METRICS_S = 10, /* for a request, and for the next one */
	RETRY_S = 30,   /* between looks for a CTL that could not be activated */
};

struct service {
	struct daemon *daemon;
	const struct conf *conf;
	const struct log *log;
	struct event_base *base;
	struct store *stores[WORKERS];
	SSL_CTX *tls;
	struct stat tls_file; /* of the certificate it was made from */
	struct https_server *https;
	struct api api;
	struct event *retry;
	bool retrying;
	struct event *daily;
	struct https_server *metrics_server; /* NULL: off */
	struct courier_news told;
	struct event *news; /* others have changed the store */
	int notify;
};

/* ---- trying again ---- */

static void run_activation(void *job, void *own)
{
	struct service *s = job;
	struct err ignored;

	/* It has logged what went wrong. */
	(void)activate(s->api.activator, own, &ignored);
}

static void done_activation(void *job)
{
	struct service *s = job;

	s->retrying = false;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct err ignored;

	(void)fd;
	(void)what;
	if (!s->retrying)
		s->retrying =
			!worker_submit(s->api.pool, run_activation, done_activation, s, &ignored);
}

/* ---- changes by others ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The TLS context, or a new one if the certificate was renewed. */
static int load_tls(struct service *s, struct err *e)
{
	char *cert = file_join(s->conf->state, "keys/provider.crt");
	char *key = file_join(s->conf->state, "keys/provider.key");
	struct stat now = {0};
	SSL_CTX *tls;
	int rc = 0;

	if (!cert || !key) {
		rc = err_nomem(e);
	} else if (stat(cert, &now) || !s->tls || !same_file(&now, &s->tls_file)) {
		rc = tls_modern_ctx(&tls, cert, key, e);
		if (!rc) {
			/* Connections that are there keep the old one alive. */
			SSL_CTX_free(s->tls);
			s->tls = tls;
			s->tls_file = now;
		}
	}
	free(cert);
	free(key);
	return rc;
}

static void sync_with_store(struct service *s, struct store *store)
{
	struct err e;

	if (node_api_sync(s->conf->state, s->api.peers, store, &e))
		log_line(s->log, LOG_LEVEL_ERROR, "%s", e.what);
	(void)activate(s->api.activator, store, &e);
	/* An edited phone is nobody's business on other nodes; thousands of them are edited in a
	 * row. */
	if (courier_is_news(&s->told, store))
		courier_wake(s->api.courier);
}

static void run_sync(void *job, void *own)
{
	sync_with_store(job, own);
}

static void done_sync(void *job)
{
	(void)job;
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct err e;

	(void)what;
	notify_drain(fd);
	if (load_tls(s, &e))
		log_line(s->log, LOG_LEVEL_ERROR, "the old certificate stays in use: %s", e.what);
	https_set_tls(s->https, s->tls);
	if (worker_submit(s->api.pool, run_sync, done_sync, s, &e))
		log_line(s->log, LOG_LEVEL_WARN, "cannot look at a change now: %s", e.what);
}

static int hear_of_changes(struct service *s, struct err *e)
{
	if (notify_listen(&s->notify, s->conf->state, "provider", e))
		return (int)e->kind;
	s->news = event_new(s->base, s->notify, EV_READ | EV_PERSIST, on_news, s);
	return s->news && !event_add(s->news, NULL) ? 0 : err_nomem(e);
}

/* ---- once a day ---- */

static void warn(const char *sentence, void *arg)
{
	const struct service *s = arg;

	log_line(s->log, LOG_LEVEL_WARN, "%s", sentence);
}

static void run_daily(void *job, void *own)
{
	struct service *s = job;
	struct store_node *nodes;
	struct err e;
	size_t n;

	if (store_nodes(own, &nodes, &n, &e)) {
		log_line(s->log, LOG_LEVEL_ERROR, "cannot look for ends of certificates: %s",
			 e.what);
		return;
	}
	expiry_warn(nodes, n, time(NULL), warn, s);
	store_nodes_free(nodes, n);
}

static void done_daily(void *job)
{
	(void)job;
}

static void on_daily(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct err ignored;

	(void)fd;
	(void)what;
	(void)worker_submit(s->api.pool, run_daily, done_daily, s, &ignored);
}

static int add_daily(struct service *s, struct err *e)
{
	const struct timeval period = {.tv_sec = DAY_S};

	s->daily = event_new(s->base, -1, EV_PERSIST, on_daily, s);
	if (!s->daily || event_add(s->daily, &period))
		return err_nomem(e);
	/* And now. */
	on_daily(-1, 0, s);
	return 0;
}

/* ---- the end ---- */

static void on_drained(void *arg)
{
	daemon_stopped(arg);
}

void service_stop(void *own)
{
	struct service *s = own;

	s->api.stopping = true;
	https_drain(s->https, on_drained, s->daemon);
}

/* ---- coming up ---- */

static int open_stores(struct service *s, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < WORKERS; i++)
		rc = store_open(&s->stores[i], s->conf->state, STORE_WRITE, e);
	return rc;
}

/* As many as the configuration says, if the system has so many descriptors. */
static size_t connections_max(const struct conf *conf)
{
	const rlim_t want = (rlim_t)conf->provider_connections + DESCRIPTORS_SPARE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return conf->provider_connections;
	if (limit.rlim_cur < want) {
		limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= want)
		return conf->provider_connections;
	return limit.rlim_cur > DESCRIPTORS_SPARE * 2UL ? limit.rlim_cur - DESCRIPTORS_SPARE
							: DESCRIPTORS_SPARE;
}

static int start_workers(struct service *s, struct err *e)
{
	void *own[WORKERS];
	const struct worker_opts opts = {
		.base = s->base, .threads = WORKERS, .queue_max = QUEUE_MAX, .own = own};

	for (size_t i = 0; i < WORKERS; i++)
		own[i] = s->stores[i];
	return worker_pool_new(&s->api.pool, &opts, e);
}

static int start_listening(struct service *s, struct err *e)
{
	int sockets[SOCKETS_MAX];
	const struct https_opts opts = {
		.base = s->base,
		.tls = s->tls,
		.listen = &s->conf->provider,
		.sockets = sockets,
		.nsockets = daemon_sockets(s->daemon, SOCK_STREAM, NULL, sockets, SOCKETS_MAX),
		.connections_max = connections_max(s->conf),
		.body_max = BODY_MAX,
		.body_max_trusted = BUNDLE_MAX,
		.trusts = api_trusts,
		.head_s = HEAD_S,
		.body_s = BODY_S,
		.idle_s = IDLE_S,
		.handler = api_handle,
		.arg = &s->api};

	return https_listen(&s->https, &opts, e);
}

static int start_metrics(struct service *s, struct err *e)
{
	int sockets[SOCKETS_MAX];
	const struct https_opts opts = {
		.base = s->base,
		.listen = &s->conf->metrics,
		.sockets = sockets,
		.nsockets = daemon_sockets(s->daemon, SOCK_STREAM, "metrics", sockets, SOCKETS_MAX),
		.connections_max = METRICS_CONNECTIONS,
		.head_s = METRICS_S,
		.body_s = METRICS_S,
		.idle_s = METRICS_S,
		.handler = metrics_handle,
		.arg = &s->api};

	if (!opts.nsockets && !*s->conf->metrics.host)
		return 0;
	return https_listen(&s->metrics_server, &opts, e);
}

static int add_retry(struct service *s, struct err *e)
{
	const struct timeval period = {.tv_sec = RETRY_S};

	s->retry = event_new(s->base, -1, EV_PERSIST, on_retry, s);
	return s->retry && !event_add(s->retry, &period) ? 0 : err_nomem(e);
}

static int set_up(struct service *s, struct err *e)
{
	s->api.log = s->log;
	s->api.strangers = (struct log_limit){.log = s->log, .per_second = 10};
	s->api.base = s->base;
	s->api.state = s->conf->state;
	s->api.peers = peers_new();
	s->api.throttle = throttle_new(LOGINS_KNOWN);
	s->api.logins = login_cache_new();
	s->api.login_audit = login_audit_new(s->log);
	s->api.leases = leases_new();
	if (!s->api.peers || !s->api.throttle || !s->api.logins || !s->api.login_audit ||
	    !s->api.leases)
		return err_nomem(e);
	s->api.require_hardware = s->conf->require_hardware;
	s->api.capf = s->conf->capf;
	if (s->conf->signers && signers_load(&s->api.signers, s->conf->signers, e))
		return (int)e->kind;
	if (open_stores(s, e) || kept_new(&s->api.kept, s->conf->state, e) || load_tls(s, e) ||
	    activator_new(&s->api.activator, s->conf->state, s->log, e))
		return (int)e->kind;
	/* What was accepted before we were stopped is finished before anybody is served; if that
	 * fails, serving the old list is still better than nothing. */
	(void)activate(s->api.activator, s->stores[0], e);
	/* We may have been stopped between the two. */
	notify_all(s->conf->state);
	if (add_retry(s, e) || start_workers(s, e))
		return (int)e->kind;
	if (start_metrics(s, e) || start_listening(s, e) || hear_of_changes(s, e) ||
	    node_api_note_address(s->stores[0], &s->conf->provider, e) ||
	    courier_new(&s->api.courier, s->conf->state, s->log, e))
		return (int)e->kind;
	sync_with_store(s, s->stores[0]);
	return add_daily(s, e);
}

void service_reload(void *own)
{
	struct service *s = own;

	https_set_connections_max(s->https, connections_max(s->conf));
}

void service_close(void *own)
{
	struct service *s = own;

	if (!s)
		return;
	/* Workers first: the requests they are at work on belong to the listener. */
	worker_pool_free(s->api.pool);
	courier_free(s->api.courier);
	https_free(s->https);
	https_free(s->metrics_server);
	if (s->daily)
		event_free(s->daily);
	if (s->news)
		event_free(s->news);
	if (s->notify >= 0)
		notify_close(s->notify, s->conf->state, "provider");
	peers_free(s->api.peers);
	if (s->retry)
		event_free(s->retry);
	activator_free(s->api.activator);
	throttle_free(s->api.throttle);
	login_cache_free(s->api.logins);
	login_audit_free(s->api.login_audit);
	leases_free(s->api.leases);
	signers_free(s->api.signers);
	kept_free(s->api.kept);
	SSL_CTX_free(s->tls);
	for (size_t i = 0; i < WORKERS; i++)
		store_close(s->stores[i]);
	free(s);
}

int service_open(void **own, struct daemon *d, struct err *e)
{
	struct service *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	s->daemon = d;
	s->notify = -1;
	s->conf = daemon_conf(d);
	s->log = daemon_log(d);
	s->base = daemon_base(d);
	rc = set_up(s, e);
	if (rc) {
		service_close(s);
		return rc;
	}
	*own = s;
	daemon_ready(d, "version %s serves %s on %s port %u", CTL_VERSION, s->conf->state,
		     s->conf->provider.host, s->conf->provider.port);
	return 0;
}
