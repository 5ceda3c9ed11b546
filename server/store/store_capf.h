/*
 * CAPF: operations of phones and of applications' and users' instances, the certificates that were
 * issued for them, and what was revoked.
 *
 * An operation has a number, another one each time it is set. A certificate is issued for a number:
 * first it is sent, then the phone confirms it, and the operation ends in the same transaction. So
 * whatever is killed when, an operation is pending or truly done; the certificate that a phone did
 * not confirm is sent once more if it comes back with the same key, and is void once another one is
 * confirmed.
 */
#ifndef SERVER_STORE_STORE_CAPF_H
#define SERVER_STORE_STORE_CAPF_H

#include "server/store/store_phone.h"

enum {
	STORE_CAPF_NAME_MAX = 128,     /* bytes of a name on the wire, NUL included */
	STORE_CAPF_SERIAL_MAX = 64,    /* hexadecimal digits of a serial number and a NUL */
	STORE_CAPF_KEY_MAX = 12,       /* bytes of "rsa:2048", "ec:p384", NUL included */
	STORE_CAPF_SPKI_LEN = 32,      /* SHA-256 of a public key */
	STORE_CAPF_FREE_TRIES = 3,     /* wrong strings before the delay starts: phones retry */
	STORE_CAPF_DELAY_S = 30,       /* the first; doubles ... */
	STORE_CAPF_DELAY_MAX_S = 3600, /* ... up to here */
};

/* ---- who calls ---- */

enum store_capf_kind { STORE_CAPF_PHONE, STORE_CAPF_USER };

/* What the service has to know of a caller. */
struct store_capf_case {
	enum store_capf_kind kind;
	int64_t id;                     /* of the phone or instance */
	char name[STORE_CAPF_NAME_MAX]; /* as it is called on the wire */
	struct store_capf capf;
	enum device_auth auth;        /* the profile's */
	char key[STORE_CAPF_KEY_MAX]; /* the operation's own, or the profile's */
	int64_t number;               /* of the operation; 0: there never was one */
	int64_t no_keys;              /* how often it could not make a key */
	int64_t wrong;                /* wrong strings and proofs since the operation was set */
	int64_t not_before;           /* the next try counts from then on, seconds since 1970 */
	int64_t last_time;            /* of the last call; 0: none */
	char last_address[64];
	char last_text[STORE_DETAIL_MAX]; /* what came of it */
};

/* By the name on the wire: a phone's, or USER:INSTANCE. *found tells whether there is one. */
int store_capf_get(struct store *s, const char *name, struct store_capf_case *c, bool *found,
		   struct err *e);

/* ---- operations ---- */

struct store_capf_order {
	enum store_capf_operation operation;
	int64_t by;                /* deadline, seconds since 1970; 0: whenever */
	const char *key;           /* "rsa:1024", "ec:p256"; NULL or "": the profile's */
	const struct span *string; /* digits; NULL: stays as it is; empty: is taken away */
};

/* The words for operations and states, by their numbers: "install", "pending". */
enum { STORE_CAPF_OPERATIONS = 4, STORE_CAPF_STATES = 4 };
extern const char *const store_capf_operation_words[STORE_CAPF_OPERATIONS];
extern const char *const store_capf_status_words[STORE_CAPF_STATES];

/* Sets the operation; a pending one is replaced. ERR_FAILED "no-phone"; ERR_REFUSED
 * "capf-no-certificate" (delete and troubleshoot take one), "capf-no-string" (mode by string, and
 * there is none); ERR_USAGE "capf-key", "auth-string"; ERR_CONFLICT "auth-string-taken". */
int store_capf_set(struct store *s, const char *name, const struct store_capf_order *o,
		   struct err *e);

/* Pending operations whose deadline was before now have failed. */
int store_capf_expire(struct store *s, int64_t now, struct err *e);

/* Called with each phone or instance that has or had an operation, by name. Not 0 ends it. */
typedef int store_capf_fn(const struct store_capf_case *c, void *arg, struct err *e);
int store_capf_each(struct store *s, store_capf_fn *fn, void *arg, struct err *e);

/* ---- calls: each is one transaction, or part of a batch ---- */

enum store_capf_check {
	STORE_CAPF_RIGHT,
	STORE_CAPF_WRONG,
	STORE_CAPF_TOO_EARLY,
	STORE_CAPF_LOCKED
};

/* How many wrong tries there may be: 0 means no limit. */
struct store_capf_limits {
	int64_t wrong_max, no_keys_max;
};

/* Compares what a caller gave as authentication string, in constant time, and counts what is wrong.
 * Too early and locked are not compared at all. */
int store_capf_string(struct store *s, const struct store_capf_case *c, struct span text,
		      const struct store_capf_limits *limits, int64_t now,
		      enum store_capf_check *result, struct err *e);

/* A call that did not end the operation: notes when, from where and what. wrong: it failed to prove
 * who it is; no_key: it could not make one, which ends the operation after too many; failed: the
 * operation has failed. */
struct store_capf_note {
	int64_t number, now;
	const char *address, *text;
	bool wrong, no_key, failed;
};
int store_capf_note(struct store *s, const struct store_capf_case *c,
		    const struct store_capf_note *n, const struct store_capf_limits *limits,
		    struct err *e);

