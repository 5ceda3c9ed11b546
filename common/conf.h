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
	PORT_CAPF = 3804,
	PORT_METRICS = 9444,
	PORT_HTTP = 6970,
	PORT_HTTPS = 6971,
};

enum {
	CONF_CAPF_CONNECTIONS = 4096, /* capf { connections }, unless told */
	CONF_CAPF_VALIDITY = 365,
	CONF_CAPF_VALIDITY_MAX = 3560,
	CONF_CAPF_KEY_RETRIES = 3,
	CONF_CAPF_ATTEMPTS = 10,
	CONF_CAPF_EXPIRES = 10,
	CONF_CAPF_PATIENCE = 60,
	CONF_CAPF_PATIENCE_MAX = 3600,
	CONF_CAPF_EXPIRES_MAX = 3560,
	CONF_CAPF_TRIES_MAX = 1000, /* key-retries, attempts */
};

enum {
	CONF_CONNECTIONS = 1024, /* provider { connections }, unless told */
	CONF_CONNECTIONS_MAX = 65536,
	CONF_CACHE_MB = 40, /* tftp { cache }, unless told */
	CONF_CACHE_MB_MAX = 65536,
};

/* capf { }: all of it takes a restart. */
struct conf_capf {
	struct hostport listen;
	unsigned connections; /* at once */
	unsigned validity;    /* days that an LSC is good for */
	unsigned key_retries; /* of a phone that cannot make its key */
	unsigned attempts;    /* wrong authentication strings for an operation; 0: no limit */
	unsigned patience;    /* seconds in which a caller has to say who it is */
	unsigned expires;     /* days that an operation has, unless told */
	bool legacy_tls;      /* let phones in that know TLS 1.0 only */
	bool expired_mic;     /* an expired MIC will do as a proof */
	bool expired_lsc;     /* likewise */
	bool any_name;        /* a certificate of another device will do */
	bool need_sudi;       /* a proof must depend on the session */
	bool always_key_type; /* KEY_TYPE also to phones of version 1 and 2 */
	bool fetch_mic;       /* troubleshoot asks for the MIC, too */
	char *key;            /* path or pkcs11: URI of the key that issues; owned; or NULL */
	char *user;           /* whom to become; owned; NULL: stay who we are */
};

struct conf {
	char *state;                   /* folder of the store, keys and files; owned */
	enum log_level log_level;      /* log-level: error, warning, info, debug */
	struct hostport provider;      /* provider { listen } */
	char *provider_user;           /* provider { user }, owned; NULL: stay who we are */
	char *tftp_user;               /* tftp { user }, likewise */
	unsigned provider_connections; /* provider { connections } */
	char *signers;                 /* provider { signers }: PEM file, owned; NULL: none */
	bool require_hardware;         /* provider { require-hardware } */
	struct hostport tftp;          /* tftp { listen } */
	struct hostport http, https;   /* tftp { http }, { https }; the host is empty: off */
	char *tftp_static;             /* tftp { static }: folder, owned; NULL: none */
	char *tftp_key;                /* tftp { key }: PEM file or pkcs11: URI, owned; or NULL */
	char *tftp_cert;               /* tftp { certificate }: PEM file, owned; or NULL */
	bool tftp_sha512;              /* tftp { digest } is sha512 */
	unsigned tftp_cache;           /* tftp { cache }: MB */
	struct conf_capf capf;
	struct hostport metrics; /* metrics { listen }; the host is empty: off */
};

/* Reads path, or CONF_DEFAULT_FILE if it is NULL (which may then be missing: defaults). Complaints
 * about single lines go to standard error as "file:line: what"; the error, ERR_USAGE "conf", sums
 * up. On success give c to conf_free(). */
int conf_load(struct conf *c, const char *path, struct err *e);

void conf_free(struct conf *c);

#endif
