#include "server/device/model.h"

#include <string.h>
#include <strings.h>

/* ---- abilities that several models share ---- */

/* No security of any kind. */
#define PLAIN                                                                                      \
	{                                                                                          \
		true, DEVICE_NONSECURE, false, DEVICE_CIPHER_NONE, false, DEVICE_NAMING_DEVICE     \
	}
/* TLS, SRTP, and configuration files encrypted for the phone's own key. */
#define FULL                                                                                       \
	{                                                                                          \
		true, DEVICE_ENCRYPTED, true, DEVICE_CIPHER_PUBKEY, true, DEVICE_NAMING_DEVICE     \
	}
/* The same; their early SIP firmware asks for SIP<MAC> names. */
#define FULL_SIP                                                                                   \
	{                                                                                          \
		true, DEVICE_ENCRYPTED, true, DEVICE_CIPHER_PUBKEY, true, DEVICE_NAMING_SIP_XML    \
	}
/* TLS and SRTP, but files that hold no secret are not encrypted. */
#define TLS_ONLY                                                                                   \
	{                                                                                          \
		true, DEVICE_ENCRYPTED, true, DEVICE_CIPHER_NONE, true, DEVICE_NAMING_DEVICE       \
	}
/* SIP on the 7940 and 7960: TLS without SRTP, a key that is typed in, and no look at signatures. */
#define TYPED_AES                                                                                  \
	{                                                                                          \
		true, DEVICE_ENCRYPTED, false, DEVICE_CIPHER_AES, false, DEVICE_NAMING_SIP_TEXT    \
	}
/* SIP on the 7905 and 7912. */
#define TYPED_RC4                                                                                  \
	{                                                                                          \
		true, DEVICE_NONSECURE, false, DEVICE_CIPHER_RC4, false, DEVICE_NAMING_LD          \
	}
/* Speaks SIP, and knows nothing of us. */
#define STRANGER                                                                                   \
	{                                                                                          \
		true, DEVICE_NONSECURE, false, DEVICE_CIPHER_NONE, false, DEVICE_NAMING_NONE       \
	}
#define ABSENT                                                                                     \
	{                                                                                          \
		false, DEVICE_NONSECURE, false, DEVICE_CIPHER_NONE, false, DEVICE_NAMING_NONE      \
	}

/*
 * name, type, MIC, SHA-512, ITL, digest credentials typed in; SCCP; SIP.
 *
 * From the guides: everything about 7905, 7906, 7911, 7912, 7940, 7941, 7960, 7961, 7970 and 7971,
 * and which 79xx know an ITL. The rest is a guess by what the models' generation can do; that the
 * 78xx and 88xx alone take SHA-512 is one, too.
 */
