/*
 * ctlsuite.conf: one file for all services of a node, read with libconfuse. doc/man/ctlsuite.conf.5
 * is its manual; a key that is not listed there is an error with file and line.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/err.h"
#include "common/hostport.h"
#include "common/log.h"

#include <stdbool.h>

#define CONF_DEFAULT_FILE "/etc/ctlsuite/ctlsuite.conf"
#define CONF_DEFAULT_STATE "/var/lib/ctlsuite"

enum {
	PORT_PROVIDER = 2444,
	PORT_TFTP = 69,
	PORT_METRICS = 9444,
};

enum {
	CONF_CONNECTIONS = 1024, /* provider { connections }, unless told */
	CONF_CONNECTIONS_MAX = 65536,
	CONF_CACHE_MB = 40, /* tftp { cache }, unless told */
	CONF_CACHE_MB_MAX = 65536,
};

struct conf {
	char *state;                   /* folder of the store, keys and files; owned */
	enum log_level log_level;      /* log-level: error, warning, info, debug */
	struct hostport provider;      /* provider { listen } */
	unsigned provider_connections; /* provider { connections } */
	char *signers;                 /* provider { signers }: PEM file, owned; NULL: none */
	bool require_hardware;         /* provider { require-hardware } */
	struct hostport tftp;          /* tftp { listen } */
	char *tftp_static;             /* tftp { static }: folder, owned; NULL: none */
	unsigned tftp_cache;           /* tftp { cache }: MB */
	struct hostport metrics;       /* metrics { listen }; the host is empty: off */
};

/* Reads path, or CONF_DEFAULT_FILE if it is NULL (which may then be missing: defaults). Complaints
 * about single lines go to standard error as "file:line: what"; the error, ERR_USAGE "conf", sums
 * up. On success give c to conf_free(). */
int conf_load(struct conf *c, const char *path, struct err *e);

void conf_free(struct conf *c);

#endif
