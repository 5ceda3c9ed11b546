/*
 * Phones: what is configured of each, and what it asked for last.
 *
 * Secrets (authentication string, key typed into the phone, digest password) are encrypted with the
 * node's key (seal.h) and read by functions of their own only.
 */
#ifndef SERVER_STORE_STORE_PHONE_H
#define SERVER_STORE_STORE_PHONE_H

#include "server/device/name.h"
#include "server/device/security.h"
#include "server/store/store_profile.h"
#include "server/store/store_template.h"
#include "server/store/store_values.h"

enum {
	STORE_DN_MAX = 51,         /* bytes of a directory number, NUL included */
	STORE_LINE_TEXT_MAX = 65,  /* bytes of a label or display name, NUL included */
	STORE_LINES_MAX = 100,     /* lines of a phone */
	STORE_LOAD_MAX = 65,       /* bytes of a firmware's name, NUL included */
	STORE_FILE_NAME_MAX = 129, /* bytes of a name that a phone asked for, NUL included */
	STORE_DETAIL_MAX = 257,
	STORE_PHONE_CERT_MAX = 8 * 1024, /* bytes of a phone's certificate */
	STORE_AUTH_STRING_MIN = 4,       /* digits of an authentication string */
	STORE_AUTH_STRING_MAX = 10,
};

struct store_line {
	char dn[STORE_DN_MAX];             /* directory number, or SIP user part */
	char label[STORE_LINE_TEXT_MAX];   /* beside the button; "": the number */
	char display[STORE_LINE_TEXT_MAX]; /* shown to others */
};

/* What CAPF is to do with the phone. The mode and key size are the profile's. */
enum store_capf_operation {
	STORE_CAPF_NONE = 0,
	STORE_CAPF_INSTALL = 1, /* install or upgrade */
	STORE_CAPF_DELETE = 2,
	STORE_CAPF_TROUBLESHOOT = 3,
};

enum store_capf_status {
	STORE_CAPF_IDLE = 0,
	STORE_CAPF_PENDING = 1,
	STORE_CAPF_FAILED = 2,
	STORE_CAPF_SUCCESSFUL = 3,
};

struct store_capf {
	enum store_capf_operation operation; /* of the last one, once it is not pending any more */
	enum store_capf_status status;
	int64_t by;                    /* to be finished by, seconds since 1970; 0: whenever */
	char detail[STORE_DETAIL_MAX]; /* why it failed */
	bool has_string;               /* an authentication string is set: read, never written */
};

/* What a phone asked for last. Written by the TFTP service; of no influence on version. */
struct store_seen {
	char device[DEVICE_NAME_MAX];
	char file[STORE_FILE_NAME_MAX]; /* name as it was asked for; "": nothing yet */
	char address[64];               /* of the phone */
	char outcome[32];               /* "sent", "minimal", "not-found", "broken-off", ... */
	int64_t time;                   /* seconds since 1970 */
	int64_t stamp;      /* store_device.stamp of the configuration it got last; 0: none */
	int64_t generation; /* of the list that was active then */
};

struct store_phone {
	int64_t id;
	char name[DEVICE_NAME_MAX];  /* unique in any case; see device_name_parse() */
	char model[STORE_MODEL_MAX]; /* of the table in server/device/model.c */
	enum device_protocol protocol;
	char description[STORE_TEXT_MAX];
	char owner[STORE_DIGEST_USER_MAX];
	char profile[STORE_LABEL_MAX];           /* name */
	char template_name[STORE_LABEL_MAX];     /* ""; none */
	char digest_user[STORE_DIGEST_USER_MAX]; /* "": none */
	char load[STORE_LOAD_MAX];               /* loadInformation; "": what the model has */
	struct store_line *lines;                /* nlines of them, in order; owned */
	size_t nlines;
	struct store_values values; /* overrides of the template's; owned */
	struct store_capf capf;
	struct buf lsc, mic; /* certificates, DER; empty: none known. Owned; not written by put() */
	bool has_key;        /* a key typed into the phone is stored: read, never written */
	int64_t version;     /* read, never written */
	struct store_seen seen; /* read, never written by put() */
	int64_t stamp;          /* newest version of phone, profile, template and user: read */
	bool reset_pending; /* it has not loaded its configuration since that or the list changed */
};

void store_phone_free(struct store_phone *p);

/* Grows with every change of a phone, profile, template or digest user, and with nothing else
 * (store_change_counter() grows with what phones ask for, too). */
int store_phone_revision(struct store *s, int64_t *revision, struct err *e);

/* Rules for the phone by itself and together with its profile: ERR_USAGE "phone", ERR_REFUSED
 * "phone-profile" (protocol, model or what the model can). profile is the one that p names. */
