#include "server/device/words.h"

#include <strings.h>

const char *const device_protocol_words[3] = {[DEVICE_SCCP] = "sccp", [DEVICE_SIP] = "sip"};
const char *const device_mode_words[4] = {[DEVICE_NONSECURE] = "nonsecure",
					  [DEVICE_AUTHENTICATED] = "authenticated",
					  [DEVICE_ENCRYPTED] = "encrypted"};
const char *const device_transport_words[5] = {[DEVICE_TCP] = "tcp",
					       [DEVICE_UDP] = "udp",
					       [DEVICE_TLS] = "tls",
					       [DEVICE_TCP_UDP] = "tcp+udp"};
const char *const device_auth_words[5] = {[DEVICE_AUTH_STRING] = "string",
					  [DEVICE_AUTH_NULL] = "null",
					  [DEVICE_AUTH_LSC] = "lsc",
					  [DEVICE_AUTH_MIC] = "mic"};
static const char *const ciphers[] = {[DEVICE_CIPHER_NONE] = "none",
				      [DEVICE_CIPHER_PUBKEY] = "pubkey",
				      [DEVICE_CIPHER_AES] = "aes",
				      [DEVICE_CIPHER_RC4] = "rc4"};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *word_at(const char *const *table, size_t n, size_t i)
{
	return i < n && table[i] ? table[i] : "";
}

/* 0 if it is none of them. */
static unsigned index_of(const char *const *table, size_t n, const char *word)
{
	for (unsigned i = 1; i < n; i++)
		if (!strcasecmp(table[i], word))
			return i;
	return 0;
}

const char *device_protocol_word(enum device_protocol p)
{
	return word_at(device_protocol_words, COUNT(device_protocol_words), p);
}

const char *device_mode_word(enum device_mode m)
{
	return word_at(device_mode_words, COUNT(device_mode_words), m);
}

const char *device_transport_word(enum device_transport t)
{
	return word_at(device_transport_words, COUNT(device_transport_words), t);
}

const char *device_auth_word(enum device_auth a)
{
	return word_at(device_auth_words, COUNT(device_auth_words), a);
}

const char *device_cipher_word(enum device_cipher c)
{
	return word_at(ciphers, COUNT(ciphers), c);
}

bool device_protocol_of(enum device_protocol *p, const char *word)
{
	const unsigned i = index_of(device_protocol_words, COUNT(device_protocol_words), word);

	if (i)
		*p = (enum device_protocol)i;
	return i != 0;
}

bool device_auth_of(enum device_auth *a, const char *word)
{
	const unsigned i = index_of(device_auth_words, COUNT(device_auth_words), word);

	if (i)
		*a = (enum device_auth)i;
	return i != 0;
}
