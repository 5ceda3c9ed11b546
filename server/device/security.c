#include "server/device/security.h"

static enum device_mode effective_mode(const struct device_ability *a, enum device_mode wished,
				       bool cluster_mixed)
{
	if (!cluster_mixed)
		return DEVICE_NONSECURE;
	return wished < a->most ? wished : a->most;
}

static enum device_transport effective_transport(const struct device_ability *a,
						 enum device_protocol protocol,
						 enum device_mode mode,
						 enum device_transport wished)
{
	if (mode != DEVICE_NONSECURE)
		return DEVICE_TLS;
	if (protocol == DEVICE_SCCP)
		return DEVICE_TCP;
	if (a->most == DEVICE_NONSECURE)
		return DEVICE_UDP;
	/* TLS goes with the secure modes; what is left of it in a non-secure cluster is TCP. */
	return wished == DEVICE_TLS ? DEVICE_TCP : wished;
}

struct device_effect device_effect(const struct device_model *m, enum device_protocol protocol,
				   const struct device_wish *wish, bool cluster_mixed)
{
	const struct device_ability *a = device_ability(m, protocol);
	struct device_effect effect;

	effect.mode = effective_mode(a, wish->mode, cluster_mixed);
	effect.transport = effective_transport(a, protocol, effect.mode, wish->transport);
	effect.encrypted_config =
		cluster_mixed && wish->encrypted_config && a->cipher != DEVICE_CIPHER_NONE;
	return effect;
}
