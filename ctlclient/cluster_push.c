/* ctlclient cluster push: a list that was signed elsewhere, or could not be delivered before. */
#include "ctlclient/cluster_commands.h"

#include "common/cli.h"
#include "ctlclient/cluster_session.h"
#include "ctlclient/link.h"
#include "ctlclient/push.h"

#include <stdio.h>
#include <string.h>

struct args {
	struct cluster_opts cluster;
	struct desk_opts desk;
	const char *file;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		a->cluster.desk = &a->desk;
		state->child_inputs[0] = &a->cluster;
		state->child_inputs[1] = &a->desk;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			argp_error(state, "\"%s\" is not expected here", arg);
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->file)
			argp_error(state, "which file? give what \"bundle sign\" or --save wrote");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int not_signed(const struct args *a, struct err *e)
{
	err_set(e, ERR_REFUSED, "bundle", "%s is a request: nothing in it is signed yet", a->file);
	return err_hint(e, "\"ctlclient bundle sign %s -o SIGNED --signer URI\" signs it", a->file);
}

/* Nothing is sent that phones would refuse anyway. */
static int check_list(const struct bundle *b, struct err *e)
{
	struct tl *list = NULL;
	int rc = tl_parse(&list, buf_view(&b->list), e);

	if (!rc)
		rc = tl_verify(list, TL_CTL_NAME, e);
	tl_free(list);
	return rc ? err_wrap(e, "the list in the bundle") : 0;
}

static int push(const struct bundle *b, const struct args *a, struct err *e)
{
	const struct push p = {
		.list = {.provider = b->provider,
			 .cluster = b->cluster,
			 .generation = b->generation,
			 .mixed = b->mixed,
			 .request = b->request,
			 .tftp = &b->tftp,
			 .list = buf_view(&b->list)},
		.kept = a->file,
		.json = a->cluster.json,
	};
	struct cluster_session session = {0};
	struct link *link = NULL;
	int rc = link_open(&link, &a->cluster, e);

	if (!rc)
		rc = cluster_session_open(&session, link_api(link), e);
	if (!rc)
		rc = push_list(link_api(link), &p, e);
	if (rc && !strcmp(e->id, "stale-generation"))
		cluster_session_tell_changes(link_api(link), b->generation);
	cluster_session_close(&session);
	link_close(link);
	return rc;
}

int cluster_push(int argc, char **argv, void *ctx)
{
	static const struct argp_child children[] = {
		{&options_cluster, 0, "Provider:", 1},
		{&options_desk, 0, "Token of the client certificate:", 2},
		{0}};
	static const struct argp argp = {
		NULL,
		parse,
		"SIGNED",
		"Sends a list to the provider that was signed before: by \"ctlclient bundle sign\" "
		"on a "
		"desk without a network, or here, when the provider did not answer. Exit code 5: "
		"the "
		"cluster has another list by now, so that a new request is needed.",
		children,
		NULL,
		NULL};
	struct args a = {0};
	struct bundle b = {0};
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = bundle_read(&b, a.file, &e);
	if (!rc && !b.is_signed)
		rc = not_signed(&a, &e);
	if (!rc)
		rc = check_list(&b, &e);
	if (!rc)
		rc = push(&b, &a, &e);
	if (rc)
		err_print(&e, argv[0]);
	bundle_free(&b);
	return rc;
}
