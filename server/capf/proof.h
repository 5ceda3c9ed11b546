/*
 * By Existing Certificate: has the phone the key of a certificate that we believe, and is it its
 * own? Pure: message in, verdict out. Source: doc/capf.md, "On the wire" and "Who is calling".
 */
#ifndef SERVER_CAPF_PROOF_H
#define SERVER_CAPF_PROOF_H

#include "common/err.h"
#include "server/net/capf_message.h"

#include <openssl/x509.h>
#include <stdbool.h>

enum {
	PROOF_SERIAL_MAX = 64,     /* hexadecimal digits of a serial number and a NUL */
	PROOF_RSA_BITS_MIN = 1024, /* of the key that a phone proves itself with */
	PROOF_CERT_MAX = 8 * 1024, /* bytes of a certificate that is looked at */
};

/* Whom to believe. Borrowed; may be used by several threads at once. */
struct proof_trust {
	X509 *const *own; /* this authority and those it has followed: nown of them */
	size_t nown;
	X509 *const *makers; /* manufacturers' authorities: nmakers of them */
	size_t nmakers;
};

struct proof_rules {
	int64_t now;      /* seconds since 1970 */
	bool expired_lsc; /* an LSC that has expired will do */
	bool expired_mic; /* likewise */
	bool any_name;    /* the certificate may name another device */
	bool need_sudi; /* what does not depend on the session will not do: it could be replayed */
};

enum proof_kind { PROOF_LSC, PROOF_MIC };

/* One certificate that the phone showed. */
struct proof_cert {
	enum proof_kind kind;          /* by its issuer */
	struct span der;               /* in the message; empty: not shown */
	char serial[PROOF_SERIAL_MAX]; /* lower-case hexadecimal digits */
	int64_t not_before, not_after; /* seconds since 1970 */
};

/* What a proof that holds consists of; each must not be revoked, which the caller looks up. */
struct proof {
	struct proof_cert by;   /* CERTIFICATE */
	struct proof_cert sudi; /* the one in SUDI_DATA */
};

/* Checks the proof in an AUTH_RESPONSE. ERR_REFUSED: "capf-proof" (an element is missing or
 * malformed, no certificate, a signature that does not hold), "capf-issuer" (nobody we believe has
 * issued it), "capf-name" (it is another device's), "capf-expired", "capf-weak" (a key or digest
 * below the floor). */
int proof_check(struct proof *p, const struct capf_message *m, const struct proof_trust *trust,
		const struct proof_rules *rules, struct err *e);

/* Looks at a certificate that a phone gave back: whose it is, serial number and dates. Nobody's
 * signature is asked for; kind is PROOF_MIC unless trust's own authorities bear the issuer's name.
 * ERR_REFUSED "capf-proof" (no certificate), "capf-name" (another device's). */
int proof_look(struct proof_cert *c, struct span der, struct span device,
	       const struct proof_trust *trust, struct err *e);

#endif
