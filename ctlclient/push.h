/* A signed list on its way to the provider, and what becomes of it when the way is cut off. */
#ifndef CTLCLIENT_PUSH_H
#define CTLCLIENT_PUSH_H

#include "ctlclient/bundle.h"
#include "ctlclient/transcript.h"
#include "server/net/api_client.h"

struct push {
	struct bundle_list list;
	const char *kept;              /* file it is kept in already, or NULL */
	struct transcript *transcript; /* or NULL */
	bool json;                     /* print JSON */
};

/* Writes the list as a bundle to path, which must not be there yet. */
int push_save(const struct push *p, const char *path, struct err *e);

/* Pushes; *answer is the provider's (generation, distribution), the caller's. If the provider has
 * this very list already (an earlier answer was lost), that counts as accepted. A list that was
 * signed but could not be delivered (whatever is in the way; not one that the provider refuses) is
 * kept: in p->kept, or else in a file of the user's state folder, whose name *kept_in then is (NULL
 * otherwise; the caller's, free()). Errors: those of
 * api_put; ERR_CONFLICT if the cluster's list is another one now. */
int push_send(json_t **answer, char **kept_in, struct api *api, const struct push *p,
	      struct err *e);

/* True if each node of the answer's distribution serves the list. */
bool push_is_done(json_t *answer);

/* Pushes, watches the nodes, prints what became of it. The hint of an error names the
 * file that the list is kept in and the command that pushes it. Errors: those of push_send();
 * ERR_PARTIAL "distribution". */
int push_list(struct api *api, const struct push *p, struct err *e);

#endif
