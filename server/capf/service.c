#include "server/capf/service.h"

#include "common/file.h"
#include "server/capf/crl.h"
#include "server/capf/lanes.h"
#include "server/capf/listen.h"
#include "server/net/tls_phone.h"
#include "server/store/notify.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	SOCKETS_MAX = 8,
	THREADS_MIN = 2,
	THREADS_MAX = 32,
	ISSUERS = 2,       /* threads that wait for a token: one signs, one gets ready */
	NEWS_MS = 200,     /* how long other services wait to hear of changes */
	CRL_TICKS = 10,    /* of NEWS_MS: a CRL at most so often */
	EXPIRE_S = 10,     /* how often deadlines are looked at */
	SPARE_FILES = 256, /* descriptors for other things than connections */
};

static const char name[] = "ctlcapfd";

struct service {
	const char *state;
	struct conf_capf capf; /* as it was at the start */
	const struct log *log;
	struct event_base *base;
	struct store *store;   /* the main thread's */
	struct store **stores; /* one for each worker */
	size_t nthreads, nstores;
	struct signer *signer; /* capf { key }; NULL: none */
	struct mailbox *mailbox;
	struct desk desk;
	bool has_desk;
	SSL_CTX *tls;
	struct lanes *lanes;
	struct listen *listen;
	int news_fd;
	struct event *on_news, *on_tick, *on_expire;
	struct keeping expire;
	bool expiring;
	struct crl_mark crl;
	bool crl_wanted, crl_running, other_told;
	unsigned ticks; /* since the last CRL */
};

/* ---- changes, both ways ---- */

/* Somebody has changed the store: manufacturers may have come or gone, certificates been revoked.
 */
static void hear(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct authority *a;
	bool other;
	struct err e;

	(void)what;
	notify_drain((int)fd);
	s->crl_wanted = true;
	if (authority_again(&a, s->desk.authority, s->store, &other, &e)) {
		log_line(s->log, LOG_LEVEL_ERROR, "goes on with what it knew: %s", e.what);
		return;
	}
	desk_set_authority(&s->desk, a);
	/* Connections show the certificate that the service began with. */
	if (other && !s->other_told)
		log_line(s->log, LOG_LEVEL_WARN,
			 "the CAPF certificate is another one now; that takes a restart");
	s->other_told = other;
}

/* ---- the CRL ---- */

static void run_crl(void *arg, void *own)
{
	struct service *s = arg;
	struct authority *a = desk_authority(&s->desk);
	struct err e;

	if (s->signer)
		signer_probe(s->signer);
	if (crl_update(s->state, a, own, &s->crl, &e))
		log_line(s->log, LOG_LEVEL_ERROR, "%s", e.what);
	authority_unref(a);
}

static void on_crl_done(void *arg)
{
	struct service *s = arg;

	s->crl_running = false;
}

static void refresh_crl(struct service *s)
{
	struct err e;

	if (!s->crl_wanted || s->crl_running || ++s->ticks < CRL_TICKS)
		return;
	s->ticks = 0;
	s->crl_wanted = false;
	s->crl_running = !worker_submit(s->desk.issuers, run_crl, on_crl_done, s, &e);
}

/* Not for each phone: a hundred that enrol at once are one piece of news. */
static void tell(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	if (atomic_exchange(&s->desk.news, false))
		notify_all(s->state);
	if (s->lanes)
		refresh_crl(s);
}

/* ---- deadlines ---- */

static int change_expire(struct store *store, void *arg, struct err *e)
{
	(void)arg;
	return store_capf_expire(store, time(NULL), e);
}

static void on_expired(void *arg)
{
	struct service *s = arg;

	s->expiring = false;
	if (s->expire.rc)
		log_line(s->log, LOG_LEVEL_ERROR, "%s", s->expire.e.what);
}

static void expire(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	s->crl_wanted = true;
	if (s->expiring)
		return;
	s->expiring = true;
	s->expire = (struct keeping){
		.change = change_expire, .done = on_expired, .arg = s, .home = s->mailbox};
	keeper_put(s->desk.keeper, &s->expire);
}

/* ---- connections ---- */

static void on_phone(int fd, const struct sockaddr *sa, socklen_t n, void *arg)
{
	struct service *s = arg;

	lanes_take(s->lanes, fd, sa, n);
}

static size_t cores(void)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < THREADS_MIN ? THREADS_MIN : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

/* As many descriptors as there may be connections, if the system lets us. */
static void raise_files(unsigned connections)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= connections + SPARE_FILES)
		return;
	r.rlim_cur = connections + SPARE_FILES;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

/* ---- setting up ---- */

static int open_workers(struct service *s, struct err *e)
{
	struct worker_opts opts = {
		.base = s->base, .threads = s->nthreads, .queue_max = s->capf.connections + 1};
	int rc = 0;

	s->nstores = s->nthreads + (s->signer ? ISSUERS : 0);
	s->stores = calloc(s->nstores, sizeof(struct store *));
	if (!s->stores)
		return err_nomem(e);
	for (size_t i = 0; !rc && i < s->nstores; i++)
		rc = store_open(&s->stores[i], s->state, STORE_WRITE, e);
	opts.own = (void *const *)s->stores;
	if (!rc)
		rc = worker_pool_new(&s->desk.pool, &opts, e);
	s->desk.issuers = s->desk.pool;
	if (!rc && s->signer) {
		opts.threads = ISSUERS;
		opts.own = (void *const *)(s->stores + s->nthreads);
		rc = worker_pool_new(&s->desk.issuers, &opts, e);
	}
	return rc ? rc : keeper_start(&s->desk.keeper, s->state, e);
}

