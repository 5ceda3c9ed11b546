#include "server/provider/service.h"

#include "common/file.h"
#include "server/net/tls.h"
#include "server/provider/api.h"
#include "server/provider/commit.h"
#include "server/provider/views.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

enum {
	WORKERS = 4,
	QUEUE_MAX = 64,
	CONNECTIONS_MAX = 1024,
	DESCRIPTORS_SPARE = 128, /* for the store, the log and everything else */
	BODY_MAX = 64 * 1024,
	HEAD_S = 10,
	BODY_S = 20,
	IDLE_S = 60,
	LOGINS_KNOWN = 1024,
	RETRY_S = 30, /* between looks for a CTL that could not be activated */
	DRAIN_S = 5,  /* for requests under way when the end comes */
	SIGNALS = 2,
};

struct service {
	const struct conf *conf;
	const struct log *log;
	struct event_base *base;
	struct store *stores[WORKERS];
	SSL_CTX *tls;
	struct https_server *https;
	struct api api;
	struct event *signals[SIGNALS];
	struct event *retry;
	bool retrying;
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

/* ---- the end ---- */

static void on_drained(void *arg)
{
	event_base_loopbreak(arg);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	const struct timeval patience = {.tv_sec = DRAIN_S};
	struct service *s = arg;

	(void)what;
	if (s->api.stopping)
		return;
	log_line(s->log, LOG_LEVEL_INFO, "stopping (signal %d)", (int)number);
	sd_notify(0, "STOPPING=1");
	s->api.stopping = true;
	event_base_loopexit(s->base, &patience);
	https_drain(s->https, on_drained, s->base);
}

/* ---- coming up ---- */

static int open_stores(struct service *s, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < WORKERS; i++)
		rc = store_open(&s->stores[i], s->conf->state, STORE_WRITE, e);
	return rc;
}

static int load_tls(struct service *s, struct err *e)
{
	char *cert = file_join(s->conf->state, "keys/provider.crt");
	char *key = file_join(s->conf->state, "keys/provider.key");
	const int rc = cert && key ? tls_modern_ctx(&s->tls, cert, key, e) : err_nomem(e);

	free(cert);
	free(key);
	return rc;
}

static size_t connections_max(void)
{
	const rlim_t want = CONNECTIONS_MAX + DESCRIPTORS_SPARE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return CONNECTIONS_MAX / 2;
	if (limit.rlim_cur < want) {
		limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= want)
		return CONNECTIONS_MAX;
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
	const struct https_opts opts = {.base = s->base,
					.tls = s->tls,
					.listen = &s->conf->provider,
					.connections_max = connections_max(),
					.body_max = BODY_MAX,
					.head_s = HEAD_S,
					.body_s = BODY_S,
					.idle_s = IDLE_S,
					.handler = api_handle,
					.arg = &s->api};

	return https_listen(&s->https, &opts, e);
}

static int add_events(struct service *s, struct err *e)
{
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT};
	const struct timeval period = {.tv_sec = RETRY_S};
	bool ok = true;

	/* A client that goes away while we write is no reason to end. */
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < SIGNALS; i++) {
		s->signals[i] = evsignal_new(s->base, numbers[i], on_signal, s);
		ok = ok && s->signals[i] && !event_add(s->signals[i], NULL);
	}
	s->retry = event_new(s->base, -1, EV_PERSIST, on_retry, s);
	ok = ok && s->retry && !event_add(s->retry, &period);
	return ok ? 0 : err_nomem(e);
}

static int set_up(struct service *s, struct err *e)
{
	s->api.log = s->log;
	s->api.strangers = (struct log_limit){.log = s->log, .per_second = 10};
	s->base = event_base_new();
	s->api.base = s->base;
	s->api.throttle = throttle_new(LOGINS_KNOWN);
	if (!s->base || !s->api.throttle)
		return err_nomem(e);
	if (open_stores(s, e) || load_tls(s, e) ||
	    activator_new(&s->api.activator, s->conf->state, s->log, e))
		return (int)e->kind;
	/* What was accepted before we were stopped is finished before anybody is served; if that
	 * fails, serving the old list is still better than nothing. */
	(void)activate(s->api.activator, s->stores[0], e);
	if (add_events(s, e) || start_workers(s, e))
		return (int)e->kind;
	return start_listening(s, e);
}

static void tear_down(struct service *s)
{
	/* Workers first: the requests they are at work on belong to the listener. */
	worker_pool_free(s->api.pool);
	https_free(s->https);
	for (size_t i = 0; i < SIGNALS; i++)
		if (s->signals[i])
			event_free(s->signals[i]);
	if (s->retry)
		event_free(s->retry);
	activator_free(s->api.activator);
	throttle_free(s->api.throttle);
	SSL_CTX_free(s->tls);
	for (size_t i = 0; i < WORKERS; i++)
		store_close(s->stores[i]);
	if (s->base)
		event_base_free(s->base);
}

int service_run(const struct conf *conf, const struct log *log, struct err *e)
{
	struct service s = {.conf = conf, .log = log};
	int rc = set_up(&s, e);

	if (!rc) {
		log_line(log, LOG_LEVEL_INFO, "ready: version %s serves %s on %s port %u",
			 CTL_VERSION, conf->state, conf->provider.host, conf->provider.port);
		sd_notify(0, "READY=1");
		event_base_dispatch(s.base);
		log_line(log, LOG_LEVEL_INFO, "stopped");
	}
	tear_down(&s);
	return rc;
}
