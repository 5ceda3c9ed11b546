#include "server/provider/metrics.h"

#include "common/bytes.h"
#include "common/clock.h"
#include "server/provider/api_call.h"
#include "server/provider/counts.h"
#include "server/provider/expiry.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One look at the store. */
struct look {
	struct api *api;
	struct https_request *request;
	bool whole; /* for /metrics; else only whether the store can be read */
	struct buf text;
	struct err e; /* kind ERR_OK: text counts */
};

/* ---- the format ---- */

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label(struct buf *b, const char *value)
{
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_u8(b, '\\');
		if (*value == '\n')
			buf_str(b, "\\n");
		else
			buf_u8(b, (uint8_t)*value);
	}
}

static void labelled(struct buf *b, const char *name, const char *key, const char *value,
		     int64_t number)
{
	buf_printf(b, "%s{%s=\"", name, key);
	label(b, value);
	buf_printf(b, "\"} %" PRId64 "\n", number);
}

/* ---- what the store says: on a worker ---- */

static void put_distribution(struct buf *b, const struct store_dist *list, size_t n,
			     const struct store_ctl *newest)
{
	const int64_t now = time(NULL);

	head(b, "ctlsuite_distribution_age_seconds", "gauge",
	     "Seconds since the newest CTL was accepted, for a node that does not serve it yet; 0 "
	     "for one that does.");
	for (size_t i = 0; i < n; i++) {
		const bool serves =
			list[i].state == STORE_ACTIVE && list[i].generation >= newest->generation;

		labelled(b, "ctlsuite_distribution_age_seconds", "node", list[i].name,
			 serves || now < newest->time ? 0 : now - newest->time);
	}
	head(b, "ctlsuite_distribution_generation", "gauge",
	     "Generation that the state of a node speaks of.");
	for (size_t i = 0; i < n; i++)
		labelled(b, "ctlsuite_distribution_generation", "node", list[i].name,
			 list[i].generation);
	head(b, "ctlsuite_distribution_failed", "gauge",
	     "1 if a node could not take the CTL over, else 0.");
	for (size_t i = 0; i < n; i++)
		labelled(b, "ctlsuite_distribution_failed", "node", list[i].name,
			 list[i].state == STORE_FAILED);
}

static void put_expiry(const struct store_node *n, const char *role, int64_t not_after, void *arg)
{
	struct buf *b = arg;

	buf_str(b, "ctlsuite_certificate_expiry_timestamp_seconds{node=\"");
	label(b, n->name);
	buf_str(b, "\",role=\"");
	label(b, role);
	buf_printf(b, "\"} %" PRId64 "\n", not_after);
}

static int put_store(struct buf *b, struct store *s, struct err *e)
{
	struct store_dist *dist = NULL;
	struct store_node *nodes = NULL;
	struct store_ctl newest = {0};
	size_t ndist = 0, nnodes = 0;
	int rc = store_ctl_current(s, &newest, e);

	if (!rc)
		rc = store_dist_list(s, &dist, &ndist, e);
	if (!rc)
		rc = store_nodes(s, &nodes, &nnodes, e);
	if (!rc) {
		head(b, "ctlsuite_ctl_generation", "gauge", "Generation of the newest CTL.");
		buf_printf(b, "ctlsuite_ctl_generation %" PRId64 "\n", newest.generation);
		head(b, "ctlsuite_security_mode_mixed", "gauge",
		     "1 if the cluster is in mixed mode, 0 if it is non-secure.");
		buf_printf(b, "ctlsuite_security_mode_mixed %d\n", newest.mixed);
		put_distribution(b, dist, ndist, &newest);
		head(b, "ctlsuite_certificate_expiry_timestamp_seconds", "gauge",
		     "End of a certificate, in seconds since 1970.");
		expiry_each(nodes, nnodes, put_expiry, b);
	}
	store_ctl_free(&newest);
	store_nodes_free(nodes, nnodes);
	free(dist);
	return rc;
}

