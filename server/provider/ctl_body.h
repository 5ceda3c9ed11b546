/*
 * A new list together with TFTP servers outside the cluster that come or go with it, as the body of
 * PUT /ctl (doc/api.md):
 *
 *   { "ctl": "<base64>",
 *     "tftp_servers": { "add": [ { "name": "..", "address": "192.0.2.9",
 *                                  "certificate": "-----BEGIN CERTIFICATE-----.." } ],
 *                       "remove": [ "old-tftp" ] } }
 */
#ifndef SERVER_PROVIDER_CTL_BODY_H
#define SERVER_PROVIDER_CTL_BODY_H

#include "common/json.h"
#include "server/store/store.h"

struct ctl_body {
	struct buf list;
	struct store_node *tftps; /* ntftps of them: store_tftp.h */
	size_t ntftps;
	const char **gone; /* ngone names; they belong to doc */
	size_t ngone;
	json_t *doc;
};

/* Reads the body. ERR_USAGE "json", "bad-request"; ERR_REFUSED "node-description". End with
 * ctl_body_free(), also after an error. */
int ctl_body_read(struct ctl_body *b, struct span body, struct err *e);
void ctl_body_free(struct ctl_body *b);

#endif
