#include "server/tftp/limits.h"

#include "server/tftp/hash.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 4 }; /* an address may be at so many places of the table */

static const struct {
	uint32_t most, per_second;
} bounds[LIMITS] = {
	[LIMIT_UNPROVEN] = {LIMIT_UNPROVEN_BYTES, LIMIT_UNPROVEN_PER_SECOND},
	[LIMIT_LOOKS] = {LIMIT_LOOKS_MAX, LIMIT_LOOKS_PER_SECOND},
};

struct account {
	uint64_t who;      /* hash of the address; 0: a free place */
	uint64_t since_ms; /* when used was right */
	uint32_t used[LIMITS];
};

struct limits {
	struct hash_key key;
	struct account accounts[LIMIT_ADDRESSES];
};

struct limits *limits_new(void)
{
	struct limits *l = calloc(1, sizeof(*l));

	if (l && hash_key_make(&l->key))
		return l;
	free(l);
	return NULL;
}

void limits_free(struct limits *l)
{
	free(l);
}

static uint64_t hash_of(const struct limits *l, const union udp_addr *who)
{
	struct span address;
	uint64_t hash;

	if (who->sa.sa_family != AF_INET6)
		address = span_of(&who->in4.sin_addr, sizeof(who->in4.sin_addr));
	else if (IN6_IS_ADDR_V4MAPPED(&who->in6.sin6_addr))
		address = span_of(who->in6.sin6_addr.s6_addr + 12, 4);
	else
		address = span_of(&who->in6.sin6_addr, 8);
	hash = hash_bytes(&l->key, address);
	return hash ? hash : 1;
}

/* What time has given back. */
static void catch_up(struct account *a, uint64_t now_ms)
{
	const uint64_t ms = now_ms - a->since_ms;

	for (size_t i = 0; i < LIMITS; i++) {
		const uint64_t back = bounds[i].per_second * ms / 1000;

		a->used[i] = back < a->used[i] ? a->used[i] - (uint32_t)back : 0;
	}
	a->since_ms = now_ms;
}

static struct account *account_find(struct limits *l, uint64_t who)
{
	for (uint64_t i = 0; i < PLACES; i++) {
		struct account *a = &l->accounts[(who + i) % LIMIT_ADDRESSES];

		if (a->who == who)
			return a;
	}
	return NULL;
}

/* A place for an address without one: that of the address which has been quiet for longest. */
static struct account *account_add(struct limits *l, uint64_t who, uint64_t now_ms)
{
	struct account *oldest = &l->accounts[who % LIMIT_ADDRESSES];

	for (uint64_t i = 1; i < PLACES; i++) {
		struct account *a = &l->accounts[(who + i) % LIMIT_ADDRESSES];

		if (a->since_ms < oldest->since_ms)
			oldest = a;
	}
	*oldest = (struct account){.who = who, .since_ms = now_ms};
	return oldest;
}

bool limits_take(struct limits *l, enum limit what, const union udp_addr *who, uint32_t n,
		 uint64_t now_ms)
{
	const uint64_t hash = hash_of(l, who);
	struct account *a = account_find(l, hash);

	if (!a)
		a = account_add(l, hash, now_ms);
	if (now_ms - a->since_ms >= 10)
		catch_up(a, now_ms);
	if (n > bounds[what].most - a->used[what])
		return false;
	a->used[what] += n;
	return true;
}

void limits_give_back(struct limits *l, enum limit what, const union udp_addr *who, uint32_t n)
{
	struct account *a = account_find(l, hash_of(l, who));

	if (a)
		a->used[what] -= n < a->used[what] ? n : a->used[what];
}
