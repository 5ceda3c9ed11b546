/* A keyed hash for tables that strangers fill: they cannot choose what collides. */
#ifndef SERVER_TFTP_HASH_H
#define SERVER_TFTP_HASH_H

#include "common/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct hash_key {
	uint64_t k[2];
};

/* A random key; false if there is no randomness. */
bool hash_key_make(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, struct span bytes);

#endif
