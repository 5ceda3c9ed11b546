/*
 * A phone calls CAPF: gets its LSC, gives it back, or deletes it, as the server says.
 *
 * It talks to nobody but a CAPF server of the trust list that it believes. When the connection
 * breaks it tries again three times, as phones do; a refusal it does not argue with. Its private
 * key never leaves its folder.
 */
#ifndef PHONE_ENROLL_H
#define PHONE_ENROLL_H

#include "phone/account.h"
#include "phone/enroll_session.h"
#include "phone/stored.h"

enum {
	ENROLL_RETRIES = 3,     /* after the first try */
	ENROLL_INTERVAL_S = 30, /* between them */
};

/* Where the power is cut, for those who want to see what the server makes of it. */
enum enroll_cut { ENROLL_NO_CUT, ENROLL_CUT_KEY, ENROLL_CUT_STORE, ENROLL_CUT_STORED };

enum enroll_result {
	ENROLL_NONE,    /* it did not come to an end */
	ENROLL_NOTHING, /* nothing was to be done */
	ENROLL_INSTALLED,
	ENROLL_DELETED,
	ENROLL_READ_BACK,
	ENROLL_REFUSED,
};

struct enroll {
	/* To be set before; borrowed. */
	const char *dir;
	const char *name; /* of the device, or USER:INSTANCE */
	struct account account;
	struct hostport server; /* the host is empty: the configuration's */
	struct span string;     /* the authentication string; data is NULL if none was typed in */
	enum device_auth auth;  /* 0: as the configuration says, or as before the power cut */
	unsigned version;       /* of the protocol */
	int tls;                /* see capf_link_ctx() */
	unsigned retries, interval_s;
	unsigned key_delay_s; /* that the key takes longer */
	enum enroll_cut cut;

	/* What came of it. */
	struct stored stored;
	enum enroll_result result;
	unsigned reason;   /* of END_SESSION; good unless result is ENROLL_NONE */
	unsigned attempts; /* connections */
	X509 *cert;        /* the LSC that was installed; owned */
};

/* Calls. 0, or ERR_REFUSED: "capf-refused" (the server said no), "capf-server" (it is not in the
 * trust list), "capf-certificate" (what it sent is not for this phone), "capf-protocol" and its
 * kin; or ERR_FAILED "capf-connect", "capf-broken" after all retries; "capf-list" (no trust list),
 * "capf-where" (nobody says where the server is). Give n to enroll_end(). */
int enroll_run(struct enroll *n, struct err *e);
void enroll_end(struct enroll *n);

/* "installed", "deleted", "read", "nothing", "refused", "none". */
const char *enroll_result_word(enum enroll_result r);

#endif
