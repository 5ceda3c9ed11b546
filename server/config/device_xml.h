/*
 * Configuration files as XML, built with libxml2. Source: doc/formats.md, "Configuration files";
 * server/config/device.rng is their schema. Pure: what they are made from comes in, bytes go out.
 */
#ifndef SERVER_CONFIG_DEVICE_XML_H
#define SERVER_CONFIG_DEVICE_XML_H

#include "common/bytes.h"
#include "server/config/device_file.h"
#include "server/store/store_phone.h"

enum { DEVICE_HASH_MAX = 33 }; /* 32 hexadecimal digits and a NUL */

/* What a configuration is made from; all borrowed. */
struct config_source {
	const struct store_device *device; /* NULL for XMLDefault.cnf.xml */
	const struct device_model *model;  /* of device */
	struct device_effect effect;
	const struct store_node *nodes; /* n of them, the first node first */
	size_t n;
	struct device_ports ports;       /* without zeros */
	char cert_hash[DEVICE_HASH_MAX]; /* certHash; "": no certificate is known */
	const char *version;             /* versionStamp */
};

/* Appends SEP<MAC>.cnf.xml. ERR_FAILED "config-xml". */
int device_xml_full(struct buf *out, const struct config_source *c, struct err *e);

/* Appends the minimal configuration that phones get in the clear while the whole one is encrypted.
 */
int device_xml_minimal(struct buf *out, const struct config_source *c, struct err *e);

/* Appends XMLDefault.cnf.xml. */
int default_xml(struct buf *out, const struct config_source *c, struct err *e);

/* Whether the whole configuration of the device has passwords in it. */
bool config_has_secrets(const struct config_source *c);

/* Whether SIP digest credentials belong into the configuration: the profile asks for digest and
 * does not exclude them, the phone has a user, and the model does not have them typed in. */
bool config_has_digest(const struct config_source *c);

/* Whether the node is a call server, a CAPF server, ... : has a certificate in one of these roles
 * ("ccm" also stands for "ccm+tftp"). */
bool config_node_is(const struct store_node *n, const char *role);

#endif
