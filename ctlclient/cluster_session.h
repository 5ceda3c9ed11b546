/* The provider's configuration session of one command: five clients at most work at once. */
#ifndef CTLCLIENT_CLUSTER_SESSION_H
#define CTLCLIENT_CLUSTER_SESSION_H

#include "server/net/api_client.h"

struct cluster_session {
	struct api *api; /* NULL: there is none to be ended */
	char path[96];   /* of the session in the API */
};

/* Opens one, for whatever api does from now on. ERR_CONFLICT "client-limit", naming who works
 * there. A provider that knows no sessions needs none. */
int cluster_session_open(struct cluster_session *s, struct api *api, struct err *e);

/* Ends it; failing that, it ends by itself. */
void cluster_session_close(struct cluster_session *s);

/* Appends lines that tell what has changed since that generation, and who did it: what a conflict
 * is about. Nothing if the provider does not tell. */
void cluster_session_changes(struct buf *lines, struct api *api, int64_t since);

/* The same on standard error. */
void cluster_session_tell_changes(struct api *api, int64_t since);

#endif
