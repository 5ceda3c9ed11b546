#include "server/tftp/sessions.h"

#include "server/tftp/hash.h"

#include <stdlib.h>
#include <string.h>

struct sessions {
	struct hash_key key;
	size_t count;
	size_t touched;         /* of places: the others were never used */
	struct session *unused; /* among those */
	TAILQ_HEAD(, session) strangers;
	struct session *table[SESSIONS_MAX];
	struct session places[SESSIONS_MAX];
};

struct sessions *sessions_new(void)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (!hash_key_make(&s->key)) {
		free(s);
		return NULL;
	}
	TAILQ_INIT(&s->strangers);
	return s;
}

void sessions_free(struct sessions *s)
{
	free(s);
}

struct session *sessions_any(struct sessions *s)
{
	for (size_t i = s->touched; s->count && i-- > 0;)
		if (s->places[i].peer.sa.sa_family)
			return &s->places[i];
	return NULL;
}

uint64_t sessions_hash(const struct sessions *s, struct span bytes)
{
	return hash_bytes(&s->key, bytes);
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

static struct session *place(struct sessions *s)
{
	struct session *one = s->unused;

	if (one)
		s->unused = one->chain;
	else if (s->touched < SESSIONS_MAX)
		one = &s->places[s->touched++];
	return one;
}

struct session *sessions_add(struct sessions *s, const union udp_addr *peer)
{
	struct session **head = bucket(s, peer);
	struct session *one = place(s);

	if (!one)
		return NULL;
	*one = (struct session){.chain = *head, .peer = *peer, .is_stranger = true};
	*head = one;
	TAILQ_INSERT_TAIL(&s->strangers, one, stranger);
	s->count++;
	return one;
}

struct session *sessions_stranger(const struct sessions *s)
{
	return TAILQ_FIRST(&s->strangers);
}

void sessions_proven(struct sessions *s, struct session *one)
{
	if (one->is_stranger)
		TAILQ_REMOVE(&s->strangers, one, stranger);
	one->is_stranger = false;
}

void sessions_remove(struct sessions *s, struct session *one)
{
	struct session **at = bucket(s, &one->peer);

	while (*at != one)
		at = &(*at)->chain;
	*at = one->chain;
	sessions_proven(s, one);
	content_unref(one->content);
	*one = (struct session){.chain = s->unused};
	s->unused = one;
	s->count--;
}

size_t sessions_count(const struct sessions *s)
{
	return s->count;
}