static int open_signer(struct service *s, struct err *e)
{
	char *cert = file_join(s->state, "keys/capf-issuer.crt");
	const int rc = cert ? signer_open(&s->signer, s->capf.key, cert, s->log, e) : err_nomem(e);

	free(cert);
	return rc;
}

static int open_authority(struct service *s, struct err *e)
{
	struct authority *a;
	int rc = store_open(&s->store, s->state, STORE_WRITE, e);

	if (!rc && s->capf.key)
		rc = open_signer(s, e);
	if (!rc)
		rc = authority_load(&a, s->state, s->store, s->signer, e);
	if (rc)
		return rc;
	s->desk.state = s->state;
	s->desk.conf = &s->capf;
	desk_init(&s->desk, a);
	s->has_desk = true;
	return tls_phone_ctx(&s->tls, a->cert, a->key, s->capf.legacy_tls, e);
}

static int open_lanes(struct service *s, struct err *e)
{
	const struct lanes_opts opts = {.lanes = s->nthreads,
					.tls = s->tls,
					.desk = &s->desk,
					.connections_max = s->capf.connections,
					.patience_s = s->capf.patience,
					.log = s->log};

	return lanes_start(&s->lanes, &opts, e);
}

static int open_events(struct service *s, struct err *e)
{
	const struct timeval news = {.tv_usec = NEWS_MS * 1000}, late = {.tv_sec = EXPIRE_S};

	s->on_tick = event_new(s->base, -1, EV_PERSIST, tell, s);
	s->on_expire = event_new(s->base, -1, EV_PERSIST, expire, s);
	if (!s->on_tick || !s->on_expire || event_add(s->on_tick, &news) ||
	    event_add(s->on_expire, &late))
		return err_nomem(e);
	if (notify_listen(&s->news_fd, s->state, name, e))
		return (int)e->kind;
	s->on_news = event_new(s->base, s->news_fd, EV_READ | EV_PERSIST, hear, s);
	if (!s->on_news || event_add(s->on_news, NULL))
		return err_nomem(e);
	expire(-1, 0, s);
	return 0;
}

static int set_up(struct service *s, struct daemon *d, struct err *e)
{
	int sockets[SOCKETS_MAX];
	const size_t n = daemon_sockets(d, SOCK_STREAM, NULL, sockets, SOCKETS_MAX);
	/* The port first: whoever comes second must not disturb the one that runs. */
	int rc = listen_open(&s->listen, s->base, &s->capf.listen, sockets, n, e);

	raise_files(s->capf.connections);
	if (!rc)
		rc = open_authority(s, e);
	if (!rc)
		rc = mailbox_new(&s->mailbox, s->base, e);
	if (!rc)
		rc = open_workers(s, e);
	if (!rc)
		rc = open_lanes(s, e);
	if (!rc)
		rc = open_events(s, e);
	if (!rc)
		rc = listen_begin(s->listen, on_phone, s, e);
	return rc;
}

int service_open(void **own, struct daemon *d, struct err *e)
{
	struct service *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	s->state = daemon_conf(d)->state;
	s->capf = daemon_conf(d)->capf;
	s->log = daemon_log(d);
	s->base = daemon_base(d);
	s->nthreads = cores();
	s->news_fd = -1;
	rc = set_up(s, d, e);
	if (rc) {
		service_close(s);
		return rc;
	}
	*own = s;
	daemon_ready(d, "version %s, listening at %s, TCP port %u%s", CTL_VERSION,
		     s->capf.listen.host, s->capf.listen.port,
		     s->capf.legacy_tls ? ", phones with TLS 1.0 are let in" : "");
	return 0;
}

static void close_events(struct service *s)
{
	struct event *const events[] = {s->on_news, s->on_tick, s->on_expire};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (s->news_fd >= 0)
		notify_close(s->news_fd, s->state, name);
}

void service_close(void *own)
{
	struct service *s = own;

	if (!s)
		return;
	listen_close(s->listen);
	close_events(s);
	/* From the outside in: what is under way needs what comes behind it. */
	lanes_stop(s->lanes);
	s->lanes = NULL;
	if (s->desk.issuers != s->desk.pool)
		worker_pool_free(s->desk.issuers);
	worker_pool_free(s->desk.pool);
	keeper_stop(s->desk.keeper);
	mailbox_free(s->mailbox);
	if (s->has_desk) {
		tell(-1, 0, s);
		desk_close(&s->desk);
	}
	signer_close(s->signer);
	SSL_CTX_free(s->tls);
	for (size_t i = 0; s->stores && i < s->nstores; i++)
		store_close(s->stores[i]);
	free(s->stores);
	store_close(s->store);
	free(s);
}
