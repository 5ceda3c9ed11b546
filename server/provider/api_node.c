#include "server/net/http_head.h"
#include "server/provider/api_call.h"
#include "server/provider/node_api.h"

/* The routes of node_api.h. */
typedef int node_fn(json_t **out, struct node_call *call, struct store *s, struct err *e);

static int pass_on(struct call *c, node_fn *fn, struct store *s, struct err *e)
{
	struct api *a = c->api;
	struct node_call call = {.state = a->state,
				 .log = a->log,
				 .activator = a->activator,
				 .peers = a->peers,
				 .from = {c->cert, c->chain},
				 .address = https_peer(c->request),
				 .body = https_body(c->request)};
	unsigned long after = 0;
	int rc;

	if (http_query_number(https_query(c->request), "after", &after))
		call.after = (int64_t)after;
	rc = fn(&c->doc, &call, s, e);

	if (call.news)
		courier_wake(a->courier);
	return rc;
}

int node_join(struct call *c, struct store *s, struct err *e)
{
	return pass_on(c, node_api_join, s, e);
}

int node_hello(struct call *c, struct store *s, struct err *e)
{
	return pass_on(c, node_api_hello, s, e);
}

int node_get(struct call *c, struct store *s, struct err *e)
{
	return pass_on(c, node_api_get, s, e);
}

int node_put(struct call *c, struct store *s, struct err *e)
{
	return pass_on(c, node_api_put, s, e);
}

int node_lists(struct call *c, struct store *s, struct err *e)
{
	return pass_on(c, node_api_lists, s, e);
}
