/*
 * What the first node of a cluster tells the others:
 *
 *   { "cluster": { "name": "..", "digest": "..", "nodes": [ see node_desc.h ],
 *                  "tftp_servers": [ see node_desc.h ] },
 *     "generations": [ { "generation": 5, "time": 1794000000, "user": "..", "address": "..",
 *                        "file": "<base64>" } ] }
 *
 * Both members may be missing. The description is believed, as it comes from the first node; of the
 * generations, each is believed only if a token of the one before signed it.
 */
#ifndef SERVER_CLUSTER_BUNDLE_H
#define SERVER_CLUSTER_BUNDLE_H

#include "common/json.h"
#include "common/sha256.h"
#include "server/store/store.h"

enum {
	BUNDLE_MAX = 2 << 20,         /* bytes of a bundle as JSON */
	BUNDLE_LISTS_MAX = 768 << 10, /* bytes of lists in one bundle */
};

/* The description. digest (STORE_DIGEST_TEXT) is what store_described() says where it has arrived.
 */
int bundle_cluster(json_t **out, struct store *s, char digest[STORE_DIGEST_TEXT], struct err *e);

/* The generations after a certain one, in order, as many as BUNDLE_LISTS_MAX allows: one at least,
 * if there is one. */
int bundle_generations(json_t **out, struct store *s, int64_t after, struct err *e);

struct bundle_news {
	bool described;     /* the description has changed */
	int64_t generation; /* the newest that was taken; 0: none */
};

/* Takes a bundle from the first node over. What was taken before an error stays. ERR_REFUSED
 * "bundle", "node-description", the errors of follow_step(); ERR_CONFLICT "ctl-generation" if a
 * generation is there already, with another list. */
int bundle_take(json_t *doc, struct store *s, struct bundle_news *news, struct err *e);

/* Takes lists (the member "generations" of a bundle) back from another node after a backup was
 * restored: as bundle_take() does. ERR_REFUSED "node-ahead" if no backup was restored. */
int bundle_take_back(json_t *doc, struct store *s, struct bundle_news *news, struct err *e);

#endif
