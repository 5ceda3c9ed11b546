/* One request on its way through the workers: what the files of the API's routes share. */
#ifndef SERVER_PROVIDER_API_CALL_H
#define SERVER_PROVIDER_API_CALL_H

#include "server/provider/api.h"
#include "server/provider/auth.h"
#include "server/provider/leases.h"
#include "server/provider/login_cache.h"

#include <jansson.h>

#define API_ROOT "/api/v1"

enum {
	NO_GENERATION = -1,
	ROUTE_NAME_MAX = 512, /* bytes of a name in a path, NUL included */
};

struct call;

/* Fills in the answer of the call; on a worker unless the route needs no login. */
typedef int route_fn(struct call *c, struct store *s, struct err *e);

struct route {
	const char *method;
	const char *path; /* a segment "*" stands for any: the call's name */
	enum auth_need need;
	route_fn *run;
	bool keep; /* the answer depends on nothing but the store, and every role may have it */
};

struct call {
	struct api *api;
	struct https_request *request;
	const struct route *route;
	char name[ROUTE_NAME_MAX]; /* the segment that "*" stands for, unescaped; "" without one */
	struct auth_login login;
	bool login_failed;
	bool known;      /* this login was verified a short while ago, */
	int64_t version; /* for this version of the account */
	uint8_t mac[LOGIN_MAC_LEN];
	bool has_mac;
	int64_t confirmed; /* the moment (kept.h) at which the account still was that version */
	int64_t moment;    /* now, when the request came; LOGIN_NO_MOMENT */
	struct err e;      /* kind ERR_OK: the answer below counts */
	int status;
	json_t *doc;      /* owned; becomes the body if there is one */
	json_t *extra;    /* owned; further members of a problem document, or NULL */
	const char *type; /* of the body */
	struct buf body;
	int64_t generation; /* for ETag; NO_GENERATION */
	struct event *later;
	X509 *cert; /* of a node, and what came with it; owned */
	STACK_OF(X509) * chain;
	int64_t awaited;        /* generation whose distribution the answer waits for; 0: none */
	int64_t await_until_ms; /* on the steady clock */
};

enum {
	ETAG_MAX = 32,
	ROUTE_METHODS_MAX = 64,
};

/* A generation as the fields ETag and If-Match have it: digits in quotes. */
void etag_text(char text[ETAG_MAX], int64_t generation);

/* ---- api_routes.c ---- */

/* The route for that method and path, and the name in it. NULL: there is none. */
const struct route *route_find(const char *method, const char *path, char name[ROUTE_NAME_MAX]);

/* The methods that a path takes, for people and for the field Allow; empty: there is nothing. */
void route_methods(char text[ROUTE_METHODS_MAX], const char *path);

/* ---- api.c; on the loop unless told ---- */

/* A worker_run_fn: logs in where the route needs it, and fills in the answer. On a worker; own is
 * its struct store. */
void call_run(void *job, void *own);

/* Sends the answer of the call, or its error as a problem document, and ends c. */
void call_answer(struct call *c);
void call_answer_later(struct call *c, unsigned ms);

/* As call_answer, when the other nodes have the list that was committed, or at await_until_ms. */
void call_await(struct call *c);

/* Sends that content with the status of the call; counts it. c stays. */
void call_send(struct call *c, const char *type, struct span body, int64_t generation);

/* Counts an answer of that status, for the metrics. */
void call_count(const struct call *c, int status);
void call_free(struct call *c);

/* ---- api_login.c ---- */

/* Takes a request in that needs an account: answers it from memory, refuses it, or hands it to the
 * workers. On the loop. */
void login_take(struct call *c);

/* Checks password and role, and notes new logins and refusals in the audit log. On a worker. */
int login_verify(struct call *c, struct store *s, struct err *e);

/* ---- the routes ---- */

route_fn version_get, cluster_get, ctl_get, ctl_put, distribution_get, history_get;
route_fn session_open, session_list, session_close;
route_fn audit_get;
route_fn profiles_get, profile_get, profile_post, profile_put, profile_patch, profile_delete;
route_fn templates_get, template_get, template_post, template_put, template_patch, template_delete;
route_fn digest_users_get, digest_user_put, digest_user_delete;
route_fn phones_get, phones_search, phones_import;
route_fn phone_get, phone_post, phone_put, phone_patch, phone_delete, phone_secrets;
route_fn capf_list, capf_get, capf_put, capf_report_get, capf_revoke, capf_crl;
route_fn capf_trust_list, capf_trust_put, capf_trust_delete;
route_fn capf_users_get, capf_user_post, capf_user_delete;
route_fn node_join, node_hello, node_get, node_put, node_lists;

/* For a request that changes the cluster: uses the session that its field Ctl-Session names, or
 * opens one for as long as the request takes. ERR_CONFLICT "client-limit". End it with
 * session_leave(). */
int session_enter(struct call *c, struct lease *brief, struct err *e);
void session_leave(struct call *c, const struct lease *brief);

#endif
