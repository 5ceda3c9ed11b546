#include "server/provider/login_cache.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 32 };

struct entry {
	uint8_t mac[LOGIN_MAC_LEN];
	int64_t version, moment;
	int64_t ends_ms; /* 0: free */
};

struct login_cache {
	pthread_mutex_t lock; /* of the entries */
	EVP_MAC_CTX *keyed;   /* never used itself: copied */
	struct entry entries[LOGIN_CACHE_MAX];
};

static EVP_MAC_CTX *keyed_hmac(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	uint8_t key[KEY_LEN];

	if (ctx &&
	    (RAND_bytes(key, sizeof(key)) != 1 || !EVP_MAC_init(ctx, key, sizeof(key), params))) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	OPENSSL_cleanse(key, sizeof(key));
	EVP_MAC_free(hmac);
	return ctx;
}

struct login_cache *login_cache_new(void)
{
	struct login_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->keyed = keyed_hmac();
	if (!c->keyed) {
		login_cache_free(c);
		return NULL;
	}
	return c;
}

void login_cache_free(struct login_cache *c)
{
	if (!c)
		return;
	EVP_MAC_CTX_free(c->keyed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* With its length in front, so that no two logins read alike. */
static bool add(EVP_MAC_CTX *ctx, const void *data, size_t n)
{
	const uint8_t length[] = {(uint8_t)(n >> 8), (uint8_t)n};

	return EVP_MAC_update(ctx, length, sizeof(length)) && EVP_MAC_update(ctx, data, n);
}

bool login_cache_mac(const struct login_cache *c, const struct auth_login *login,
		     uint8_t mac[LOGIN_MAC_LEN])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(c->keyed);
	size_t n = 0;
	const bool ok = ctx && add(ctx, login->user, strlen(login->user)) &&
			add(ctx, login->password.text, login->password.len) &&
			add(ctx, login->address, strlen(login->address)) &&
			add(ctx, login->cert, login->has_cert ? sizeof(login->cert) : 0) &&
			EVP_MAC_final(ctx, mac, &n, LOGIN_MAC_LEN) && n == LOGIN_MAC_LEN;

	EVP_MAC_CTX_free(ctx);
	return ok;
}

static struct entry *find(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t now_ms)
{
	for (size_t i = 0; i < LOGIN_CACHE_MAX; i++)
		if (c->entries[i].ends_ms > now_ms &&
		    !CRYPTO_memcmp(c->entries[i].mac, mac, LOGIN_MAC_LEN))
			return &c->entries[i];
	return NULL;
}

bool login_cache_find(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t now_ms,
		      int64_t *version, int64_t *moment)
{
	const struct entry *found;

	pthread_mutex_lock(&c->lock);
	found = find(c, mac, now_ms);
	if (found) {
		*version = found->version;
		*moment = found->moment;
	}
	pthread_mutex_unlock(&c->lock);
	return found != NULL;
}

void login_cache_confirm(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t moment,
			 int64_t now_ms)
{
	struct entry *found;

	pthread_mutex_lock(&c->lock);
	found = find(c, mac, now_ms);
	if (found)
		found->moment = moment;
	pthread_mutex_unlock(&c->lock);
}

void login_cache_add(struct login_cache *c, const uint8_t mac[LOGIN_MAC_LEN], int64_t version,
		     int64_t now_ms)
{
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = find(c, mac, now_ms);
	if (!e) {
		e = &c->entries[0];
		for (size_t i = 1; i < LOGIN_CACHE_MAX; i++)
			if (c->entries[i].ends_ms < e->ends_ms)
				e = &c->entries[i];
	}
	memcpy(e->mac, mac, LOGIN_MAC_LEN);
	e->version = version;
	e->moment = LOGIN_NO_MOMENT;
	e->ends_ms = now_ms + LOGIN_CACHE_MS;
	pthread_mutex_unlock(&c->lock);
}
