/* What a phone does after it has its files, and what keeps it from that. Pure. */
#ifndef PHONE_NEXT_H
#define PHONE_NEXT_H

#include "phone/stored.h"

enum next_step {
	NEXT_NOTHING,     /* it has no configuration */
	NEXT_REGISTER,    /* at the first call manager */
	NEXT_RESET,       /* and ask for the encrypted configuration */
	NEXT_CAPF,        /* a session with CAPF, then a reset */
	NEXT_TYPE_STRING, /* somebody has to type the authentication string in, for CAPF */
	NEXT_TYPE_KEY,    /* somebody has to type in the key of its configuration */
	NEXT_BLOCKED,     /* nothing helps but a change of the configuration or the list */
};

enum { NEXT_WHY_MAX = 320 };

struct next {
	enum next_step step;
	char why[NEXT_WHY_MAX]; /* for people, one line */
	struct hostport server; /* of NEXT_REGISTER and NEXT_CAPF; else the host is empty */
};

/* By what s has now. undecryptable: its encrypted configuration was for another key. */
void next_decide(struct next *n, const struct stored *s, bool undecryptable);

/* "nothing", "register", "reset", "capf", "type-string", "type-key", "blocked". */
const char *next_word(enum next_step step);

#endif
