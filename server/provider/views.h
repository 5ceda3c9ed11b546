/* What the API shows of the store, as JSON (doc/api.md). On a worker. */
#ifndef SERVER_PROVIDER_VIEWS_H
#define SERVER_PROVIDER_VIEWS_H

#include "server/store/store.h"

#include <jansson.h>

/* On success *out is the caller's (json_decref). */
int view_cluster(json_t **out, struct store *s, struct err *e);
int view_distribution(json_t **out, struct store *s, struct err *e);
int view_history(json_t **out, struct store *s, size_t limit, struct err *e);

/* "mixed" or "nonsecure". */
const char *view_mode(bool mixed);

#endif
