/* ctlproviderd, assembled: store handles, workers, listener, and their order of coming and going.
 */
#ifndef SERVER_PROVIDER_SERVICE_H
#define SERVER_PROVIDER_SERVICE_H

#include "common/conf.h"
#include "common/log.h"

/* Serves until SIGTERM or SIGINT. conf and log are borrowed. */
int service_run(const struct conf *conf, const struct log *log, struct err *e);

#endif
