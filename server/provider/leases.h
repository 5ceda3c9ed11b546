/*
 * Configuration sessions: five clients at most work on the cluster at once. A session is a lease
 * that ends by itself unless it is used; it is a courtesy among administrators, not a lock, so it
 * lives in memory and a restart forgets it. Safe from any thread; steady time is handed in.
 */
#ifndef SERVER_PROVIDER_LEASES_H
#define SERVER_PROVIDER_LEASES_H

#include "common/err.h"
#include "server/store/store.h"

enum {
	LEASES_MAX = 5,
	LEASE_S = 600, /* without being used */
	LEASE_ID_MAX = 33,
};

struct lease {
	char id[LEASE_ID_MAX]; /* 128 random bits in hexadecimal digits; "": no lease */
	char user[STORE_NAME_MAX], address[64];
	int64_t began, ends; /* seconds since 1970 */
	int64_t ends_ms;     /* of the steady clock */
};

struct leases;

struct leases *leases_new(void); /* NULL if out of memory */
void leases_free(struct leases *l);

/* Opens one; *lease is a copy. ERR_CONFLICT "client-limit", which names the holders. */
int leases_open(struct leases *l, const char *user, const char *address, int64_t now_ms,
		struct lease *lease, struct err *e);

/* Uses the session id of that user: it gets its whole time again. False if there is none. */
bool leases_use(struct leases *l, const char *id, const char *user, int64_t now_ms);

/* Ends it, whosever it is; *lease is a copy. ERR_FAILED "no-session". */
int leases_close(struct leases *l, const char *id, int64_t now_ms, struct lease *lease,
		 struct err *e);

/* Copies those that run into list; returns how many. */
size_t leases_list(struct leases *l, int64_t now_ms, struct lease list[LEASES_MAX]);

#endif
