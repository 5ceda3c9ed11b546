/* From root to the user a service runs as, for good. */
#ifndef SERVER_NET_BECOME_H
#define SERVER_NET_BECOME_H

#include "common/err.h"

/* Takes user, with its groups, for the whole process, and makes sure that there is no way back.
 * ERR_USAGE "user" if there is none of that name, or if it is root; ERR_FAILED "user" if the system
 * refuses. If the process runs as that user already, nothing is done; as another one than root it
 * is ERR_USAGE "user". */
int become(const char *user, struct err *e);

#endif
