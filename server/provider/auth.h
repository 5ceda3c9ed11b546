/* HTTP basic authentication (RFC 7617) with an administrator's account. */
#ifndef SERVER_PROVIDER_AUTH_H
#define SERVER_PROVIDER_AUTH_H

#include "common/secret.h"
#include "server/store/store.h"

struct auth_login {
	char user[STORE_NAME_MAX];
	struct secret password; /* secret_free() it */
};

/* Takes an Authorization field apart (NULL: there was none). ERR_REFUSED "login" if it is not
 * there or does not make sense; the header names no part of what it says. */
int auth_parse(struct auth_login *login, const char *field, struct err *e);

/* Looks the user up and compares the password. ERR_REFUSED "login" if there is no such user or the
 * password is another (the same words, after the same time). On a worker. */
int auth_verify(struct store *s, const struct auth_login *login, struct store_user *user,
		struct err *e);

enum auth_need {
	AUTH_NONE,
	AUTH_READ,    /* every role */
	AUTH_OFFICER, /* officers */
};

/* ERR_REFUSED "forbidden". */
int auth_allows(enum auth_need need, const struct store_user *user, struct err *e);

#endif
