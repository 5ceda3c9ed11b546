/* HTTP basic authentication (RFC 7617) with an administrator's account. */
#ifndef SERVER_PROVIDER_AUTH_H
#define SERVER_PROVIDER_AUTH_H

#include "common/secret.h"
#include "server/store/store.h"

struct auth_login {
	char user[STORE_NAME_MAX];
	struct secret password; /* secret_free() it */
	char address[64];       /* of the client */
	bool has_cert;          /* the client has shown a certificate, and holds its key */
	uint8_t cert[32];       /* its SHA-256 */
};

/* Takes an Authorization field apart (NULL: there was none) into user and password; the rest is the
 * caller's. ERR_REFUSED "login" if it is not there or does not make sense; the error names no part
 * of what it says. */
int auth_parse(struct auth_login *login, const char *field, struct err *e);

/* Looks the user up and compares the password, unless known, or NULL, is the version of the account
 * that this password was compared with already. ERR_REFUSED "login" if there is no such user or the
 * password is another (the same words, after the same time); to those who know the password,
 * "locked" and "client-certificate" (the account demands another one, or one at all). On a
 * worker. */
int auth_verify(struct store *s, const struct auth_login *login, const int64_t *known,
		struct store_user *user, struct err *e);

enum auth_need {
	AUTH_NONE,
	AUTH_NODE,    /* no account: another node, by its certificate; the route looks at it */
	AUTH_READ,    /* every role */
	AUTH_AUDIT,   /* auditors and officers */
	AUTH_OPERATE, /* operators and officers */
	AUTH_OFFICER, /* officers */
};

/* ERR_REFUSED "forbidden". */
int auth_allows(enum auth_need need, const struct store_user *user, struct err *e);

#endif
