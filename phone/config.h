/*
 * The configuration file of a device, SEP<MAC>.cnf.xml, as a phone reads it: what matters for
 * whom it trusts, where it registers and how it is hardened. Bytes in, facts out.
 *
 * The file may come from anybody (an unsigned one does): no document type, so no entities and
 * nothing fetched from elsewhere; limits for everything. What could be read in two ways is refused.
 * Source: doc/formats.md, "The phone's configuration".
 */
#ifndef PHONE_CONFIG_H
#define PHONE_CONFIG_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"
#include "common/secret.h"
#include "server/device/harden.h"
#include "server/device/model.h"

enum {
	CONFIG_FILE_MAX = 1 << 20,
	CONFIG_SERVERS_MAX = 5, /* call managers, CAPF and TVS servers: of each */
	CONFIG_LINES_MAX = 100,
	CONFIG_VALUES_MAX = 256, /* parameters of the phone */
	CONFIG_TEXT_MAX = 130,   /* bytes of a name, NUL included */
	CONFIG_HASH_MAX = 33,    /* 32 hexadecimal digits and a NUL */
	CONFIG_AUTH_MODE_MAX = 4,
};

/* Ports that a file does not name. */
enum {
	CONFIG_PORT_SIP = 5060,
	CONFIG_PORT_SIPS = 5061,
	CONFIG_PORT_SCCP = 2000,
	CONFIG_PORT_SCCPS = 2443,
	CONFIG_PORT_CAPF = 3804,
	CONFIG_PORT_TVS = 2445,
};

struct config_cm {
	unsigned priority; /* lower is tried first */
	char host[HOST_MAX];
	uint16_t sip, sips, sccp;
	uint16_t sccps; /* no file says it: CONFIG_PORT_SCCPS */
};

struct config_line {
	unsigned button;
	char name[CONFIG_TEXT_MAX]; /* directory number, or user part of the SIP address */
	char label[CONFIG_TEXT_MAX];
};

/* A parameter below vendorConfig, commonConfig or enterpriseConfig, or one that has its own place
 * in server/device/harden.h. */
struct config_value {
	const struct harden_param *param; /* NULL: none that we know of */
	char name[HARDEN_NAME_MAX];
	char value[HARDEN_VALUE_MAX];
};

struct config {
	bool full;      /* false: the minimal file of a device whose files are encrypted */
	bool encrypted; /* encrConfig: ask for .enc.sgn */
	char cert_hash[CONFIG_HASH_MAX]; /* of the certificate the server knows; lower case, or ""
					  */
	enum device_protocol protocol;   /* 0: not said */
	enum device_mode mode;           /* DEVICE_NONSECURE if not said */
	enum device_transport transport; /* 0: not said */
	struct config_cm cms[CONFIG_SERVERS_MAX]; /* in the order in which they are tried */
	size_t ncms;
	int capf_auth_mode; /* 0: no operation pending; else enum device_auth */
	struct hostport capf[CONFIG_SERVERS_MAX];
	size_t ncapf;
	struct hostport tvs[CONFIG_SERVERS_MAX];
	size_t ntvs;
	char load[CONFIG_TEXT_MAX];  /* loadInformation */
	char stamp[CONFIG_TEXT_MAX]; /* versionStamp */
	struct config_line *lines;   /* nlines of them, owned */
	size_t nlines;
	bool has_digest; /* there are credentials in it, which may be empty ones */
	char digest_user[CONFIG_TEXT_MAX];
	struct secret digest_password;
	struct config_value *values; /* nvalues of them, each name once; owned */
	size_t nvalues;
};

/* Reads file. ERR_REFUSED "config-xml" (no XML, a document type, too large, another root element
 * than device) or "config-value" (an element that occurs twice, or has a value that it cannot
 * have). On success give c to config_free(). */
int config_parse(struct config *c, struct span file, struct err *e);

/* The same of XMLDefault.cnf.xml, for phones without a file of their own: its call managers. */
int config_parse_default(struct config *c, struct span file, struct err *e);

/* The same of a device whose files are called in that way: text for the two oldest (call server,
 * firmware, lines; a file that names no call server is taken for the minimal one), else XML. */
int config_parse_as(struct config *c, enum device_naming naming, struct span file, struct err *e);

/* Wipes c. */
void config_free(struct config *c);

/* The parameter of that name, or NULL. */
const struct config_value *config_value_find(const struct config *c, const char *name);

/* The word for a mode as configurations have it: "none", "string", "null", "lsc", "mic". */
const char *config_auth_word(int capf_auth_mode);

#endif
