/*
 * What to say of the tokens that are there while one is asked for. Pure: a sight and what is asked
 * for in, a verdict out. The rules are those of the draft (ctlclient/draft.h).
 */
#ifndef CTLCLIENT_WIZARD_PROMPT_H
#define CTLCLIENT_WIZARD_PROMPT_H

#include "ctlclient/cluster_view.h"
#include "ctlclient/wizard/eye.h"

enum prompt_kind {
	PROMPT_ADD,   /* a token to put into the list */
	PROMPT_KNOWN, /* one of the present list, to show that we may change it */
	PROMPT_SIGN,  /* one that can sign the new list */
};

enum prompt_state {
	PROMPT_LOOKING,    /* nothing seen yet */
	PROMPT_NONE,       /* no token */
	PROMPT_NO_SERVICE, /* no token, and a reason why none may show */
	PROMPT_TROUBLE,    /* no token, and a module does not work */
	PROMPT_UNREADABLE, /* a card that no module knows */
	PROMPT_TWO,        /* more than one that can be pulled out */
	PROMPT_CHOOSE,     /* several, and some of them cannot be pulled out */
	PROMPT_BLANK,      /* not initialised */
	PROMPT_UNREAD,     /* it does not tell its certificates */
	PROMPT_NO_KEY,     /* no certificate with a key */
	PROMPT_WRONG_KEY,  /* a key that cannot sign lists */
	PROMPT_AGAIN,      /* in the list already */
	PROMPT_NOT_LISTED, /* not in the present list */
	PROMPT_LEAVES,     /* would not be in the new list */
	PROMPT_LOCKED,
	PROMPT_NO_PIN,
	PROMPT_SOFTWARE, /* the cluster asks for hardware */
	PROMPT_REFUSED,  /* for another reason: see e */
	PROMPT_READY,
};

struct prompt {
	enum prompt_kind kind;
	const struct draft *draft; /* as far as it has been entered */
	const struct cluster_view *view;
};

struct verdict {
	enum prompt_state state;
	size_t token, cert; /* which of the sight's it is about */
	struct err e;       /* why, where a rule said no */
};

/* Judges the whole sight. */
struct verdict prompt_judge(const struct prompt *p, const struct sight *s);

/* Judges one token of it. */
struct verdict prompt_judge_token(const struct prompt *p, const struct sight *s, size_t token);

#endif
