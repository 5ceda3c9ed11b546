/* ctladmin: nodes and accounts. */
#include "common/cli.h"
#include "common/secret.h"
#include "server/admin/commands.h"

static int cmd_user(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"add", "NAME --role ROLE", "add an administrator's account", cmd_user_add},
		{"list", "", "list the accounts", cmd_user_list},
		{"set-role", "NAME ROLE", "give an account another role", cmd_user_set_role},
		{"passwd", "NAME", "give an account another password", cmd_user_passwd},
		{"lock", "NAME", "lock an account", cmd_user_lock},
		{"unlock", "NAME", "open a locked account again", cmd_user_unlock},
		{"cert", "NAME CERT|none", "demand a client certificate", cmd_user_cert},
		{"remove", "NAME", "remove an account", cmd_user_remove},
		{0},
	};

	return cli_dispatch(table, "Accounts of administrators.", "", argc, argv, ctx);
}

static int cmd_audit(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"list", "", "show the newest rows", cmd_audit_list},
		{"verify", "[--against FILE]", "check that nothing was changed", cmd_audit_verify},
		{"export", "[-o FILE]", "write all of it as JSON", cmd_audit_export},
		{0},
	};

	return cli_dispatch(table, "The audit log: who decided what.", "", argc, argv, ctx);
}

static int cmd_backup(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"create", "FILE", "save store and keys of this node", cmd_backup_create},
		{"restore", "FILE", "make a node from a backup", cmd_backup_restore},
		{0},
	};

	return cli_dispatch(table, "Backups of a node.", "", argc, argv, ctx);
}

static int cmd_export(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"tftp", "DIR", "what phones download, as a tree of files", cmd_export_tftp},
		{0},
	};

	return cli_dispatch(table, "For servers of other makers.", "", argc, argv, ctx);
}

static int cmd_node(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"init", "[NAME]", "make this host the first node of a cluster", cmd_node_init},
		{"invite", "NAME", "let a further node join, once", cmd_node_invite},
		{"join", "NAME", "make this host a further node", cmd_node_join},
		{"list", "", "list the nodes", cmd_node_list},
		{"show", "[NAME]", "show a node with its certificates", cmd_node_show},
		{"remove", "NAME", "remove a node", cmd_node_remove},
		{"renew-cert", "ROLE", "new key and certificate for a role", cmd_node_renew},
		{"set-address", "[NODE]", "another name or address", cmd_node_set_address},
		{0},
	};

	return cli_dispatch(table, "Nodes of the cluster.", "", argc, argv, ctx);
}

int main(int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"node", "COMMAND ...", "nodes of the cluster", cmd_node},
		{"user", "COMMAND ...", "accounts of administrators", cmd_user},
		{"audit", "COMMAND ...", "the audit log", cmd_audit},
		{"backup", "COMMAND ...", "backups of a node", cmd_backup},
		{"export", "tftp DIR", "files for other TFTP servers", cmd_export},
		{0},
	};

	secret_harden_process();
	return cli_dispatch(table, "Administration of a ctlsuite cluster.", "", argc, argv, NULL);
}
