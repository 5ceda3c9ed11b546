#include "server/provider/leases.h"

#include "common/hex.h"
#include "server/provider/when.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = (LEASE_ID_MAX - 1) / 2 };

struct leases {
	pthread_mutex_t lock;
	struct lease list[LEASES_MAX];
};

struct leases *leases_new(void)
{
	struct leases *l = calloc(1, sizeof(*l));

	if (l)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

void leases_free(struct leases *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* ---- with the lock held ---- */

static void forget_old(struct leases *l, int64_t now_ms)
{
	for (size_t i = 0; i < LEASES_MAX; i++)
		if (l->list[i].ends_ms <= now_ms)
			l->list[i] = (struct lease){0};
}

static struct lease *find(struct leases *l, const char *id)
{
	for (size_t i = 0; i < LEASES_MAX; i++)
		if (!strcmp(l->list[i].id, id))
			return &l->list[i];
	return NULL;
}

static void extend(struct lease *lease, int64_t now_ms)
{
	lease->ends_ms = now_ms + LEASE_S * INT64_C(1000);
	lease->ends = time(NULL) + LEASE_S;
}

static int limit_reached(const struct leases *l, struct err *e)
{
	struct buf who = {0};

	for (size_t i = 0; i < LEASES_MAX; i++) {
		char ends[WHEN_MAX];

		buf_printf(&who, "%s%s from %s until %s", i ? ", " : "", l->list[i].user,
			   l->list[i].address, when_text(ends, l->list[i].ends));
	}
	err_set(e, ERR_CONFLICT, "client-limit", "%d clients configure the cluster already: %s",
		LEASES_MAX, buf_cstr(&who) ? (const char *)who.data : "");
	buf_free(&who);
	return err_hint(e, "wait for one of them to end; what is not used ends by itself");
}

static int make_id(char id[LEASE_ID_MAX], struct err *e)
{
	uint8_t random[ID_BYTES];
	struct buf text = {0};
	int rc = 0;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return err_openssl(e, ERR_FAILED, "session", "no random numbers");
	hex_lower(&text, span_of(random, sizeof(random)), 0);
	if (buf_cstr(&text))
		memcpy(id, text.data, LEASE_ID_MAX);
	else
		rc = err_nomem(e);
	buf_free(&text);
	return rc;
}

static int open_locked(struct leases *l, const char *user, const char *address, int64_t now_ms,
		       struct lease *lease, struct err *e)
{
	struct lease *slot;

	forget_old(l, now_ms);
	slot = find(l, "");
	if (!slot)
		return limit_reached(l, e);
	if (make_id(slot->id, e)) {
		slot->id[0] = '\0';
		return (int)e->kind;
	}
	snprintf(slot->user, sizeof(slot->user), "%s", user);
	snprintf(slot->address, sizeof(slot->address), "%s", address);
	slot->began = time(NULL);
	extend(slot, now_ms);
	*lease = *slot;
	return 0;
}

/* ---- the calls ---- */

int leases_open(struct leases *l, const char *user, const char *address, int64_t now_ms,
		struct lease *lease, struct err *e)
{
	int rc;

	pthread_mutex_lock(&l->lock);
	rc = open_locked(l, user, address, now_ms, lease, e);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

bool leases_use(struct leases *l, const char *id, const char *user, int64_t now_ms)
{
	struct lease *lease;
	bool good;

	pthread_mutex_lock(&l->lock);
	forget_old(l, now_ms);
	lease = *id ? find(l, id) : NULL;
	good = lease && !strcmp(lease->user, user);
	if (good)
		extend(lease, now_ms);
	pthread_mutex_unlock(&l->lock);
	return good;
}

int leases_close(struct leases *l, const char *id, int64_t now_ms, struct lease *lease,
		 struct err *e)
{
	struct lease *there;

	pthread_mutex_lock(&l->lock);
	forget_old(l, now_ms);
	there = *id ? find(l, id) : NULL;
	if (there) {
		*lease = *there;
		*there = (struct lease){0};
	}
	pthread_mutex_unlock(&l->lock);
	return there ? 0
		     : err_set(e, ERR_FAILED, "no-session",
			       "there is no such session; it may have ended by itself");
}

size_t leases_list(struct leases *l, int64_t now_ms, struct lease list[LEASES_MAX])
{
	size_t n = 0;

	pthread_mutex_lock(&l->lock);
	forget_old(l, now_ms);
	for (size_t i = 0; i < LEASES_MAX; i++)
		if (*l->list[i].id)
			list[n++] = l->list[i];
	pthread_mutex_unlock(&l->lock);
	return n;
}
