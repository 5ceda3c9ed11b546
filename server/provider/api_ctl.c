/* The cluster, its list, and what became of it: what clients read, and the commit. */
#include "server/provider/api_call.h"
#include "server/provider/api_change.h"

#include "common/clock.h"
#include "common/json.h"
#include "server/net/http_head.h"
#include "server/provider/commit.h"
#include "server/provider/ctl_body.h"
#include "server/provider/expiry.h"
#include "server/provider/node_api.h"
#include "server/provider/views.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	API_VERSION = 1,
	HISTORY_DEFAULT = 100,
	HISTORY_MAX = 1000,
	CHANGED_MAX = 20, /* generations that a conflict names */
	AWAIT_MS = 2000,  /* that the answer to a commit waits for the other nodes at most */
};

int version_get(struct call *c, struct store *s, struct err *e)
{
	(void)s;
	c->doc = json_pack("{s:s, s:s, s:i}", "product", "ctlsuite", "version", CTL_VERSION, "api",
			   API_VERSION);
	return c->doc ? 0 : err_nomem(e);
}

static void add_warning(const char *sentence, void *arg)
{
	json_array_append_new(arg, json_text(span_of(sentence, strlen(sentence))));
}

int cluster_get(struct call *c, struct store *s, struct err *e)
{
	json_t *warnings = json_array();
	struct store_node *nodes = NULL;
	size_t n = 0;
	int rc = store_servers(s, &nodes, &n, e);

	expiry_warn(nodes, n, time(NULL), add_warning, warnings);
	if (!rc)
		rc = view_cluster(&c->doc, s, e);
	if (!rc && (json_object_set(c->doc, "warnings", warnings) ||
		    json_object_set_new(c->doc, "require_hardware",
					json_boolean(c->api->require_hardware))))
		rc = err_nomem(e);
	json_decref(warnings);
	store_nodes_free(nodes, n);
	return rc;
}

int distribution_get(struct call *c, struct store *s, struct err *e)
{
	return view_distribution(&c->doc, s, e);
}

int history_get(struct call *c, struct store *s, struct err *e)
{
	const char *query = https_query(c->request);
	unsigned long limit = HISTORY_DEFAULT;

	if (*query && !http_query_number(query, "limit", &limit))
		return err_set(e, ERR_USAGE, "bad-request",
			       "the query is not limit=N, N from 0 to %d", HISTORY_MAX);
	return view_history(&c->doc, s, limit < HISTORY_MAX ? limit : HISTORY_MAX, e);
}

int ctl_get(struct call *c, struct store *s, struct err *e)
{
	const char *known = https_header(c->request, "If-None-Match");
	struct store_ctl ctl;
	char etag[ETAG_MAX];

	if (store_ctl_current(s, &ctl, e))
		return (int)e->kind;
	if (!ctl.generation) {
		err_set(e, ERR_FAILED, "no-ctl", "the cluster has no CTL yet");
		return err_hint(e, "sign the first one with two tokens: \"ctlclient cluster "
				   "set-mode mixed\"");
	}
	etag_text(etag, ctl.generation);
	c->generation = ctl.generation;
	if (known && (!strcmp(known, "*") || strstr(known, etag))) {
		c->status = 304;
	} else {
		c->type = "application/octet-stream";
		c->body = ctl.file;
		ctl.file = (struct buf){0};
	}
	store_ctl_free(&ctl);
	return 0;
}

static int parse_if_match(int64_t *generation, const char *field, struct err *e)
{
	if (!field) {
		err_set(e, ERR_USAGE, "no-generation",
			"If-Match is missing: it names the generation that the list was made from");
		return err_hint(e, "send If-Match: \"0\" for the first list, else the ETag of the "
				   "one it is made from");
	}
	return etag_parse(generation, field, e);
}

static bool is_type(const char *type, const char *want)
{
	return type && !strncasecmp(type, want, strlen(want)) &&
	       (type[strlen(want)] == '\0' || type[strlen(want)] == ';');
}

/* The body: the list as it is, or as JSON with TFTP servers beside it. */
static int read_body(struct commit *commit, struct ctl_body *body, const struct call *c,
		     struct err *e)
{
	const char *type = https_header(c->request, "Content-Type");
	int rc;

	if (is_type(type, "application/octet-stream")) {
		commit->list = https_body(c->request);
		return 0;
	}
	if (!is_type(type, "application/json"))
		return err_set(e, ERR_USAGE, "content-type",
			       "the body is neither of the type application/octet-stream nor "
			       "application/json");
	rc = ctl_body_read(body, https_body(c->request), e);
	commit->list = buf_view(&body->list);
	commit->tftps = body->tftps;
	commit->ntftps = body->ntftps;
	commit->gone = body->gone;
	commit->ngone = body->ngone;
	return rc;
}

/* What the client could not know of: the generations since the one it started from. */
static json_t *what_changed(struct store *s, const struct commit *commit)
{
	const int64_t behind = commit->present - commit->expected;
	json_t *history = NULL, *extra;
	struct err ignored;

	if (behind > 0)
		(void)view_history(&history, s,
				   (size_t)(behind < CHANGED_MAX ? behind : CHANGED_MAX), &ignored);
	extra = json_pack("{s:I, s:O?}", "generation", (json_int_t)commit->present, "changed",
			  json_object_get(history, "generations"));
	json_decref(history);
	return extra;
}

static int commit(struct call *c, struct commit *commit, struct store *s, struct err *e)
{
	struct ctl_body body = {0};
	int rc = node_api_must_be_first(s, e);

	if (!rc)
		rc = read_body(commit, &body, c, e);
	if (!rc)
		rc = parse_if_match(&commit->expected, https_header(c->request, "If-Match"), e);
	if (!rc)
		rc = commit_ctl(commit, s, c->api->log, e);
	if (rc && !strcmp(e->id, "stale-generation"))
		c->extra = what_changed(s, commit);
	ctl_body_free(&body);
	return rc;
}

static int push(struct call *c, struct store *s, struct err *e)
{
	struct commit accepted = {.user = c->login.user,
				  .address = https_peer(c->request),
				  .signers = c->api->signers};
	struct err not_active;
	json_t *more;
	int rc = commit(c, &accepted, s, e);

	if (rc)
		return rc;
	/* It is accepted whatever becomes of it now; the distribution tells. */
	(void)activate(c->api->activator, s, &not_active);
	courier_wake(c->api->courier);
	c->awaited = accepted.generation;
	c->await_until_ms = clock_ms() + AWAIT_MS;
	rc = view_distribution(&c->doc, s, e);
	more = json_pack("{s:I, s:s}", "generation", (json_int_t)accepted.generation,
			 "security_mode", view_mode(accepted.mixed));
	if (!rc && json_object_update(c->doc, more))
		rc = err_nomem(e);
	json_decref(more);
	return rc;
}

int ctl_put(struct call *c, struct store *s, struct err *e)
{
	struct lease brief;
	int rc = session_enter(c, &brief, e);

	if (rc)
		return rc;
	rc = push(c, s, e);
	session_leave(c, &brief);
	return rc;
}
