#include "phone/next.h"

#include "server/device/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void set(struct next *n, enum next_step step,
						      const char *fmt, ...)
{
	va_list ap;

	n->step = step;
	va_start(ap, fmt);
	vsnprintf(n->why, sizeof(n->why), fmt, ap);
	va_end(ap);
}

/* Whether a list in force has a certificate in that role, or one of a TVS, which could vouch for
 * it. */
static bool knows(const struct stored *s, enum tl_role role, enum tl_role other)
{
	for (enum stored_kind k = 0; k < STORED_LISTS; k++) {
		const struct tl *l = s->lists[k].tl;

		for (size_t i = 0; l && i < l->n; i++) {
			const struct tl_record *r = &l->records[i];

			if ((r->cert || r->hash.data) &&
			    (r->role == role || r->role == other || r->role == TL_TVS))
				return true;
		}
	}
	return false;
}

/* A session with CAPF, for that reason. */
static void next_capf(struct next *n, const struct stored *s, const struct config *c,
		      const char *reason)
{
	if (!c->ncapf) {
		set(n, NEXT_BLOCKED, "%s, but the configuration names no CAPF server", reason);
	} else if (!knows(s, TL_CAPF, TL_CAPF)) {
		set(n, NEXT_BLOCKED, "%s, but no trust list has the certificate of CAPF", reason);
	} else if (c->capf_auth_mode == DEVICE_AUTH_STRING) {
		set(n, NEXT_TYPE_STRING,
		    "%s: somebody has to type the authentication string in at the phone", reason);
	} else {
		set(n, NEXT_CAPF, "%s: it goes to CAPF at %s, port %u", reason, c->capf[0].host,
		    c->capf[0].port);
		n->server = c->capf[0];
	}
}

/* Its files are encrypted, and it has but the minimal one. */
static void next_of_minimal(struct next *n, const struct stored *s, const struct config *c)
{
	if (device_key_len(device_ability(s->model, s->protocol)->cipher))
		set(n, NEXT_TYPE_KEY,
		    "its configuration is encrypted with a key that somebody has to type in at the "
		    "phone");
	else if (stored_own(s, c->cert_hash))
		set(n, NEXT_RESET,
		    "it has the certificate that its configuration is encrypted for");
	else if (!*c->cert_hash)
		next_capf(n, s, c, "the server knows no certificate of this phone yet");
	else if (!s->own[OWN_LSC].cert && !s->own[OWN_MIC].cert)
		next_capf(n, s, c, "the server knows a certificate that the phone does not have");
	else
		next_capf(n, s, c,
			  "the server knows another certificate than the phone has (certHash)");
}

static uint16_t port_of(const struct config *c, bool protected)
{
	const struct config_cm *cm = &c->cms[0];

	if (c->protocol == DEVICE_SCCP)
		return protected ? cm->sccps : cm->sccp;
	return protected ? cm->sips : cm->sip;
}

static void next_of_full(struct next *n, const struct stored *s, const struct config *c)
{
	const bool protected = c->mode != DEVICE_NONSECURE;

	if (c->capf_auth_mode) {
		next_capf(n, s, c, "a CAPF operation is pending");
	} else if (!c->ncms) {
		set(n, NEXT_BLOCKED, "its configuration names no call manager");
	} else if (protected && !knows(s, TL_CCM, TL_CCM_TFTP)) {
		set(n, NEXT_BLOCKED,
		    "its configuration demands TLS, but no trust list has the certificate of a "
		    "call manager");
	} else if (protected && !s->own[OWN_LSC].cert && !s->own[OWN_MIC].cert) {
		set(n, NEXT_BLOCKED,
		    "its configuration demands TLS, but the phone has neither LSC nor MIC");
	} else {
		n->server.port = port_of(c, protected);
		snprintf(n->server.host, sizeof(n->server.host), "%s", c->cms[0].host);
		set(n, NEXT_REGISTER, "it registers %s at %s, port %u, over %s",
		    device_mode_word(c->mode), n->server.host, n->server.port,
		    c->protocol == DEVICE_SCCP ? "SCCP" : "SIP");
	}
}

void next_decide(struct next *n, const struct stored *s, bool undecryptable)
{
	const struct config *last = stored_last(s);

	*n = (struct next){0};
	if (!last)
		set(n, NEXT_NOTHING, "it has no configuration");
	else if (undecryptable && !device_key_len(device_ability(s->model, s->protocol)->cipher))
		next_capf(n, s, last, "its encrypted configuration is not for a key that it has");
	else if (!last->full)
		next_of_minimal(n, s, last);
	else
		next_of_full(n, s, last);
}

const char *next_word(enum next_step step)
{
	switch (step) {
	case NEXT_REGISTER:
		return "register";
	case NEXT_RESET:
		return "reset";
	case NEXT_CAPF:
		return "capf";
	case NEXT_TYPE_STRING:
		return "type-string";
	case NEXT_TYPE_KEY:
		return "type-key";
	case NEXT_BLOCKED:
		return "blocked";
	case NEXT_NOTHING:
		break;
	}
	return "nothing";
}
