#include "server/tftp/sessions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sessions {
	uint64_t key[2];
	size_t count;
	struct session *unused;
	struct session *table[SESSIONS_MAX];
	struct session places[SESSIONS_MAX];
};

struct sessions *sessions_new(void)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (getrandom(s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key)) {
		free(s);
		return NULL;
	}
	for (size_t i = SESSIONS_MAX; i-- > 0;) {
		s->places[i].chain = s->unused;
		s->unused = &s->places[i];
	}
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		content_unref(s->places[i].content);
	free(s);
}

/* Both halves of the 128-bit product, folded. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ const unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t sessions_hash(const struct sessions *s, struct span bytes)
{
	uint64_t h = s->key[0] ^ bytes.len;

	while (bytes.len) {
		const size_t n = bytes.len < sizeof(h) ? bytes.len : sizeof(h);
		uint64_t word = 0;

		memcpy(&word, bytes.data, n);
		h = fold(h ^ word, s->key[1] | 1);
		bytes.data += n;
		bytes.len -= n;
	}
	return fold(h ^ s->key[1], s->key[0] | 1);
}

uint64_t sessions_hash_peer(const struct sessions *s, const union udp_addr *peer)
{
	uint8_t flat[sizeof(struct in6_addr) + sizeof(uint16_t)] = {0};
	const uint16_t port = udp_port(peer);

	if (peer->sa.sa_family == AF_INET6)
		memcpy(flat, &peer->in6.sin6_addr, sizeof(peer->in6.sin6_addr));
	else
		memcpy(flat, &peer->in4.sin_addr, sizeof(peer->in4.sin_addr));
	memcpy(flat + sizeof(struct in6_addr), &port, sizeof(port));
	return sessions_hash(s, span_of(flat, sizeof(flat)));
}

static struct session **bucket(struct sessions *s, const union udp_addr *peer)
{
	return &s->table[sessions_hash_peer(s, peer) % SESSIONS_MAX];
}

struct session *sessions_find(struct sessions *s, const union udp_addr *peer)
{
	struct session *one = *bucket(s, peer);

	while (one && !udp_same(&one->peer, peer))
		one = one->chain;
	return one;
}

struct session *sessions_add(struct sessions *s, const union udp_addr *peer)
{
	struct session **head = bucket(s, peer);
	struct session *one = s->unused;

	if (!one)
		return NULL;
	s->unused = one->chain;
	*one = (struct session){.chain = *head, .peer = *peer};
	*head = one;
	s->count++;
	return one;
}

void sessions_remove(struct sessions *s, struct session *one)
{
	struct session **at = bucket(s, &one->peer);

	while (*at != one)
		at = &(*at)->chain;
	*at = one->chain;
	content_unref(one->content);
	*one = (struct session){.chain = s->unused};
	s->unused = one;
	s->count--;
}

size_t sessions_count(const struct sessions *s)
{
	return s->count;
}