struct store_capf_issued {
	char serial[STORE_CAPF_SERIAL_MAX]; /* lower-case hexadecimal digits */
	char device[STORE_CAPF_NAME_MAX];
	int64_t number;
	uint8_t spki[STORE_CAPF_SPKI_LEN];
	struct span der;
	int64_t not_before, not_after, issued;
	bool external; /* by another authority: not for our CRL */
};

/* Keeps a certificate before it is sent. ERR_CONFLICT "capf-gone" unless the operation with that
 * number is still pending. If one was sent for the same number and key, that one is appended to
 * instead, and nothing changes. */
int store_capf_issue(struct store *s, const struct store_capf_case *c,
		     const struct store_capf_issued *i, struct buf *instead, struct err *e);

/* The certificate that was sent for that number and key, if there is one. */
int store_capf_sent(struct store *s, int64_t number, const uint8_t spki[STORE_CAPF_SPKI_LEN],
		    struct buf *der, struct err *e);

/* A public key for which a third-party authority is to make a certificate. */
struct store_capf_request {
	char device[STORE_CAPF_NAME_MAX];
	int64_t number;
	int64_t made;     /* seconds since 1970 */
	bool ready;       /* the certificate is here: it is sent when the phone calls */
	struct span spki; /* SubjectPublicKeyInfo */
};

/* Keeps a key of an operation, in the place of one that the phone showed before. ERR_CONFLICT
 * "capf-gone" unless the operation with that number is still pending. */
int store_capf_request(struct store *s, const struct store_capf_case *c, int64_t number,
		       struct span spki, int64_t now, struct err *e);

/* Called with each whose operation is pending, by name. Not 0 ends it. */
typedef int store_capf_request_fn(const struct store_capf_request *r, void *arg, struct err *e);
int store_capf_requests(struct store *s, store_capf_request_fn *fn, void *arg, struct err *e);

/* What the phone has confirmed. */
struct store_capf_done {
	int64_t number, now;
	const char *address;
	const char *serial;   /* install: the one it stores now */
	struct span lsc, mic; /* troubleshoot: what it gave back; empty: not that one */
};

/* Ends the operation successfully, uses its string up, and brings the phone's certificates in line,
 * all in one. ERR_CONFLICT "capf-gone" unless the operation with that number is still pending. */
int store_capf_finish(struct store *s, const struct store_capf_case *c,
		      const struct store_capf_done *d, struct err *e);

/* ---- certificates that were issued ---- */

enum store_capf_state {
	STORE_ISSUED_SENT = 0, /* not confirmed yet */
	STORE_ISSUED_CURRENT = 1,
	STORE_ISSUED_REPLACED = 2, /* by a newer one; still good as a proof */
	STORE_ISSUED_VOID = 3,     /* another one was confirmed instead */
	STORE_ISSUED_DELETED = 4,  /* the phone has deleted it */
	STORE_ISSUED_REVOKED = 5,
};

/* Whether a certificate of ours may still prove something. An unknown serial number may: it was
 * issued before this store, or by another authority. */
int store_capf_usable(struct store *s, const char *serial, bool *usable, struct err *e);

/* Revokes a certificate, for a reason of RFC 5280 section 5.3.1. ERR_FAILED "no-serial". */
int store_capf_revoke(struct store *s, const char *serial, int reason, int64_t now, struct err *e);

struct store_capf_row {
	struct store_capf_issued issued; /* der only where it says so */
	enum store_capf_state state;
	int64_t revoked; /* when; 0: not */
	int reason;
};

/* Those of a device, newest first; with a NULL device those that a CRL lists at that time: revoked,
 * void or deleted, and not expired. Without DER. Not 0 ends it. */
typedef int store_capf_row_fn(const struct store_capf_row *r, void *arg, struct err *e);
int store_capf_issued(struct store *s, const char *device, int64_t now, store_capf_row_fn *fn,
		      void *arg, struct err *e);

/* ---- manufacturers whose MICs are believed ---- */

/* ERR_CONFLICT "trusted" if it is there. */
int store_capf_trust_add(struct store *s, const char *name, struct span der, struct err *e);
int store_capf_trust_remove(struct store *s, const char *name, struct err *e);

typedef int store_capf_trust_fn(const char *name, struct span der, void *arg, struct err *e);
int store_capf_trusted(struct store *s, store_capf_trust_fn *fn, void *arg, struct err *e);

/* ---- instances of applications and end users ---- */

struct store_capf_user {
	bool application; /* an application user, not an end user */
	char user[STORE_LABEL_MAX];
	char instance[64]; /* letters, dash, underscore, period */
	char description[STORE_TEXT_MAX];
	int key_size; /* of RSA */
};

/* ERR_USAGE "capf-user", "capf-instance"; ERR_CONFLICT "capf-user-exists". */
int store_capf_user_add(struct store *s, const struct store_capf_user *u, struct err *e);
/* ERR_FAILED "no-capf-user". */
int store_capf_user_remove(struct store *s, const char *user, const char *instance, struct err *e);

typedef int store_capf_user_fn(const struct store_capf_user *u, void *arg, struct err *e);
int store_capf_users(struct store *s, store_capf_user_fn *fn, void *arg, struct err *e);

#endif
