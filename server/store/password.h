/* Passwords of administrators at rest: yescrypt through crypt(3). Slow by design: on a worker. */
#ifndef SERVER_STORE_PASSWORD_H
#define SERVER_STORE_PASSWORD_H

#include "common/err.h"
#include "common/secret.h"
#include "server/store/store.h"

#include <stdbool.h>

/* Hashes a password with a new random salt. ERR_FAILED "password". */
int password_hash(char hash[STORE_HASH_MAX], const struct secret *password, struct err *e);

/* True if password is the one that hash was made from. Takes as long for any password, and with a
 * hash that is none (NULL: there is no such user) it takes the time of a real one and says no. */
bool password_matches(const struct secret *password, const char *hash);

#endif
