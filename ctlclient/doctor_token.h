/* One token as the doctor sees it. Not for others. */
#ifndef CTLCLIENT_DOCTOR_TOKEN_H
#define CTLCLIENT_DOCTOR_TOKEN_H

#include "ctlclient/doctor.h"

/* With what can be seen without a PIN. */
struct doctor_seen {
	struct token_info info;
	struct token_cert *certs; /* n of them, owned */
	size_t n;
	struct err trouble; /* kind ERR_OK: none */
};

/* Why it matters that a token is there. */
extern const char doctor_why_token[];

/* The steps from the token to the test signature, for one of so many tokens. */
void doctor_token(struct doctor *d, struct desk *desk, const struct doctor_seen *s, size_t tokens);

#endif
