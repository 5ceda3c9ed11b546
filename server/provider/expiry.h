/* When the certificates of the cluster's nodes end, and whom to warn of it. Pure. */
#ifndef SERVER_PROVIDER_EXPIRY_H
#define SERVER_PROVIDER_EXPIRY_H

#include "server/store/store.h"

enum { EXPIRY_WARN_DAYS = 90 };

/* Called with every certificate: node, role, the end in seconds since 1970. */
typedef void expiry_fn(const struct store_node *n, const char *role, int64_t not_after, void *arg);

void expiry_each(const struct store_node *nodes, size_t n, expiry_fn *fn, void *arg);

/* Calls fn with a sentence for every certificate that ends within EXPIRY_WARN_DAYS of now, or has
 * ended. */
void expiry_warn(const struct store_node *nodes, size_t n, int64_t now,
		 void (*fn)(const char *sentence, void *arg), void *arg);

#endif
