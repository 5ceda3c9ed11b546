/*
 * One CAPF session from the server's side, as a state machine: bytes in, wishes out. No sockets, no
 * store, no keys: whoever drives it does what it wants and tells it what came of that.
 *
 *   session_start() -> AUTH_REQUEST is in out
 *   SESSION_BYTES   -> session_take()
 *   SESSION_JUDGE   -> session_judged()     who is calling, and what is to be done with it?
 *   SESSION_ISSUE   -> session_issued()     a certificate for public_key
 *   SESSION_RECORD  -> session_recorded()   outcome is to be kept before the phone is told
 *   SESSION_END     -> send what is in out, and close
 *
 * What is in out is a message, to be sent in one write before anything else is done.
 */
#ifndef SERVER_CAPF_SESSION_H
#define SERVER_CAPF_SESSION_H

#include "server/capf/key.h"
#include "server/net/capf_message.h"

#include <stdbool.h>

enum session_want { SESSION_BYTES, SESSION_JUDGE, SESSION_ISSUE, SESSION_RECORD, SESSION_END };

enum session_operation { SESSION_NOTHING, SESSION_INSTALL, SESSION_DELETE, SESSION_FETCH };

/* How far it got. */
enum session_step {
	SESSION_AUTH,  /* AUTH_RESPONSE is awaited */
	SESSION_KEY,   /* the phone makes its key */
	SESSION_STORE, /* it stores the certificate */
	SESSION_READ,  /* it looks its certificate up */
	SESSION_READ_MIC,
	SESSION_ERASE, /* it deletes its certificate */
	SESSION_OVER,
};

/* What came of the operation. */
enum session_outcome {
	SESSION_NONE,      /* nothing to record */
	SESSION_SUCCEEDED, /* the phone has confirmed it */
	SESSION_NO_KEY,    /* it could not make one */
	SESSION_NOT_STORED,
	SESSION_NOT_READ,   /* it has no certificate to give */
	SESSION_NOT_ERASED, /* or to delete */
	SESSION_ABORTED,    /* by its user */
	SESSION_MIC_READ,   /* more, after success */
	SESSION_VANISHED,   /* the connection ended while the operation was under way */
};

struct session_judgement {
	enum capf_reason end; /* END_SESSION with this, unless operation says otherwise */
	enum session_operation operation;
	struct key_spec key;  /* SESSION_INSTALL */
	bool always_key_type; /* KEY_TYPE also to phones of version 1 and 2 */
	bool fetch_mic;       /* SESSION_FETCH: ask for the MIC, too */
};

struct session {
	uint32_t id;
	enum session_step step;
	enum session_want want;
	enum session_outcome outcome;
	struct session_judgement job;
	unsigned version;         /* that the phone speaks */
	struct capf_message said; /* what it said last; views into in */
	struct span public_key;   /* SESSION_ISSUE: SubjectPublicKeyInfo; into in */
	struct span certificate;  /* SESSION_RECORD after reading: DER; into in */
	unsigned progress;        /* REQUEST_IN_PROGRESS so far */
	char device[CAPF_NAME_MAX];
	char why[128]; /* it was refused, or went wrong, for the log; "" if not */
	struct buf in, out;
};

enum {
	SESSION_AUTH_S = 60,     /* time limits for session_limit_s() */
	SESSION_KEY_S = 60 * 60, /* half an hour is normal, says the vendor */
	SESSION_ANSWER_S = 120,  /* flash is slow */
	SESSION_PROGRESS_MAX = 1000,
};

/* Starts a session with that id; AUTH_REQUEST is in out. End with session_free(). */
void session_start(struct session *s, uint32_t id);
void session_free(struct session *s);

/* Takes of bytes what belongs to the next message (only while it wants SESSION_BYTES), sets *used,
 * and returns what is wanted now. */
enum session_want session_take(struct session *s, struct span bytes, size_t *used);

/* Nothing more will come from the phone. SESSION_RECORD or SESSION_END. */
enum session_want session_lost(struct session *s);

enum session_want session_judged(struct session *s, const struct session_judgement *j);

/* The certificate, DER; empty if there is none, with why in s->why. */
enum session_want session_issued(struct session *s, struct span der);

/* good: the outcome is kept. If not, the phone is told that it did not work. */
enum session_want session_recorded(struct session *s, bool good);

/* How many seconds the message that is awaited may take, from the last one on. */
unsigned session_limit_s(const struct session *s);

/* "while it made its key" */
const char *session_step_words(enum session_step step);

#endif
