/*
 * Bringing what this node serves in line with the newest accepted CTL.
 *
 * The node believes nobody: it follows the generations one by one from the list it has, as a phone
 * would, and takes each only if a token of the one before signed it. Then it writes
 * STATE/tftp/CTLFile.tlv and switches the active list, mode included. Whatever fails, the old list
 * stays in service, and the next call tries again.
 */
#ifndef SERVER_PROVIDER_ACTIVATE_H
#define SERVER_PROVIDER_ACTIVATE_H

#include "common/log.h"
#include "server/store/store.h"

struct activator;

int activator_new(struct activator **out, const char *state, const struct log *log, struct err *e);
void activator_free(struct activator *a);

/* Does what is to be done, if anything, and tells the services of the node. A failure is logged,
 * and noted as the node's distribution state. May be called on any thread, with that thread's
 * store. */
int activate(struct activator *a, struct store *s, struct err *e);

#endif
