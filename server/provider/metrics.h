/*
 * /metrics in Prometheus' text format (version 0.0.4), /healthz and /readyz: plain HTTP without a
 * login, on a loopback address of its own. A https_handler_fn; arg is the struct api.
 */
#ifndef SERVER_PROVIDER_METRICS_H
#define SERVER_PROVIDER_METRICS_H

#include "server/net/https.h"

void metrics_handle(struct https_request *r, void *arg);

#endif
