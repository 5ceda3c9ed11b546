/*
 * Logins that were verified a short while ago, so that a password is not hashed on every request.
 * No password is kept: an entry is an HMAC-SHA256, under a random key of this process, over user,
 * password, client address and client certificate. It holds for one version of the account, so any
 * change of the account voids it. Safe from any thread; steady time is handed in.
 */
#ifndef SERVER_PROVIDER_LOGIN_CACHE_H
#define SERVER_PROVIDER_LOGIN_CACHE_H

#include "server/provider/auth.h"

enum {
	LOGIN_CACHE_MS = 60 * 1000,
	LOGIN_CACHE_MAX = 128, /* then the oldest is forgotten */
	LOGIN_MAC_LEN = 32,
};

struct login_cache;

/* NULL if out of memory or random numbers. */
struct login_cache *login_cache_new(void);
void login_cache_free(struct login_cache *c);

/* What an entry is found by. False if it cannot be made. */
bool login_cache_mac(const struct login_cache *c, const struct auth_login *login,
		     uint8_t mac[LOGIN_MAC_LEN]);

enum { LOGIN_NO_MOMENT = -1 };

/* Whether that login was verified, for whatever version of the account; *version tells which. The
 * account was still that version at *moment (see kept.h), or LOGIN_NO_MOMENT. */
bool login_cache_find(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t now_ms,
		      int64_t *version, int64_t *moment);

void login_cache_add(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t version,
		     int64_t now_ms);

/* Notes that an entry, if it is still there, was found good at that moment. */
void login_cache_confirm(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t moment,
			 int64_t now_ms);

#endif
