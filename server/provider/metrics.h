/*
 * /metrics in Prometheus' text format (version 0.0.4), /healthz and /readyz: plain HTTP without a
 * login, on a loopback address of its own. A https_handler_fn; arg is the struct metrics.
 */
#ifndef SERVER_PROVIDER_METRICS_H
#define SERVER_PROVIDER_METRICS_H

#include "server/provider/api.h"

struct metrics {
	struct api *api;
};

void metrics_handle(struct https_request *r, void *arg);

#endif
