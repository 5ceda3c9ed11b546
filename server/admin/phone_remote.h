/* What the commands about phones and templates share. */
#ifndef SERVER_ADMIN_PHONE_REMOTE_H
#define SERVER_ADMIN_PHONE_REMOTE_H

#include "server/admin/remote.h"

/* Which phones: options for lists and exports. */
#define REMOTE_PHONE_FILTER                                                                        \
	{"name", "NAME", REMOTE_QUERY, "name", "Called so"},                                       \
		{"description", "TEXT", REMOTE_QUERY, "description", "Described so"},              \
		{"owner", "TEXT", REMOTE_QUERY, "owner", "Owned by"},                              \
		{"line", "DN", REMOTE_QUERY, "line", "With such a line"},                          \
		{"model", "MODEL", REMOTE_QUERY, "model", "Of that model"},                        \
		{"protocol", "PROTOCOL", REMOTE_QUERY, "protocol", "sccp or sip"},                 \
		{"profile", "NAME", REMOTE_QUERY, "profile", "With that security profile"},        \
		{"template", "NAME", REMOTE_QUERY, "template", "With that template"},              \
		{"digest-user", "NAME", REMOTE_QUERY, "digest_user", "With that digest user"},     \
		{"cert", "KIND", REMOTE_QUERY, "cert", "Certificates known here: none, lsc, mic"}, \
		{"capf", "STATUS", REMOTE_QUERY, "capf",                                           \
		 "CAPF operation: none, pending, failed, successful"},                             \
		{"reset", "pending", REMOTE_QUERY, "reset",                                        \
		 "That have not loaded their configuration since it changed"},                     \
	{                                                                                          \
		"auth-string", "DIGITS", REMOTE_KEPT, NULL, "With that authentication string"      \
	}

/* Called with one phone after the other, only lent. Not 0 ends it. */
typedef int remote_phone_fn(const json_t *phone, void *arg, struct err *e);

/* Every phone that the command's options find, page by page. */
int remote_each_phone(struct remote *r, remote_phone_fn *fn, void *arg, struct err *e);

/* A whole command: the secret parameter words[1] of words[0] in the collection. */
int remote_secret(struct remote *r, const char *collection, struct err *e);

/* The parameters of a phone or template, one a line. */
void remote_show_parameters(const json_t *doc);

/* For commands that ask nobody and know no option but --json: whether that was given. */
bool local_wants_json(const char *doc, int argc, char **argv);

#endif
