/*
 * A phone gets its configuration: asks for the file that its lists and its memory demand, verifies,
 * decrypts, and keeps it or the last good one.
 * Source: doc/formats.md, "What a phone asks for" and "When a phone takes a configuration".
 */
#ifndef PHONE_SETTLE_H
#define PHONE_SETTLE_H

#include "phone/account.h"
#include "phone/ask.h"
#include "phone/fetch.h"
#include "phone/next.h"

enum settle_result {
	SETTLE_NONE,      /* no configuration on the server, none stored */
	SETTLE_TAKEN,     /* a new one is in use */
	SETTLE_UNCHANGED, /* the very one that is stored */
	SETTLE_MINIMAL,   /* the minimal one: the whole one is encrypted, and not for this phone */
	SETTLE_DEFAULT,   /* that of phones that nobody has set up */
	SETTLE_KEPT,      /* the last good one, or none, stays as it was */
};

enum { SETTLE_SIGNER_MAX = 320, SETTLE_SHA256_MAX = 65 };

/* What came of it. Start it as {0}; nothing in it has to be freed. */
struct settled {
	enum settle_result result;
	char status[DEVICE_FILE_MAX + 32]; /* the text that the phone would show; may be empty */
	struct ask asked;                  /* last */
	bool found;                        /* the server had it: */
	size_t size;                       /* bytes, */
	char sha256[SETTLE_SHA256_MAX];    /* digest, */
	char signer[SETTLE_SIGNER_MAX];    /* and by whom it says it is signed; "": unsigned */
	struct next next;
};

/* Fetches the configuration for s->device, follows it to the encrypted one if that is what it says,
 * and stores in s what is good. 0 if nothing was refused, which includes a server without a
 * configuration, and a minimal one; ERR_REFUSED and the rule's id if the server's is refused:
 * "sgn-parse", "sgn-digest", "sgn-name", "sgn-signer", "sgn-signature", "model-sha512",
 * "enc-decrypt", "config-xml", "config-text", "config-value"; ERR_FAILED if nothing could be
 * fetched or written, or "enc-missing" (the server says that it is encrypted, and has no encrypted
 * one). r tells the rest in every case. */
int settle_update(struct settled *r, struct stored *s, fetch_fn *fetch, void *arg,
		  const struct account *a, struct err *e);

/* As settle_update() with one file as if the server had sent it for what was asked. */
int settle_take(struct settled *r, struct stored *s, const struct ask *asked, struct span file,
		const struct account *a, struct err *e);

/* "taken", "unchanged", "minimal", "default", "kept", "none". */
const char *settle_result_word(enum settle_result r);

#endif
