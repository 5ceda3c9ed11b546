/*
 * The eye on the readers while a token is waited for: a thread that looks (pkcs11/watch.h), and the
 * newest sight for the page. Certificates are read as soon as a token is there.
 */
#ifndef CTLCLIENT_WIZARD_EYE_H
#define CTLCLIENT_WIZARD_EYE_H

#include "ctlclient/desk.h"

enum { SIGHT_TOKENS_MAX = 8, SIGHT_CERTS_MAX = 4, SIGHT_TEXT_MAX = 256 };

/* A token that is there, with the certificates on it that have a key. */
struct seen_token {
	struct token_info info;
	X509 *certs[SIGHT_CERTS_MAX]; /* n_certs of them at most; owned */
	char uris[SIGHT_CERTS_MAX][768];
	size_t n_certs; /* as many as it has */
	bool unread;    /* it would not tell them */
};

struct sight {
	unsigned number; /* another one whenever something has changed; 0: nothing seen yet */
	struct seen_token tokens[SIGHT_TOKENS_MAX];
	size_t n; /* as many as there are, even if there is no room for them */
	char unreadable[SIGHT_TEXT_MAX]; /* name of a reader whose card no module knows, or empty */
	char trouble[SIGHT_TEXT_MAX];    /* a module in trouble, and why; or empty */
	char advice[SIGHT_TEXT_MAX];     /* why no token may show; or empty */
	char remedy[SIGHT_TEXT_MAX];     /* what to do about it */
};

struct eye;

int eye_open(struct eye **out, struct desk *d, struct err *e);

/* Ends the thread, which may take as long as a module takes to answer. */
void eye_close(struct eye *eye);

/* True if there is a newer sight than that in s, which is replaced then. Start s as {0}, end it
 * with sight_free(). */
bool eye_look(struct eye *eye, struct sight *s);
void sight_free(struct sight *s);

#endif
