#include "server/tftp/hash.h"

#include <string.h>
#include <sys/random.h>

bool hash_key_make(struct hash_key *key)
{
	return getrandom(key->k, sizeof(key->k), 0) == (ssize_t)sizeof(key->k);
}

/* Both halves of the 128-bit product, folded. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ const unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t hash_bytes(const struct hash_key *key, struct span bytes)
{
	uint64_t h = key->k[0] ^ bytes.len;

	while (bytes.len) {
		const size_t n = bytes.len < sizeof(h) ? bytes.len : sizeof(h);
		uint64_t word = 0;

		memcpy(&word, bytes.data, n);
		h = fold(h ^ word, key->k[1] | 1);
		bytes.data += n;
		bytes.len -= n;
	}
	return fold(h ^ key->k[1], key->k[0] | 1);
}