int store_phone_check(const struct store_phone *p, const struct store_profile *profile,
		      struct err *e);

/* Adds a phone, without certificates and secrets; an empty profile becomes the predefined one of
 * the protocol. Sets id, version and profile. ERR_CONFLICT "phone-exists"; ERR_USAGE "no-profile",
 * "no-template", "no-digest-user"; what store_phone_check() says. */
int store_phone_add(struct store *s, struct store_phone *p, struct err *e);

/* *found tells whether there is one of that name, in any case; not finding one is no error.
 * store_phone_free() it. */
int store_phone_get(struct store *s, const char *name, struct store_phone *p, bool *found,
		    struct err *e);

/* Gives the phone called name what p says, its name included: another name is another device, whose
 * certificates, keys and strings are unknown, so they are dropped. ERR_FAILED "no-phone";
 * ERR_CONFLICT "phone-exists", "stale-version"; others as for adding. */
int store_phone_put(struct store *s, const char *name, struct store_phone *p, int64_t expected,
		    struct err *e);

int store_phone_remove(struct store *s, const char *name, int64_t expected, struct err *e);

/* ---- finding ---- */

enum store_cert_status {
	STORE_CERT_ANY,
	STORE_CERT_NONE, /* neither */
	STORE_CERT_LSC,
	STORE_CERT_MIC,
};

/* All that is set must be so. Texts are compared in any case; those marked * may have the
 * wildcards * and ?. */
struct store_phone_filter {
	const char *name;        /* * */
	const char *description; /* * */
	const char *owner;       /* * */
	const char *dn;          /* * of any line */
	const char *model, *profile, *template_name, *digest_user;
	const char *auth_string; /* the very string */
	enum device_protocol protocol;
	enum store_cert_status cert;
	int capf_status;    /* enum store_capf_status, or -1 */
	bool reset_pending; /* it has not loaded its configuration since that changed */
	const char *after;  /* only names behind this one */
	size_t limit;       /* 0: no limit */
};

#define STORE_PHONE_FILTER_ALL                                                                     \
	{                                                                                          \
		.capf_status = -1                                                                  \
	}

/* Called with one phone after the other, by name, which is only lent: without secret values. Not 0
 * ends it. */
typedef int store_phone_fn(const struct store_phone *p, void *arg, struct err *e);

int store_phone_find(struct store *s, const struct store_phone_filter *filter, store_phone_fn *fn,
		     void *arg, struct err *e);

/* ---- certificates ---- */

enum store_phone_cert { STORE_LSC, STORE_MIC };

/* Sets the phone's certificate; an empty der takes it away. der has been checked to be one.
 * ERR_FAILED "no-phone". */
int store_phone_cert_set(struct store *s, const char *name, enum store_phone_cert which,
			 struct span der, struct err *e);

/* ---- secrets ---- */

enum store_phone_secret {
	STORE_SECRET_KEY,         /* the key typed into the phone: raw bytes */
	STORE_SECRET_AUTH_STRING, /* for CAPF: digits */
};

/* Sets a secret; an empty one takes it away. ERR_FAILED "no-phone"; ERR_USAGE "phone-key" (the
 * model takes no key, or one of another length), "auth-string" (not 4 to 10 digits); ERR_CONFLICT
 * "auth-string-taken" (another phone has it while its operation is pending). */
int store_phone_secret_set(struct store *s, const char *name, enum store_phone_secret which,
			   struct span value, struct err *e);

/* Appends the secret to out, which stays empty if there is none; buf_wipe() it. */
int store_phone_secret_get(struct store *s, const char *name, enum store_phone_secret which,
			   struct buf *out, struct err *e);

/* ---- what the configuration file is made from ---- */

struct store_device {
	struct store_phone phone;
	struct store_profile profile;
	struct store_values
		values; /* the template's, and above them the phone's own; with secrets */
	struct secret digest_password; /* of phone.digest_user; empty if there is none */
	struct buf key;                /* typed into the phone; empty if there is none */
	int64_t stamp; /* phone.stamp: another one whenever any of this has changed */
};

/* All of it, as it is at one moment. store_device_free() wipes it. */
int store_device_get(struct store *s, const char *name, struct store_device *d, bool *found,
		     struct err *e);
void store_device_free(struct store_device *d);

/* ---- what phones ask for ---- */

/* Notes what n phones asked for, in one transaction; devices that are not known are left out. A
 * stamp of 0 leaves the one that is there, with its generation. */
int store_seen_put(struct store *s, const struct store_seen *seen, size_t n, struct err *e);

#endif
