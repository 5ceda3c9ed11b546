/* The CAPF service as a whole, for daemon_main(). */
#ifndef SERVER_CAPF_SERVICE_H
#define SERVER_CAPF_SERVICE_H

#include "server/net/daemon.h"

int service_open(void **own, struct daemon *d, struct err *e);
void service_close(void *own);

#endif
