/* What the commands about nodes take on the command line. */
#ifndef SERVER_ADMIN_NODE_ARGS_H
#define SERVER_ADMIN_NODE_ARGS_H

#include "common/cli.h"
#include "server/store/store.h"

struct node_args {
	const char *words[2]; /* up to nwords_max */
	size_t nwords, nwords_min, nwords_max;
	const char *name, *ip, *provider, *valid, *at, *token, *token_source, *listen;
	const char *organization, *unit, *certificate, *conf, *state;
	bool json, yes;
};

enum {
	OPT_NODE_STATE = 1000,
	OPT_NODE_JSON,
	OPT_NODE_YES,
	OPT_NODE_NAME,
	OPT_NODE_IP,
	OPT_NODE_PROVIDER,
	OPT_NODE_VALID,
	OPT_NODE_AT,
	OPT_NODE_TOKEN,
	OPT_NODE_TOKEN_SOURCE,
	OPT_NODE_LISTEN,
	OPT_NODE_ORGANIZATION,
	OPT_NODE_UNIT,
	OPT_NODE_CERTIFICATE,
};

/* For the tables of options. */
#define NODE_OPTIONS_WHERE                                                                         \
	{"config", 'c', "FILE", 0, "Configuration (/etc/ctlsuite/ctlsuite.conf)", 1},              \
	{                                                                                          \
		"state", OPT_NODE_STATE, "DIR", 0, "Folder of the node's state", 1                 \
	}
#define NODE_OPTION_JSON                                                                           \
	{                                                                                          \
		"json", OPT_NODE_JSON, NULL, 0, "One JSON document", 0                             \
	}
#define NODE_OPTION_YES                                                                            \
	{                                                                                          \
		"yes", OPT_NODE_YES, NULL, 0, "Do not ask", 0                                      \
	}

/* A whole command: parses with that table, opens the store, calls fn with it, prints the error.
 * Returns the exit code. */
typedef int node_cmd_fn(const struct node_args *a, struct store *s, const char *state,
			struct err *e);
int node_cmd(struct node_args *a, const struct argp_option *options, const char *args_doc,
	     const char *doc, enum store_access access, node_cmd_fn *fn, int argc, char **argv);

#endif