static const struct device_model models[] = {
	{"7902", 30008, false, false, false, false, PLAIN, ABSENT},
	{"7905", 20000, false, false, false, true, PLAIN, TYPED_RC4},
	{"7906", 369, true, false, true, false, FULL, FULL_SIP},
	{"7910", 6, false, false, false, false, PLAIN, ABSENT},
	{"7911", 307, true, false, true, false, FULL, FULL_SIP},
	{"7912", 30007, false, false, false, true, PLAIN, TYPED_RC4},
	{"7920", 30002, false, false, false, false, PLAIN, ABSENT},
	{"7921", 365, true, false, true, false, FULL, ABSENT},
	{"7925", 484, true, false, true, false, FULL, ABSENT},
	{"7926", 577, true, false, true, false, FULL, ABSENT},
	{"7931", 348, true, false, true, false, FULL, FULL},
	{"7935", 9, false, false, false, false, PLAIN, ABSENT},
	{"7936", 30019, false, false, false, false, PLAIN, ABSENT},
	{"7937", 431, true, false, true, false, FULL, ABSENT},
	{"7940", 8, false, false, false, true, TLS_ONLY, TYPED_AES},
	{"7941", 115, true, false, true, false, FULL, FULL_SIP},
	{"7941G-GE", 309, true, false, true, false, FULL, FULL_SIP},
	{"7942", 434, true, false, true, false, FULL, FULL},
	{"7945", 435, true, false, true, false, FULL, FULL},
	{"7960", 7, false, false, false, true, TLS_ONLY, TYPED_AES},
	{"7961", 30018, true, false, true, false, FULL, FULL_SIP},
	{"7961G-GE", 308, true, false, true, false, FULL, FULL_SIP},
	{"7962", 404, true, false, true, false, FULL, FULL},
	{"7965", 436, true, false, true, false, FULL, FULL},
	{"7970", 30006, true, false, true, false, FULL, FULL_SIP},
	{"7971", 119, true, false, true, false, FULL, FULL_SIP},
	{"7975", 437, true, false, true, false, FULL, FULL},
	{"7985", 302, false, false, false, false, PLAIN, ABSENT},

	{"6901", 547, true, false, true, false, FULL, FULL},
	{"6911", 548, true, false, true, false, FULL, FULL},
	{"6921", 495, true, false, true, false, FULL, FULL},
	{"6941", 496, true, false, true, false, FULL, FULL},
	{"6945", 564, true, false, true, false, FULL, FULL},
	{"6961", 497, true, false, true, false, FULL, FULL},
	{"8941", 586, true, false, true, false, FULL, FULL},
	{"8945", 585, true, false, true, false, FULL, FULL},
	{"8961", 540, true, false, true, false, ABSENT, FULL},
	{"9951", 537, true, false, true, false, ABSENT, FULL},
	{"9971", 493, true, false, true, false, ABSENT, FULL},

	{"7811", 0, true, true, true, false, ABSENT, FULL},
	{"7821", 0, true, true, true, false, ABSENT, FULL},
	{"7832", 0, true, true, true, false, ABSENT, FULL},
	{"7841", 0, true, true, true, false, ABSENT, FULL},
	{"7861", 0, true, true, true, false, ABSENT, FULL},
	{"8811", 0, true, true, true, false, ABSENT, FULL},
	{"8821", 0, true, true, true, false, ABSENT, FULL},
	{"8831", 0, true, false, true, false, ABSENT, FULL},
	{"8832", 0, true, true, true, false, ABSENT, FULL},
	{"8841", 0, true, true, true, false, ABSENT, FULL},
	{"8845", 0, true, true, true, false, ABSENT, FULL},
	{"8851", 0, true, true, true, false, ABSENT, FULL},
	{"8861", 0, true, true, true, false, ABSENT, FULL},
	{"8865", 0, true, true, true, false, ABSENT, FULL},

	{"ATA186", 12, false, false, false, false, PLAIN, ABSENT},
	{"ATA188", 13, false, false, false, false, PLAIN, ABSENT},
	{"ATA190", 0, true, false, true, false, ABSENT, FULL},
	{"ATA191", 0, true, true, true, false, ABSENT, FULL},
	{"ATA192", 0, true, true, true, false, ABSENT, FULL},
	{"CIPC", 30016, false, false, false, false, FULL, FULL},
	{"softphone", 0, false, false, true, false, ABSENT, FULL},
	{"third-party", 0, false, false, false, true, ABSENT, STRANGER},
};

enum { MODELS = sizeof(models) / sizeof(models[0]) };

/* Whether text is name, or name with a G for "global" behind it. */
static bool is_called(const char *name, const char *text)
{
	const size_t n = strlen(name);

	return !strncasecmp(name, text, n) && (!text[n] || !strcasecmp(text + n, "G"));
}

const struct device_model *device_model_find(const char *name)
{
	static const char *const brands[] = {"Cisco ", "CP-"};

	for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
		if (!strncasecmp(name, brands[i], strlen(brands[i])))
			name += strlen(brands[i]);
	for (size_t i = 0; i < MODELS; i++)
		if (is_called(models[i].name, name))
			return &models[i];
	return NULL;
}

const struct device_model *device_model_at(size_t i)
{
	return i < MODELS ? &models[i] : NULL;
}

const struct device_ability *device_ability(const struct device_model *m,
					    enum device_protocol protocol)
{
	return protocol == DEVICE_SCCP ? &m->sccp : &m->sip;
}

size_t device_key_len(enum device_cipher cipher)
{
	switch (cipher) {
	case DEVICE_CIPHER_AES:
		return 16;
	case DEVICE_CIPHER_RC4:
		return 32;
	case DEVICE_CIPHER_NONE:
	case DEVICE_CIPHER_PUBKEY:
		break;
	}
	return 0;
}
