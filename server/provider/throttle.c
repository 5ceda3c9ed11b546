#include "server/provider/throttle.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	USER_BYTES = 64,
	ADDRESS_BYTES = INET6_ADDRSTRLEN,
	IPV6_SITE_BYTES = 8, /* whoever has an address has its whole /64 */
};

struct entry {
	char user[USER_BYTES], address[ADDRESS_BYTES];
	unsigned failures;
	unsigned under_way;
	int64_t not_before, last; /* ms */
};

struct throttle {
	size_t most, n;
	struct entry entries[];
};

struct throttle *throttle_new(size_t most)
{
	struct throttle *t = calloc(1, sizeof(*t) + most * sizeof(t->entries[0]));

	if (t)
		t->most = most;
	return t;
}

void throttle_free(struct throttle *t)
{
	free(t);
}

unsigned throttle_delay_ms(unsigned failures)
{
	unsigned ms = THROTTLE_FIRST_MS;

	if (!failures)
		return 0;
	for (unsigned i = 1; i < failures && ms < THROTTLE_MOST_MS; i++)
		ms *= 2;
	return ms < THROTTLE_MOST_MS ? ms : THROTTLE_MOST_MS;
}

/* ---- the table ---- */

static void site_of(char site[ADDRESS_BYTES], const char *address)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, address, &a) == 1) {
		memset(a.s6_addr + IPV6_SITE_BYTES, 0, sizeof(a.s6_addr) - IPV6_SITE_BYTES);
		inet_ntop(AF_INET6, &a, site, ADDRESS_BYTES);
	} else {
		snprintf(site, ADDRESS_BYTES, "%s", address);
	}
}

static struct entry *find(struct throttle *t, const char *user, const char *site)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->entries[i].user, user) && !strcmp(t->entries[i].address, site))
			return &t->entries[i];
	return NULL;
}

/* True if a is the better one to forget: nobody can wash away many failures of one name by trying
 * many names once. */
static bool less_worth(const struct entry *a, const struct entry *b)
{
	if (a->under_way != b->under_way)
		return a->under_way < b->under_way;
	if (a->failures != b->failures)
		return a->failures < b->failures;
	return a->last < b->last;
}

static struct entry *make(struct throttle *t, const char *user, const char *site)
{
	struct entry *e = &t->entries[0];

	if (t->n < t->most)
		e = &t->entries[t->n++];
	else
		for (size_t i = 1; i < t->n; i++)
			if (less_worth(&t->entries[i], e))
				e = &t->entries[i];
	*e = (struct entry){0};
	snprintf(e->user, sizeof(e->user), "%s", user);
	snprintf(e->address, sizeof(e->address), "%s", site);
	return e;
}

static void drop(struct throttle *t, struct entry *e)
{
	*e = t->entries[--t->n];
}

/* ---- the rule ---- */

unsigned throttle_ask(struct throttle *t, const char *user, const char *address, int64_t now_ms)
{
	char site[ADDRESS_BYTES];
	struct entry *e;

	site_of(site, address);
	e = find(t, user, site);
	if (!e)
		e = make(t, user, site);
	if (now_ms - e->last > THROTTLE_FORGET_MS)
		e->failures = 0;
	if (now_ms < e->not_before)
		return (unsigned)(e->not_before - now_ms);
	/* Guesses that run side by side must not all slip in before the first one has failed. */
	if (e->under_way >= (e->failures ? 1 : THROTTLE_AT_ONCE))
		return THROTTLE_FIRST_MS;
	e->under_way++;
	e->last = now_ms;
	return 0;
}

unsigned throttle_wait(struct throttle *t, const char *user, const char *address, int64_t now_ms)
{
	char site[ADDRESS_BYTES];
	const struct entry *e;

	site_of(site, address);
	e = find(t, user, site);
	return e && now_ms < e->not_before ? (unsigned)(e->not_before - now_ms) : 0;
}

void throttle_cancel(struct throttle *t, const char *user, const char *address)
{
	char site[ADDRESS_BYTES];
	struct entry *e;

	site_of(site, address);
	e = find(t, user, site);
	if (e && e->under_way)
		e->under_way--;
}

unsigned throttle_result(struct throttle *t, const char *user, const char *address, bool good,
			 int64_t now_ms)
{
	char site[ADDRESS_BYTES];
	struct entry *e;
	unsigned ms;

	site_of(site, address);
	e = find(t, user, site);
	if (!e)
		e = make(t, user, site);
	if (e->under_way)
		e->under_way--;
	e->last = now_ms;
	if (good) {
		e->failures = 0;
		e->not_before = 0;
		if (!e->under_way)
			drop(t, e);
		return 0;
	}
	e->failures++;
	ms = throttle_delay_ms(e->failures);
	e->not_before = now_ms + ms;
	return ms < THROTTLE_ANSWER_MOST_MS ? ms : THROTTLE_ANSWER_MOST_MS;
}