static void run_look(void *job, void *own)
{
	struct look *l = job;
	int64_t counter;

	if (l->whole)
		(void)put_store(&l->text, own, &l->e);
	else
		(void)store_change_counter(own, &counter, &l->e);
}

/* ---- what the loop knows ---- */

static void put_counts(struct buf *b, const struct counts *c)
{
	head(b, "ctlsuite_requests_total", "counter", "Requests answered, by route and status.");
	for (size_t i = 0; i < c->nrequests; i++)
		buf_printf(b, "ctlsuite_requests_total{route=\"%s %s\",code=\"%d\"} %" PRIu64 "\n",
			   c->requests[i].method, c->requests[i].path, c->requests[i].status,
			   c->requests[i].n);
	head(b, "ctlsuite_logins_total", "counter",
	     "Logins, by result; a remembered one was verified shortly before.");
	buf_printf(b,
		   "ctlsuite_logins_total{result=\"accepted\"} %" PRIu64 "\n"
		   "ctlsuite_logins_total{result=\"remembered\"} %" PRIu64 "\n"
		   "ctlsuite_logins_total{result=\"refused\"} %" PRIu64 "\n"
		   "ctlsuite_logins_total{result=\"throttled\"} %" PRIu64 "\n",
		   c->logins_accepted, c->logins_remembered, c->logins_refused,
		   c->logins_throttled);
}

static void put_process(struct buf *b, struct api *a)
{
	struct lease list[LEASES_MAX];

	head(b, "ctlsuite_sessions", "gauge", "Configuration sessions that are open.");
	buf_printf(b, "ctlsuite_sessions %zu\n", leases_list(a->leases, clock_ms(), list));
	head(b, "ctlsuite_build_info", "gauge", "Version of the running program.");
	buf_printf(b, "ctlsuite_build_info{version=\"%s\"} 1\n", CTL_VERSION);
}

/* ---- answers ---- */

static void reply(struct https_request *r, int status, const char *type, struct span body)
{
	const struct https_reply answer = {.status = status, .type = type, .body = body};

	https_reply(r, &answer);
}

static void reply_text(struct https_request *r, int status, const char *text)
{
	reply(r, status, TEXT_TYPE, span_of(text, strlen(text)));
}

static void done_look(void *job)
{
	struct look *l = job;

	if (l->e.kind) {
		log_line(l->api->log, LOG_LEVEL_ERROR, "metrics: %s", l->e.what);
		reply_text(l->request, 503, "the store cannot be read\n");
	} else if (!l->whole) {
		reply_text(l->request, 200, "ready\n");
	} else {
		put_counts(&l->text, &l->api->counts);
		put_process(&l->text, l->api);
		reply(l->request, l->text.bad ? 500 : 200, METRICS_TYPE, buf_view(&l->text));
	}
	buf_free(&l->text);
	free(l);
}

static void look(struct api *a, struct https_request *r, bool whole)
{
	struct look *l = calloc(1, sizeof(*l));
	struct err e;

	if (l)
		*l = (struct look){.api = a, .request = r, .whole = whole};
	if (l && !worker_submit(a->pool, run_look, done_look, l, &e))
		return;
	free(l);
	reply_text(r, 503, "too busy\n");
}

void metrics_handle(struct https_request *r, void *arg)
{
	struct api *a = arg;
	const char *path = https_path(r);
	const char *method = https_method(r);

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		reply_text(r, 405, "GET, please\n");
	else if (!strcmp(path, "/healthz"))
		reply_text(r, 200, "alive\n");
	else if (!strcmp(path, "/metrics"))
		look(a, r, true);
	else if (!strcmp(path, "/readyz") && a->stopping)
		reply_text(r, 503, "stopping\n");
	else if (!strcmp(path, "/readyz"))
		look(a, r, false);
	else
		reply_text(r, 404, "there are /metrics, /healthz and /readyz\n");
}
