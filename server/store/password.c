#include "server/store/password.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* yescrypt at libxcrypt's default cost, as password_hash() makes it; nothing hashes to it. */
#define NOBODY_SETTING "$y$j9T$MQgYAN6lcXxFhOKJ5OsVk1$"

/* crypt(3) in memory of its own, which holds the password and is wiped. */
static bool hash_with(char hash[STORE_HASH_MAX], const char *password, const char *setting)
{
	void *work = NULL;
	int size = 0;
	const char *text = crypt_ra(password, setting, &work, &size);
	const size_t n = text ? strlen(text) : 0;
	const bool ok = n && *text != '*' && n < STORE_HASH_MAX;

	if (ok)
		memcpy(hash, text, n + 1);
	if (work)
		OPENSSL_cleanse(work, (size_t)size);
	free(work);
	return ok;
}

int password_hash(char hash[STORE_HASH_MAX], const struct secret *password, struct err *e)
{
	char *setting = crypt_gensalt_ra("$y$", 0, NULL, 0);
	int rc = 0;

	if (!setting || !hash_with(hash, password->text, setting))
		rc = err_set(e, ERR_FAILED, "password", "cannot hash the password: %s",
			     strerror(errno));
	free(setting);
	return rc;
}

bool password_matches(const struct secret *password, const char *hash)
{
	char made[STORE_HASH_MAX] = {0};
	const bool hashed = hash_with(made, password->text, hash ? hash : NOBODY_SETTING);
	const bool same = hashed && hash && strlen(made) == strlen(hash) &&
			  !CRYPTO_memcmp(made, hash, strlen(hash));

	OPENSSL_cleanse(made, sizeof(made));
	return same;
}
