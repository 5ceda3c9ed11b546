#include "server/net/daemon.h"

#include "common/cli.h"
#include "common/secret.h"
#include "server/net/become.h"
#include "server/net/handed.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

enum {
	SIGNALS = 3,
	READY_TEXT_MAX = 512,
	PINGS_PER_PERIOD = 3, /* so that one that comes late is no death */
};

struct daemon {
	const struct daemon_service *service;
	void *own;
	const char *path; /* of the configuration, or NULL */
	struct conf conf;
	struct log log;
	struct event_base *base;
	struct event *signals[SIGNALS];
	struct event *watchdog;
	struct handed handed;
	bool stopping;
};

struct event_base *daemon_base(struct daemon *d)
{
	return d->base;
}

const struct log *daemon_log(const struct daemon *d)
{
	return &d->log;
}

const struct conf *daemon_conf(const struct daemon *d)
{
	return &d->conf;
}

void daemon_ready(struct daemon *d, const char *fmt, ...)
{
	char text[READY_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(&d->log, LOG_LEVEL_INFO, "ready: %s", text);
	sd_notifyf(0, "READY=1\nSTATUS=%s", text);
}

void daemon_stopped(struct daemon *d)
{
	event_base_loopbreak(d->base);
}

size_t daemon_sockets(struct daemon *d, int type, const char *name, int *fds, size_t most)
{
	return handed_give(&d->handed, type, name, fds, most);
}

/* ---- the user ---- */

static int bind_endpoints(struct daemon *d, struct err *e)
{
	struct daemon_endpoint list[DAEMON_ENDPOINTS_MAX];
	const size_t n = d->service->endpoints ? d->service->endpoints(&d->conf, list) : 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = handed_bind(&d->handed, list[i].type, list[i].name, list[i].at, e);
	return rc;
}

/* What takes root is done before anything else is: ports, unless the service manager has bound
 * them. */
static int drop_privileges(struct daemon *d, struct err *e)
{
	const char *user = d->service->user ? d->service->user(&d->conf) : NULL;

	if (user && !geteuid() && !d->handed.n && bind_endpoints(d, e))
		return (int)e->kind;
	if (user)
		return become(user, e);
	if (!geteuid())
		log_line(&d->log, LOG_LEVEL_WARN,
			 "running as root, which nothing here needs: name a user with "
			 "\"user = \" in the configuration, or start it as one");
	return 0;
}

/* ---- reload ---- */

static void swap_text(char **a, char **b)
{
	char *const t = *a;

	*a = *b;
	*b = t;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void say_restart(const struct daemon *d, const char *key)
{
	log_line(&d->log, LOG_LEVEL_WARN, "%s has changed; that takes a restart", key);
}

static void keep_hostport(const struct daemon *d, const struct hostport *old, struct hostport *neu,
			  const char *key)
{
	if (old->port == neu->port && !strcmp(old->host, neu->host))
		return;
	say_restart(d, key);
	*neu = *old;
}

static void keep_text(const struct daemon *d, char **old, char **neu, const char *key)
{
	if (!same_text(*old, *neu))
		say_restart(d, key);
	/* The very string: the service may have borrowed it. */
	swap_text(old, neu);
}

static void keep_bool(const struct daemon *d, bool old, bool *neu, const char *key)
{
	if (old != *neu)
		say_restart(d, key);
	*neu = old;
}

static void keep_number(const struct daemon *d, unsigned old, unsigned *neu, const char *key)
{
	if (old != *neu)
		say_restart(d, key);
	*neu = old;
}

static void keep_capf(const struct daemon *d, struct conf_capf *old, struct conf_capf *neu)
{
	struct conf_capf a = *old, b = *neu;
	bool same = same_text(a.key, b.key) && same_text(a.user, b.user);

	a.key = b.key = a.user = b.user = NULL;
	same = same && !memcmp(&a, &b, sizeof(a));
	if (!same)
		say_restart(d, "capf");
	a = *old;
	*old = *neu;
	*neu = a;
}

/* What was set up with the old values keeps them. */
static void keep_what_takes_a_restart(struct daemon *d, struct conf *neu)
{
	keep_text(d, &d->conf.state, &neu->state, "state");
	keep_text(d, &d->conf.signers, &neu->signers, "provider { signers }");
	keep_text(d, &d->conf.provider_user, &neu->provider_user, "provider { user }");
	keep_text(d, &d->conf.tftp_user, &neu->tftp_user, "tftp { user }");
	keep_hostport(d, &d->conf.provider, &neu->provider, "provider { listen }");
	keep_hostport(d, &d->conf.tftp, &neu->tftp, "tftp { listen }");
	keep_hostport(d, &d->conf.http, &neu->http, "tftp { http }");
	keep_hostport(d, &d->conf.https, &neu->https, "tftp { https }");
	keep_text(d, &d->conf.tftp_static, &neu->tftp_static, "tftp { static }");
	keep_text(d, &d->conf.tftp_key, &neu->tftp_key, "tftp { key }");
	keep_text(d, &d->conf.tftp_cert, &neu->tftp_cert, "tftp { certificate }");
	keep_bool(d, d->conf.require_hardware, &neu->require_hardware,
		  "provider { require-hardware }");
	keep_bool(d, d->conf.tftp_sha512, &neu->tftp_sha512, "tftp { digest }");
	keep_number(d, d->conf.tftp_cache, &neu->tftp_cache, "tftp { cache }");
	keep_capf(d, &d->conf.capf, &neu->capf);
	keep_hostport(d, &d->conf.metrics, &neu->metrics, "metrics { listen }");
}

static void reload(struct daemon *d)
{
	struct timespec now;
	struct conf neu;
	struct err e;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	if (conf_load(&neu, d->path, &e)) {
		log_line(&d->log, LOG_LEVEL_ERROR, "the old configuration stays: %s", e.what);
	} else {
		keep_what_takes_a_restart(d, &neu);
		conf_free(&d->conf);
		d->conf = neu;
		log_set_level(&d->log, neu.log_level);
		if (d->service->reload)
			d->service->reload(d->own);
		log_line(&d->log, LOG_LEVEL_INFO, "the configuration was read again");
	}
	sd_notify(0, "READY=1");
}

/* ---- events ---- */

static void stop(struct daemon *d, int number)
{
	const struct timeval patience = {.tv_sec = DAEMON_STOP_S};

	if (d->stopping)
		return;
	d->stopping = true;
	log_line(&d->log, LOG_LEVEL_INFO, "stopping (signal %d)", number);
	sd_notify(0, "STOPPING=1");
	event_base_loopexit(d->base, &patience);
	if (d->service->stop)
		d->service->stop(d->own);
	else
		daemon_stopped(d);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (number != SIGHUP)
		stop(d, (int)number);
	else if (!d->stopping)
		reload(d);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

/* The loop itself sends the pings: when it hangs, they end. */
static bool add_watchdog(struct daemon *d)
{
	uint64_t period;
	struct timeval tv;

	if (sd_watchdog_enabled(1, &period) <= 0)
		return true;
	period /= PINGS_PER_PERIOD;
	tv = (struct timeval){.tv_sec = (time_t)(period / 1000000),
			      .tv_usec = (suseconds_t)(period % 1000000)};
	d->watchdog = event_new(d->base, -1, EV_PERSIST, on_watchdog, d);
	return d->watchdog && !event_add(d->watchdog, &tv);
}

static int add_events(struct daemon *d, struct err *e)
{
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
	bool ok = true;

	/* A client that goes away while we write is no reason to end. */
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < SIGNALS; i++) {
		d->signals[i] = evsignal_new(d->base, numbers[i], on_signal, d);
		ok = ok && d->signals[i] && !event_add(d->signals[i], NULL);
	}
	return ok && add_watchdog(d) ? 0 : err_nomem(e);
}

/* ---- from beginning to end ---- */

static int serve(struct daemon *d, struct err *e)
{
	int rc;

	handed_take(&d->handed);
	rc = drop_privileges(d, e);
	if (!rc) {
		d->base = event_base_new();
		rc = d->base ? add_events(d, e) : err_nomem(e);
	}
	if (!rc)
		rc = d->service->open(&d->own, d, e);
	handed_drop(&d->handed, rc ? NULL : &d->log);
	if (!rc) {
		event_base_dispatch(d->base);
		log_line(&d->log, LOG_LEVEL_INFO, "stopped");
	}
	d->service->close(d->own);
	for (size_t i = 0; i < SIGNALS; i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	if (d->watchdog)
		event_free(d->watchdog);
	if (d->base)
		event_base_free(d->base);
	return rc;
}

struct options {
	const char *conf;
	bool check;
};

enum { OPT_CHECK = 1000, OPT_FOREGROUND };

static const struct argp_option option_table[] = {
	{.name = "config",
	 .key = 'c',
	 .arg = "FILE",
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},
	{.name = "check", .key = OPT_CHECK, .doc = "check the configuration, and end"},
	{.name = "foreground",
	 .key = OPT_FOREGROUND,
	 .doc = "stay in the foreground; it always does, for the service manager's sake"},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_FOREGROUND:
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "it takes no argument \"%s\"", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int daemon_main(const struct daemon_service *service, int argc, char **argv)
{
	const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = service->doc,
	};
	struct daemon d = {.service = service};
	struct options o = {0};
	struct err e;
	int rc;

	secret_harden_process();
	cli_parse(&argp, argc, argv, &o);
	d.path = o.conf;
	rc = conf_load(&d.conf, d.path, &e);
	if (!rc && o.check) {
		printf("the configuration is in order\n");
	} else if (!rc) {
		log_init(&d.log, service->name);
		if (d.log.journal)
			d.log.send = sd_journal_sendv;
		d.log.level = d.conf.log_level;
		rc = serve(&d, &e);
	}
	if (rc)
		err_print(&e, service->name);
	conf_free(&d.conf);
	return rc;
}
