/* What desk.c and desk_login.c share: a token at hand. Not for others. */
#ifndef CTLCLIENT_DESK_TOKEN_H
#define CTLCLIENT_DESK_TOKEN_H

#include "ctlclient/desk.h"
#include "ctlclient/desk_loss.h"

struct desk_token {
	struct desk *desk;
	struct token *token;    /* the owner's thread only */
	struct token_info info; /* a copy for ours */
	char *uri_source;       /* pin-source of the URI, or NULL */
	const char *source;     /* of desk_token_pin_from(), with its option; NULL: --pin-source */
	const char *option;
	struct secret pin; /* that of the URI, or one that no person types: read once */
	bool given;        /* by desk_token_give_pin(): whoever gave it can give another one */
	bool said_again;   /* that the key asks for it again */
	bool logs_in;      /* a login was asked for */
	const char *why;   /* of it */
	struct desk_losses losses;
};

#endif
