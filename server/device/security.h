/*
 * Security modes of devices, and what a device is effectively in. Pure: everybody who has to decide
 * (the builder of configuration files, the call service) asks here, so that no two answers differ.
 */
#ifndef SERVER_DEVICE_SECURITY_H
#define SERVER_DEVICE_SECURITY_H

#include "server/device/model.h"

#include <stdbool.h>

/* What a security profile asks for, as far as modes depend on it. */
struct device_wish {
	enum device_mode mode;
	enum device_transport transport; /* SIP only */
	bool encrypted_config;
};

/* What comes of it. */
struct device_effect {
	enum device_mode mode;
	enum device_transport transport;
	bool encrypted_config; /* the configuration file has to be encrypted */
};

/* The effective mode: the profile's, but non-secure whenever the cluster is, and never more than
 * the model can with that protocol. With SCCP the transport is TCP, or TLS in the secure modes;
 * with SIP the profile's, TLS in the secure modes, and UDP for models without modes. Configuration
 * files are encrypted in a mixed cluster only, whatever the device's own mode is. */
struct device_effect device_effect(const struct device_model *m, enum device_protocol protocol,
				   const struct device_wish *wish, bool cluster_mixed);

#endif
