/*
 * Security profiles of phones, for one protocol and one model or all of them; and the users whose
 * digest credentials SIP phones have.
 *
 * Every change of a profile, template, user or phone gives it another version, from one counter
 * that only grows (store_phone_revision()), and is a row of the audit log in the same transaction.
 */
#ifndef SERVER_STORE_STORE_PROFILE_H
#define SERVER_STORE_STORE_PROFILE_H

#include "common/secret.h"
#include "server/device/model.h"
#include "server/store/store.h"

enum {
	STORE_LABEL_MAX = 129,     /* bytes of a profile's or template's name, NUL included */
	STORE_TEXT_MAX = 257,      /* bytes of a description, NUL included */
	STORE_MODEL_MAX = 32,      /* bytes of a model's name, NUL included */
	STORE_ANY_VERSION = 0,     /* where a version is expected: whatever it is */
	STORE_NONCE_SECONDS = 600, /* defaults */
	STORE_KEY_SIZE = 1024,
	STORE_SIP_PORT = 5060,
};

struct store_profile {
	int64_t id;
	char name[STORE_LABEL_MAX]; /* unique in any case */
	char description[STORE_TEXT_MAX];
	bool predefined; /* comes with the product; neither changed nor removed */
	enum device_protocol protocol;
	char model[STORE_MODEL_MAX]; /* "": every model of that protocol */
	enum device_mode mode;
	bool encrypted_config; /* TFTP Encrypted Config */
	enum device_auth auth_mode;
	int key_size; /* 512, 1024 or 2048 */
	/* SIP only. */
	int nonce_seconds; /* that a nonce is valid */
	enum device_transport transport;
	bool digest;         /* requests are challenged */
	bool exclude_digest; /* digest credentials stay out of the configuration file */
	int sip_port;        /* of phones that use UDP */
	int64_t version;     /* read, never written */
	int64_t phones;      /* that use it: read, never written */
};

/* The predefined ones. */
#define STORE_PROFILE_SCCP "Standard SCCP Non-Secure"
#define STORE_PROFILE_SIP "Standard SIP Non-Secure"

/* A profile with the defaults for that protocol: non-secure, by authentication string, ... */
void store_profile_init(struct store_profile *p, enum device_protocol protocol);

/* Rules that hold for every profile by itself: ERR_USAGE "profile" if it breaks one. */
int store_profile_check(const struct store_profile *p, struct err *e);

/* Sets id and version. ERR_CONFLICT "profile-exists". */
int store_profile_add(struct store *s, struct store_profile *p, struct err *e);

/* *found tells whether there is one of that name, in any case; not finding one is no error. */
int store_profile_get(struct store *s, const char *name, struct store_profile *p, bool *found,
		      struct err *e);

/* All, predefined ones first, then by name. *list is n elements; free() it. Without count, phones
 * is 0 in all of them: counting them takes a look at each. */
int store_profiles(struct store *s, bool count, struct store_profile **list, size_t *n,
		   struct err *e);

/* Gives the profile called name what p says, its name included; phones keep it. expected is the
 * version that p was made from, or STORE_ANY_VERSION. ERR_FAILED "no-profile"; ERR_CONFLICT
 * "profile-exists", "stale-version"; ERR_REFUSED "profile-predefined", "profile-in-use" (protocol
 * or model would not be those of its phones any more). */
int store_profile_put(struct store *s, const char *name, struct store_profile *p, int64_t expected,
		      struct err *e);

/* ERR_REFUSED "profile-in-use" names phones that have it; others as above. */
int store_profile_remove(struct store *s, const char *name, int64_t expected, struct err *e);

/* ---- users with digest credentials ---- */

enum { STORE_DIGEST_USER_MAX = 129 };

struct store_digest_user {
	int64_t id;
	char name[STORE_DIGEST_USER_MAX]; /* as it stands in SIP's user name: case counts */
	int64_t version;                  /* read, never written */
	int64_t phones;                   /* that use it: read, never written */
};

/* Makes the user, or gives it other credentials. They are stored encrypted and not as a hash, since
 * the phone's configuration file has to carry them. */
int store_digest_user_set(struct store *s, const char *name, const struct secret *password,
			  struct err *e);
int store_digest_user_get(struct store *s, const char *name, struct store_digest_user *u,
			  bool *found, struct err *e);

/* The password, for secret_free(). ERR_FAILED "no-digest-user". */
int store_digest_password(struct store *s, const char *name, struct secret *password,
			  struct err *e);

/* By name; free(). */
int store_digest_users(struct store *s, struct store_digest_user **list, size_t *n, struct err *e);

/* ERR_FAILED "no-digest-user"; ERR_REFUSED "digest-user-in-use". */
int store_digest_user_remove(struct store *s, const char *name, struct err *e);

#endif
