/*
 * One CAPF session from the phone's side, as a state machine: bytes in, wishes out. No sockets, no
 * keys, no files: whoever drives it does what it wants and tells it what came of that.
 *
 *   ENROLL_BYTES -> enroll_take()
 *   ENROLL_PROVE -> enroll_proved()    say who we are; the session id is known now
 *   ENROLL_KEY   -> enroll_key_made()  a key pair of that kind
 *   ENROLL_STORE -> enroll_did()       keep certificate
 *   ENROLL_READ  -> enroll_read()      give the LSC, or the MIC, back
 *   ENROLL_ERASE -> enroll_did()       forget the LSC
 *   ENROLL_END   -> the server has ended it: reason
 *   ENROLL_BROKEN -> close: why
 *
 * What is in out is to be sent in one write before anything else is done. Source: doc/capf.md, "On
 * the wire".
 */
#ifndef PHONE_ENROLL_SESSION_H
#define PHONE_ENROLL_SESSION_H

#include "common/err.h"
#include "server/net/capf_message.h"

#include <stdbool.h>

enum enroll_want {
	ENROLL_BYTES,
	ENROLL_PROVE,
	ENROLL_KEY,
	ENROLL_STORE,
	ENROLL_READ,
	ENROLL_ERASE,
	ENROLL_END,
	ENROLL_BROKEN,
};

/* What the phone shows of itself. */
struct enroll_proof {
	struct span device;
	bool has_password;
	struct span password;                 /* may be empty */
	struct span certificate, signed_data; /* DER; empty: no certificate */
	struct capf_sha2 sha2;
	struct capf_sudi sudi; /* certificate empty: none */
};

struct enroll_session {
	uint32_t id;
	enum enroll_want want;
	unsigned version;            /* that we speak; at most the server's */
	bool started;                /* AUTH_REQUEST has come */
	bool storing;                /* a key was asked for */
	bool mic;                    /* ENROLL_READ: the MIC, not the LSC */
	enum capf_key_type key_type; /* ENROLL_KEY */
	unsigned key_bits;           /* RSA */
	enum capf_curve curve;       /* EC */
	struct span certificate;     /* ENROLL_STORE: DER, into in */
	unsigned reason;             /* ENROLL_END: an enum capf_reason, or another number */
	struct err why;              /* ENROLL_BROKEN: ERR_REFUSED "capf-protocol" and its kin */
	struct buf in, out;
};

enum { ENROLL_BITS_MIN = 512, ENROLL_BITS_MAX = 4096 };

/* version is what the phone speaks, 1 to CAPF_VERSION. End with enroll_free(). */
void enroll_start(struct enroll_session *s, unsigned version);
void enroll_free(struct enroll_session *s);

/* Takes of bytes what belongs to the next message (only while it wants ENROLL_BYTES). */
enum enroll_want enroll_take(struct enroll_session *s, struct span bytes, size_t *used);

enum enroll_want enroll_proved(struct enroll_session *s, const struct enroll_proof *p);

/* Tells the server that the key takes a while. */
void enroll_progress(struct enroll_session *s);

/* SubjectPublicKeyInfo; empty: it could not be made. */
enum enroll_want enroll_key_made(struct enroll_session *s, struct span spki);

/* good: the certificate is kept, or gone. */
enum enroll_want enroll_did(struct enroll_session *s, bool good);

/* DER; empty: there is none. */
enum enroll_want enroll_read(struct enroll_session *s, enum capf_certificate_type type,
			     struct span der);

#endif
