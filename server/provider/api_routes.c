/* Which path takes what, and who may use it. */
#include "server/net/http_head.h"
#include "server/provider/api_call.h"

#include <stdio.h>
#include <string.h>

static const struct route routes[] = {
	{"GET", API_ROOT "/version", AUTH_NONE, version_get, false},
	{"GET", API_ROOT "/cluster", AUTH_READ, cluster_get, true},
	{"GET", API_ROOT "/ctl", AUTH_READ, ctl_get, true},
	{"PUT", API_ROOT "/ctl", AUTH_OFFICER, ctl_put, false},
	{"GET", API_ROOT "/ctl/distribution", AUTH_READ, distribution_get, true},
	{"GET", API_ROOT "/ctl/history", AUTH_READ, history_get, false},
	{"GET", API_ROOT "/session", AUTH_READ, session_list, false},
	{"POST", API_ROOT "/session", AUTH_OFFICER, session_open, false},
	{"DELETE", API_ROOT "/session/*", AUTH_OFFICER, session_close, false},
	{"GET", API_ROOT "/audit", AUTH_AUDIT, audit_get, false},
	{"GET", API_ROOT "/phones", AUTH_READ, phones_get, false},
	{"POST", API_ROOT "/phones", AUTH_OPERATE, phone_post, false},
	{"POST", API_ROOT "/phones/search", AUTH_OPERATE, phones_search, false},
	{"POST", API_ROOT "/phones/import", AUTH_OPERATE, phones_import, false},
	{"GET", API_ROOT "/phones/*", AUTH_READ, phone_get, false},
	{"PUT", API_ROOT "/phones/*", AUTH_OPERATE, phone_put, false},
	{"PATCH", API_ROOT "/phones/*", AUTH_OPERATE, phone_patch, false},
	{"DELETE", API_ROOT "/phones/*", AUTH_OPERATE, phone_delete, false},
	{"GET", API_ROOT "/phones/*/secrets", AUTH_OPERATE, phone_secrets, false},
	{"GET", API_ROOT "/profiles", AUTH_READ, profiles_get, true},
	{"POST", API_ROOT "/profiles", AUTH_OPERATE, profile_post, false},
	{"GET", API_ROOT "/profiles/*", AUTH_READ, profile_get, false},
	{"PUT", API_ROOT "/profiles/*", AUTH_OPERATE, profile_put, false},
	{"PATCH", API_ROOT "/profiles/*", AUTH_OPERATE, profile_patch, false},
	{"DELETE", API_ROOT "/profiles/*", AUTH_OPERATE, profile_delete, false},
	{"GET", API_ROOT "/templates", AUTH_READ, templates_get, true},
	{"POST", API_ROOT "/templates", AUTH_OPERATE, template_post, false},
	{"GET", API_ROOT "/templates/*", AUTH_READ, template_get, false},
	{"PUT", API_ROOT "/templates/*", AUTH_OPERATE, template_put, false},
	{"PATCH", API_ROOT "/templates/*", AUTH_OPERATE, template_patch, false},
	{"DELETE", API_ROOT "/templates/*", AUTH_OPERATE, template_delete, false},
	{"GET", API_ROOT "/digest-users", AUTH_READ, digest_users_get, true},
	{"PUT", API_ROOT "/digest-users/*", AUTH_OPERATE, digest_user_put, false},
	{"DELETE", API_ROOT "/digest-users/*", AUTH_OPERATE, digest_user_delete, false},
	{"GET", API_ROOT "/capf/operations", AUTH_READ, capf_list, false},
	{"GET", API_ROOT "/capf/operations/*", AUTH_READ, capf_get, false},
	{"PUT", API_ROOT "/capf/operations/*", AUTH_OPERATE, capf_put, false},
	{"GET", API_ROOT "/capf/report.csv", AUTH_OPERATE, capf_report_get, false},
	{"POST", API_ROOT "/capf/revoke", AUTH_OPERATE, capf_revoke, false},
	{"GET", API_ROOT "/capf/crl", AUTH_READ, capf_crl, false},
	{"GET", API_ROOT "/capf/trust", AUTH_READ, capf_trust_list, false},
	{"PUT", API_ROOT "/capf/trust/*", AUTH_OFFICER, capf_trust_put, false},
	{"DELETE", API_ROOT "/capf/trust/*", AUTH_OFFICER, capf_trust_delete, false},
	{"GET", API_ROOT "/capf/users", AUTH_READ, capf_users_get, false},
	{"POST", API_ROOT "/capf/users", AUTH_OPERATE, capf_user_post, false},
	{"DELETE", API_ROOT "/capf/users/*", AUTH_OPERATE, capf_user_delete, false},
	{"POST", API_ROOT "/nodes/join", AUTH_NODE, node_join, false},
	{"POST", API_ROOT "/nodes/hello", AUTH_NODE, node_hello, false},
	{"GET", API_ROOT "/node", AUTH_NODE, node_get, false},
	{"GET", API_ROOT "/node/ctl", AUTH_NODE, node_lists, false},
	{"PUT", API_ROOT "/node/ctl", AUTH_NODE, node_put, false},
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* HEAD is GET whose body stays behind. */
static bool takes(const struct route *route, const char *method)
{
	return !strcmp(route->method, method) ||
	       (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

/* True if path is what the route takes. */
static bool leads_to(const struct route *route, const char *path, char name[ROUTE_NAME_MAX])
{
	const char *star = strchr(route->path, '*');
	const size_t before = star ? (size_t)(star - route->path) : 0;
	size_t n;

	name[0] = '\0';
	if (!star)
		return !strcmp(route->path, path);
	if (strncmp(route->path, path, before) != 0)
		return false;
	n = strcspn(path + before, "/");
	return n && !strcmp(star + 1, path + before + n) &&
	       http_unescape(name, ROUTE_NAME_MAX, path + before, n);
}

const struct route *route_find(const char *method, const char *path, char name[ROUTE_NAME_MAX])
{
	for (size_t i = 0; i < ROUTES; i++)
		if (takes(&routes[i], method) && leads_to(&routes[i], path, name))
			return &routes[i];
	return NULL;
}

void route_methods(char text[ROUTE_METHODS_MAX], const char *path)
{
	char name[ROUTE_NAME_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ROUTES; i++)
		if (leads_to(&routes[i], path, name))
			n += (size_t)snprintf(text + n, ROUTE_METHODS_MAX - n, "%s%s%s",
					      n ? ", " : "", routes[i].method,
					      strcmp(routes[i].method, "GET") ? "" : ", HEAD");
}
