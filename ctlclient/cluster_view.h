/* Where a cluster stands: its description and its present list, fetched from the provider. */
#ifndef CTLCLIENT_CLUSTER_VIEW_H
#define CTLCLIENT_CLUSTER_VIEW_H

#include "common/json.h"
#include "ctlclient/draft.h"
#include "server/net/api_client.h"

struct cluster_view {
	json_t *doc;        /* GET /cluster */
	int64_t generation; /* of the list; 0 if there is none yet */
	bool mixed;
	struct buf file; /* GET /ctl; empty if there is none */
	struct tl *list; /* NULL if there is none */
};

/* Fetches both, again if the cluster changed in between, and checks that the list verifies. End
 * with cluster_view_free(), also after an error. */
int cluster_view_get(struct cluster_view *v, struct api *api, struct err *e);

/* The same from what was fetched elsewhere and carried here: a reference to doc is kept, list (no
 * bytes: none yet) is copied. Checked as above; ERR_FAILED "provider-answer" if doc is for another
 * generation. */
int cluster_view_from(struct cluster_view *v, json_t *doc, int64_t generation, struct span list,
		      struct err *e);
void cluster_view_free(struct cluster_view *v);

/* Puts the records of the cluster's servers into the draft, in mixed or non-secure form. */
int cluster_view_servers(const struct cluster_view *v, struct draft *d, bool mixed, struct err *e);

#define CLUSTER_TFTP_SERVER "tftp-server" /* outside the cluster */

/* The type of the server of that name: "publisher", "subscriber", CLUSTER_TFTP_SERVER; NULL if
 * there is none. It belongs to v. */
const char *cluster_view_type(const struct cluster_view *v, const char *name);

/* Appends one line for each way in which the list is behind the cluster: a node without record, a
 * new certificate or address, a record without node. Nothing: it is up to date. */
int cluster_view_outdated(const struct cluster_view *v, struct buf *lines, struct err *e);

#endif
