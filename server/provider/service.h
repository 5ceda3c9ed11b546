/* ctlproviderd, assembled: store handles, workers, listener, and their order of coming and going.
 */
#ifndef SERVER_PROVIDER_SERVICE_H
#define SERVER_PROVIDER_SERVICE_H

#include "server/net/daemon.h"

/* The calls of a struct daemon_service. */
int service_open(void **own, struct daemon *d, struct err *e);
void service_stop(void *own);
void service_reload(void *own);
void service_close(void *own);

#endif
