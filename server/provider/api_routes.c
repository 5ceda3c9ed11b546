/* Which path takes what, and who may use it. */
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
	{"DELETE", API_ROOT "/session/", AUTH_OFFICER, session_close, false},
	{"GET", API_ROOT "/audit", AUTH_AUDIT, audit_get, false},
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

/* True if path is what the route takes; *name is then its last segment, or NULL. */
static bool leads_to(const struct route *route, const char *path, const char **name)
{
	const size_t n = strlen(route->path);

	*name = NULL;
	if (route->path[n - 1] != '/')
		return !strcmp(route->path, path);
	if (strncmp(route->path, path, n) != 0 || !path[n] || strchr(path + n, '/'))
		return false;
	*name = path + n;
	return true;
}

const struct route *route_find(const char *method, const char *path, const char **name)
{
	for (size_t i = 0; i < ROUTES; i++)
		if (takes(&routes[i], method) && leads_to(&routes[i], path, name))
			return &routes[i];
	return NULL;
}

void route_methods(char text[ROUTE_METHODS_MAX], const char *path)
{
	const char *name;
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ROUTES; i++)
		if (leads_to(&routes[i], path, &name))
			n += (size_t)snprintf(text + n, ROUTE_METHODS_MAX - n, "%s%s%s",
					      n ? ", " : "", routes[i].method,
					      strcmp(routes[i].method, "GET") ? "" : ", HEAD");
}
