/*
 * A phone gets a trust list: it believes it or not, and keeps what it believes.
 * Source: doc/formats.md, "When a phone accepts a list" and "Messages".
 */
#ifndef PHONE_TRUST_H
#define PHONE_TRUST_H

#include "phone/account.h"
#include "phone/fetch.h"
#include "phone/stored.h"

enum { TRUST_NAME_MAX = DEVICE_NAME_MAX + 8 }; /* "CTLSEP001122334455.tlv" and its NUL */

enum trust_result {
	TRUST_NONE,      /* no list on the server, none stored */
	TRUST_INSTALLED, /* the first list, trusted as it came */
	TRUST_UPDATED,   /* signed by a SAST of a stored one */
	TRUST_UNCHANGED, /* the very list that is stored */
	TRUST_KEPT,      /* the stored list, or none, stays as it was */
};

/* What came of it. Start it as {0}, end it with trust_free(). */
struct trust {
	enum trust_result result;
	bool trusted;       /* a list is in force and the server's, if there was one, is believed */
	const char *status; /* the text that the phone would show */
	char own_name[TRUST_NAME_MAX]; /* the list's name for this device */
	const char *offered_name;      /* what the server had; NULL: nothing */
	struct buf offered_bytes;
	struct tl *offered; /* NULL if it is no list, or there is none */
};

/* Fetches the list of that kind for s->device, judges it, and stores it in s if it is believed. 0
 * if the phone ends up as its server wants it, which includes a server without a list; ERR_REFUSED
 * and the rule's id if the server's list is refused; ERR_FAILED if nothing could be fetched, or the
 * list could not be written. t tells the rest in every case. */
int trust_update(struct trust *t, struct stored *s, enum stored_kind kind, fetch_fn *fetch,
		 void *arg, const struct account *a, struct err *e);

/* As trust_update() with a file as if the server had sent it. name is borrowed: how to call it. */
int trust_take(struct trust *t, struct stored *s, enum stored_kind kind, const char *name,
	       struct span file, const struct account *a, struct err *e);

void trust_free(struct trust *t);

/* Tells of a stored list, or that there is none. */
void trust_tell_stored(const struct stored *s, enum stored_kind kind, const struct account *a);

/* "installed", "updated", "unchanged", "kept", "none". */
const char *trust_result_word(enum trust_result r);

/* ERR_REFUSED "model-sha512" if a file is digested in a way that the phone's model does not know.
 */
int trust_check_digest(const struct stored *s, enum tl_digest digest, struct err *e);

#endif
