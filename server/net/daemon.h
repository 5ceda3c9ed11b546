/*
 * What every service of a node does alike: options, configuration, log, signals, and its manners
 * towards the service manager (sd_notify(3), watchdog, socket activation).
 *
 * SIGTERM and SIGINT end the service, SIGHUP reads the configuration again. Of what it says, only
 * log-level and the limits take effect at once; a key that takes a restart is said to be one. A
 * configuration with a mistake changes nothing.
 *
 * Started as root, a service binds its ports, becomes the user that the configuration names, and
 * only then opens anything else; without such a user it says that it runs as root.
 */
#ifndef SERVER_NET_DAEMON_H
#define SERVER_NET_DAEMON_H

#include "common/conf.h"
#include "common/log.h"

#include <event2/event.h>
#include <stddef.h>

struct daemon;

enum { DAEMON_ENDPOINTS_MAX = 4 };

struct daemon_endpoint {
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	const char *name;
	const struct hostport *at; /* of conf */
};

struct daemon_service {
	const char *name; /* "ctlproviderd" */
	const char *doc;  /* for --help */

	/* Sets the service up; when it returns, clients may connect. Ends with daemon_ready(). *own
	 * is what the other calls get; close is called in any case, with NULL if open failed. */
	int (*open)(void **own, struct daemon *d, struct err *e);
	void (*close)(void *own);

	/* Takes no new work and calls daemon_stopped() when what is under way is done; it has
	 * DAEMON_STOP_S seconds. NULL: the service can end at once. */
	void (*stop)(void *own);

	/* Whom to become when started as root (provider { user } and its like), or NULL. NULL: it
	 * has no such key. */
	const char *(*user)(const struct conf *conf);

	/* What has to be bound before that, in case a port is below 1024: fills in list, returns
	 * how many. They are there for daemon_sockets() then. NULL: nothing. */
	size_t (*endpoints)(const struct conf *conf, struct daemon_endpoint *list);

	/* The limits in the daemon's configuration may be others now. NULL: it has none. */
	void (*reload)(void *own);
};

enum { DAEMON_STOP_S = 5 };

/* The main() of a service; returns the exit code. */
int daemon_main(const struct daemon_service *service, int argc, char **argv);

/* ---- for the service ---- */

struct event_base *daemon_base(struct daemon *d);
const struct log *daemon_log(const struct daemon *d);

/* The present configuration; owned by the daemon, on the loop's thread only. Keys that take a
 * restart stay as they were when the service came up. */
const struct conf *daemon_conf(const struct daemon *d);

/* The listening sockets of a type (SOCK_STREAM, SOCK_DGRAM) that the service manager handed over
 * (or that were bound as root) under that name (systemd.socket(5), FileDescriptorName=); name NULL:
 * under any other name than those asked for before. Returns how many were put into fds; they are
 * the caller's. */
size_t daemon_sockets(struct daemon *d, int type, const char *name, int *fds, size_t most);

/* Says "ready: ..." in the log, and to the service manager. */
void daemon_ready(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Ends the loop. */
void daemon_stopped(struct daemon *d);

#endif
