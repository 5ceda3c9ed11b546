/* The HTTP API: which path takes what, who may use it, and what it answers. doc/api.md. */
#ifndef SERVER_PROVIDER_API_H
#define SERVER_PROVIDER_API_H

#include "common/conf.h"
#include "common/log.h"
#include "common/log_limit.h"
#include "server/net/https.h"
#include "server/net/worker.h"
#include "server/provider/activate.h"
#include "server/provider/counts.h"
#include "server/provider/courier.h"
#include "server/provider/kept.h"
#include "server/provider/leases.h"
#include "server/provider/login_audit.h"
#include "server/provider/peers.h"
#include "server/provider/throttle.h"

struct api {
	struct event_base *base;
	struct worker_pool *pool; /* each thread's own is its struct store */
	struct activator *activator;
	struct courier *courier;
	struct peers *peers;
	const char *state; /* folder */
	struct throttle *throttle;
	struct login_cache *logins;
	struct login_audit *login_audit;
	struct leases *leases;
	struct signers *signers; /* policy for new tokens; NULL: none */
	bool require_hardware;   /* clients are told to refuse known software tokens */
	struct conf_capf capf;   /* as it was at the start, for what CAPF will do */
	struct counts counts;
	struct kept *kept;
	const struct log *log;
	struct log_limit strangers; /* for lines that anybody can cause */
	bool stopping;              /* answers are not held back any more */
};

/* A https_handler_fn; arg is the struct api. */
void api_handle(struct https_request *r, void *arg);

/* Whether a request may have the larger body: it brings a list from the first node. */
bool api_trusts(const struct https_request *r, void *arg);

#endif
