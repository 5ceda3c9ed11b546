/* Rules for security profiles, and for texts of people. */
#include "server/store/phone_priv.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

enum { NONCE_MAX = 7 * 24 * 3600, PORT_MAX = 65535 };

int phone_check_text(const char *text, bool may_be_empty, const char *id, const char *field,
		     struct err *e)
{
	const size_t n = strlen(text);

	if (!n && may_be_empty)
		return 0;
	if (!n)
		return err_set(e, ERR_USAGE, id, "%s is missing", field);
	if (text[0] == ' ' || text[n - 1] == ' ')
		return err_set(e, ERR_USAGE, id, "%s begins or ends with a blank", field);
	if (!text_is_printable(span_of(text, n)))
		return err_set(e, ERR_USAGE, id, "%s has a character that is not printable", field);
	return 0;
}

void store_profile_init(struct store_profile *p, enum device_protocol protocol)
{
	*p = (struct store_profile){.protocol = protocol,
				    .mode = DEVICE_NONSECURE,
				    .auth_mode = DEVICE_AUTH_STRING,
				    .key_size = STORE_KEY_SIZE,
				    .nonce_seconds = STORE_NONCE_SECONDS,
				    .transport =
					    protocol == DEVICE_SIP ? DEVICE_TCP_UDP : DEVICE_TCP,
				    .sip_port = STORE_SIP_PORT};
}

static int check_sccp(const struct store_profile *p, struct err *e)
{
	const char *only_sip = NULL;

	if (p->digest)
		only_sip = "digest authentication";
	else if (p->exclude_digest)
		only_sip = "leaving digest credentials out";
	else if (p->nonce_seconds != STORE_NONCE_SECONDS)
		only_sip = "the validity of a nonce";
	else if (p->sip_port != STORE_SIP_PORT)
		only_sip = "the SIP port";
	else if (p->transport != DEVICE_TCP && p->transport != DEVICE_TLS)
		only_sip = "another transport";
	if (!only_sip)
		return 0;
	return err_set(e, ERR_USAGE, "profile", "%s is for SIP profiles only", only_sip);
}

static int check_sip(const struct store_profile *p, struct err *e)
{
	if (p->nonce_seconds < 1 || p->nonce_seconds > NONCE_MAX)
		return err_set(e, ERR_USAGE, "profile", "a nonce is valid for 1 to %d seconds",
			       NONCE_MAX);
	if (p->sip_port < 1 || p->sip_port > PORT_MAX)
		return err_set(e, ERR_USAGE, "profile", "the SIP port is from 1 to %d", PORT_MAX);
	if (p->mode == DEVICE_NONSECURE && p->transport == DEVICE_TLS)
		return err_set(e, ERR_USAGE, "profile",
			       "TLS goes with the modes authenticated and encrypted; a non-secure "
			       "profile has tcp, udp or tcp+udp");
	if (p->mode != DEVICE_NONSECURE && p->transport != DEVICE_TLS)
		return err_set(e, ERR_USAGE, "profile",
			       "the transport of a secure SIP profile is TLS and nothing else");
	return 0;
}

static int check_model(const struct store_profile *p, struct err *e)
{
	const struct device_model *m;
	const struct device_ability *a;

	if (!*p->model)
		return 0;
	m = device_model_find(p->model);
	if (!m) {
		err_set(e, ERR_USAGE, "profile", "\"%s\" is no model that is known here", p->model);
		return err_hint(e, "\"ctladmin phone models\" lists them");
	}
	a = device_ability(m, p->protocol);
	if (!a->there)
		return err_set(e, ERR_USAGE, "profile", "the model %s does not speak that protocol",
			       m->name);
	if (p->mode > a->most)
		return err_set(e, ERR_USAGE, "profile",
			       "the model %s has no security modes with that protocol", m->name);
	if (p->encrypted_config && a->cipher == DEVICE_CIPHER_NONE)
		return err_set(e, ERR_USAGE, "profile",
			       "the model %s takes no encrypted configuration with that protocol",
			       m->name);
	return 0;
}

int store_profile_check(const struct store_profile *p, struct err *e)
{
	int rc = phone_check_text(p->name, false, "profile", "the name of the profile", e);

	if (!rc && strchr(p->name, '/'))
		rc = err_set(e, ERR_USAGE, "profile", "the name of a profile has no slash");
	if (!rc)
		rc = phone_check_text(p->description, true, "profile", "the description", e);
	if (!rc && p->key_size != 512 && p->key_size != 1024 && p->key_size != 2048)
		rc = err_set(e, ERR_USAGE, "profile", "the key size is 512, 1024 or 2048 bits");
	if (!rc)
		rc = p->protocol == DEVICE_SCCP ? check_sccp(p, e) : check_sip(p, e);
	return rc ? rc : check_model(p, e);
}
