#include "server/provider/phone_advice.h"

struct advice {
	const struct store_phone *phone;
	const struct store_profile *profile;
	const struct device_model *model;
	const struct device_ability *ability;
	void (*tell)(const char *sentence, void *arg);
	void *arg;
};

static void say(const struct advice *a, const char *sentence)
{
	a->tell(sentence, a->arg);
}

/* DSM-06, CAP-28 to CAP-31, CAP-40. */
static void about_certificate(const struct advice *a)
{
	const bool has_one = a->phone->lsc.len || a->phone->mic.len || a->model->mic;

	if (a->profile->mode == DEVICE_NONSECURE || has_one)
		return;
	if (a->profile->auth_mode == DEVICE_AUTH_STRING)
		say(a, "the phone has no certificate, and with the authentication mode \"string\" "
		       "it does not ask CAPF for one by itself: it cannot register until one is "
		       "installed with a non-secure profile");
	else
		say(a, "the phone has no certificate yet: give it a non-secure profile, install "
		       "one through CAPF, and then apply this profile");
}

/* PSP-27, DIG-13, DIG-14, ENC-32. */
static void about_digest(const struct advice *a)
{
	const struct store_profile *p = a->profile;

	if (!p->digest)
		return;
	if (!*a->phone->digest_user) {
		say(a, "the profile has digest authentication, and the phone has no digest user: "
		       "it will not register");
		return;
	}
	if (a->model->types_digest)
		say(a, "digest credentials have to be typed in on this model");
	else if (p->exclude_digest)
		say(a, "the profile keeps digest credentials out of the configuration: a phone "
		       "that never got them cannot register");
	else if (!p->encrypted_config)
		say(a, "the digest credentials travel in clear text in the configuration file: "
		       "the profile does not have it encrypted");
}

/* ENC-15, ENC-18 to ENC-21. */
static void about_encryption(const struct advice *a)
{
	if (!a->profile->encrypted_config)
		return;
	if (device_key_len(a->ability->cipher) && !a->phone->has_key)
		say(a, "the profile has the configuration encrypted, and no key is set for this "
		       "phone: it gets the minimal configuration and will not register");
	if (a->ability->cipher == DEVICE_CIPHER_PUBKEY && !a->phone->lsc.len && !a->phone->mic.len)
		say(a, "no certificate of the phone is known here: it gets the minimal "
		       "configuration until CAPF has seen its certificate");
}

void phone_advise(const struct store_phone *p, const struct store_profile *profile,
		  void (*tell)(const char *sentence, void *arg), void *arg)
{
	struct advice a = {.phone = p,
			   .profile = profile,
			   .model = device_model_find(p->model),
			   .tell = tell,
			   .arg = arg};

	if (!a.model)
		return;
	a.ability = device_ability(a.model, p->protocol);
	about_certificate(&a);
	about_digest(&a);
	about_encryption(&a);
}
