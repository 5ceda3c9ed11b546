/*
 * Models of phones: what each can do with each protocol. One const table; what the vendor's guides
 * do not say of a model is a guess that errs towards what it surely takes (SHA-1 signatures, no
 * encryption), and marked so in model.c.
 */
#ifndef SERVER_DEVICE_MODEL_H
#define SERVER_DEVICE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of these kinds are stored: never renumber. */

enum device_protocol { DEVICE_SCCP = 1, DEVICE_SIP = 2 };

/* The values of deviceSecurityMode in configuration files. */
enum device_mode { DEVICE_NONSECURE = 1, DEVICE_AUTHENTICATED = 2, DEVICE_ENCRYPTED = 3 };

/* The values of transportLayerProtocol in configuration files. */
enum device_transport {
	DEVICE_TCP = 1,
	DEVICE_UDP = 2,
	DEVICE_TLS = 3,
	DEVICE_TCP_UDP = 4,
};

/* The values of capfAuthMode in configuration files; 0 stands there for "no operation pending". */
enum device_auth {
	DEVICE_AUTH_STRING = 1,
	DEVICE_AUTH_NULL = 2,
	DEVICE_AUTH_LSC = 3, /* existing certificate, precedence to the LSC */
	DEVICE_AUTH_MIC = 4, /* existing certificate, precedence to the MIC */
};

/* How a model takes its configuration file encrypted. */
enum device_cipher {
	DEVICE_CIPHER_NONE = 0,   /* not at all */
	DEVICE_CIPHER_PUBKEY = 1, /* AES-128, its key wrapped for the phone's certificate */
	DEVICE_CIPHER_AES = 2,    /* AES-128, key of 16 bytes typed into the phone */
	DEVICE_CIPHER_RC4 = 3,    /* RC4, key of 32 bytes typed into the phone */
};

enum { DEVICE_KEY_MAX = 32 }; /* bytes of a key typed into a phone */

/* How the files of a device are called; files.h makes names from it. */
enum device_naming {
	DEVICE_NAMING_DEVICE,   /* NAME.cnf.xml, NAME.cnf.xml.enc.sgn */
	DEVICE_NAMING_SIP_XML,  /* as above; encrypted SIP<MAC>.cnf.xml.enc.sgn as well */
	DEVICE_NAMING_SIP_TEXT, /* SIP<MAC>.cnf, SIP<MAC>.cnf.enc.sgn */
	DEVICE_NAMING_LD,       /* LD<MAC>, LD<MAC>.x */
	DEVICE_NAMING_NONE,     /* it asks for no file of ours */
};

/* What a model can do with one protocol. */
struct device_ability {
	bool there;            /* it speaks the protocol */
	enum device_mode most; /* highest security mode */
	bool srtp;             /* media can be encrypted in encrypted mode */
	enum device_cipher cipher;
	bool verifies; /* it checks the signature of its configuration file */
	enum device_naming naming;
};

struct device_model {
	const char *name;  /* "7970" */
	uint32_t type;     /* number in SCCP's Register; 0: unknown */
	bool mic;          /* has a manufacturer's certificate */
	bool sha512;       /* takes files signed over SHA-512, too */
	bool itl;          /* knows identity trust lists */
	bool types_digest; /* SIP digest credentials are typed in on the phone only */
	struct device_ability sccp, sip;
};

/* By name, in any case; "CP-7970", "Cisco 7970" and "7970G" are 7970, too. NULL: not known. */
const struct device_model *device_model_find(const char *name);

/* One after the other, from 0; NULL behind the last. */
const struct device_model *device_model_at(size_t i);

/* What the model can do with that protocol; there is false if it does not speak it. */
const struct device_ability *device_ability(const struct device_model *m,
					    enum device_protocol protocol);

/* Bytes of the key that is typed into the phone; 0: there is none. */
size_t device_key_len(enum device_cipher cipher);

#endif
