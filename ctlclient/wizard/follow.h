/* How a list gets to the servers, asked of the provider again and again on a thread. */
#ifndef CTLCLIENT_WIZARD_FOLLOW_H
#define CTLCLIENT_WIZARD_FOLLOW_H

#include "server/net/api_client.h"

struct follow;

/* Asks through api, which nobody else may use until follow_close(). */
int follow_open(struct follow **out, struct api *api, struct err *e);
void follow_close(struct follow *f);

/* Something newer than at the last call: *answer is replaced, as after push_send(). False if there
 * is nothing newer; an error of asking is in *e then (e->kind is 0 if there is none). */
bool follow_look(struct follow *f, json_t **answer, struct err *e);

#endif
