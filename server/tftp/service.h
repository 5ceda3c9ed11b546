/* The whole of ctltftpd, as daemon_main() runs it. */
#ifndef SERVER_TFTP_SERVICE_H
#define SERVER_TFTP_SERVICE_H

#include "server/net/daemon.h"

int service_open(void **own, struct daemon *d, struct err *e);
void service_close(void *own);

#endif
