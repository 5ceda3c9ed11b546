/* ctladmin: nodes and accounts. */
#include "common/cli.h"
#include "common/secret.h"
#include "server/admin/commands.h"

static int cmd_user(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"add", "NAME --role ROLE", "add an administrator's account", cmd_user_add},
		{0},
	};

	return cli_dispatch(table, "Accounts of administrators.", "", argc, argv, ctx);
}

static int cmd_node(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"init", "[NAME]", "make this host the first node of a cluster", cmd_node_init},
		{0},
	};

	return cli_dispatch(table, "Nodes of the cluster.", "", argc, argv, ctx);
}

int main(int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"node", "COMMAND ...", "nodes of the cluster: init", cmd_node},
		{"user", "COMMAND ...", "accounts of administrators: add", cmd_user},
		{0},
	};

	secret_harden_process();
	return cli_dispatch(table, "Administration of a ctlsuite cluster.", "", argc, argv, NULL);
}
