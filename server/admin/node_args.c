#include "server/admin/node_args.h"

#include "server/admin/state_opt.h"

#include <stdlib.h>

static void take_word(struct node_args *a, const char *word, struct argp_state *state)
{
	if (a->nwords == a->nwords_max)
		argp_error(state, "\"%s\" is not expected here", word);
	a->words[a->nwords++] = word;
}

/* Where the option's text goes; NULL if it is not one with a text. */
static const char **field_of(struct node_args *a, int key)
{
	switch (key) {
	case 'c':
		return &a->conf;
	case OPT_NODE_STATE:
		return &a->state;
	case OPT_NODE_NAME:
		return &a->name;
	case OPT_NODE_IP:
		return &a->ip;
	case OPT_NODE_PROVIDER:
		return &a->provider;
	case OPT_NODE_VALID:
		return &a->valid;
	case OPT_NODE_AT:
		return &a->at;
	case OPT_NODE_TOKEN:
		return &a->token;
	case OPT_NODE_TOKEN_SOURCE:
		return &a->token_source;
	case OPT_NODE_LISTEN:
		return &a->listen;
	case OPT_NODE_ORGANIZATION:
		return &a->organization;
	case OPT_NODE_UNIT:
		return &a->unit;
	case OPT_NODE_CERTIFICATE:
		return &a->certificate;
	default:
		return NULL;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct node_args *a = state->input;
	const char **field = field_of(a, key);

	if (field) {
		*field = arg;
		return 0;
	}
	switch (key) {
	case OPT_NODE_JSON:
		a->json = true;
		return 0;
	case OPT_NODE_YES:
		a->yes = true;
		return 0;
	case ARGP_KEY_ARG:
		take_word(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (a->nwords < a->nwords_min)
			argp_error(state, "something is missing: see the usage line");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int node_cmd(struct node_args *a, const struct argp_option *options, const char *args_doc,
	     const char *doc, enum store_access access, node_cmd_fn *fn, int argc, char **argv)
{
	const struct argp argp = {options, parse, args_doc, doc, NULL, NULL, NULL};
	struct store *s = NULL;
	char *state = NULL;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, a);
	rc = state_opt(&state, a->state, a->conf, &e);
	if (!rc)
		rc = store_open(&s, state, access, &e);
	if (!rc)
		rc = fn(a, s, state, &e);
	store_close(s);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}
