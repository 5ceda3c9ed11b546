/* ctltftpd: serves the trust lists of this node over TFTP. */
#include "common/cli.h"
#include "common/conf.h"
#include "common/log.h"
#include "server/tftp/listener.h"
#include "server/tftp/source.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

enum { OPT_CHECK = 1000, OPT_FOREGROUND };

struct options {
	const char *conf;
	bool check;
};

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "Configuration (default: " CONF_DEFAULT_FILE ")", 0},
	{"check", OPT_CHECK, NULL, 0, "Check the configuration and end", 0},
	{"foreground", OPT_FOREGROUND, NULL, 0,
	 "Stay in the foreground; it always does, as service managers want it", 0},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
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
		argp_error(state, "too many arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Serves CTLFile.tlv and CTLSEP<MAC>.tlv to phones over TFTP.",
};

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	event_base_loopbreak(arg);
}

static struct event *stop_at(struct event_base *base, int number)
{
	struct event *ev = evsignal_new(base, number, on_signal, base);

	if (ev)
		evsignal_add(ev, NULL);
	return ev;
}

static int serve(const struct conf *conf, const struct log *log, struct err *e)
{
	struct event_base *base = event_base_new();
	struct event *term = base ? stop_at(base, SIGTERM) : NULL;
	struct event *intr = base ? stop_at(base, SIGINT) : NULL;
	struct source *source = NULL;
	struct listener *listener = NULL;
	int rc;

	if (!term || !intr) {
		rc = err_nomem(e);
		goto out;
	}
	/* The port first: whoever comes second must not disturb the one that runs. */
	rc = listener_open(&listener, base, &conf->tftp, log, e);
	if (!rc)
		rc = source_open(&source, conf->state, log, e);
	if (!rc)
		rc = listener_serve(listener, source, e);
	if (rc)
		goto out;
	log_line(log, LOG_LEVEL_INFO, "listening at %s, UDP port %u", conf->tftp.host,
		 conf->tftp.port);
	sd_notify(0, "READY=1");
	event_base_dispatch(base);
	sd_notify(0, "STOPPING=1");
out:
	listener_close(listener);
	source_close(source);
	if (intr)
		event_free(intr);
	if (term)
		event_free(term);
	if (base)
		event_base_free(base);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct conf conf;
	struct log log;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, &o);
	log_init(&log, "ctltftpd");
	rc = conf_load(&conf, o.conf, &e);
	if (!rc) {
		log.level = conf.log_level;
		if (o.check)
			printf("the configuration is fine\n");
		else
			rc = serve(&conf, &log, &e);
		conf_free(&conf);
	}
	if (rc)
		err_print(&e, log.program);
	return rc;
}
