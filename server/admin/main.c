/* ctladmin: nodes, accounts and phones. */
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

static int cmd_profile(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"add", "NAME --protocol P", "add a security profile", cmd_profile_add},
		{"copy", "NAME NEW-NAME", "add one that is like another", cmd_profile_copy},
		{"set", "NAME", "change a profile", cmd_profile_set},
		{"rename", "NAME NEW-NAME", "give it another name", cmd_profile_rename},
		{"show", "NAME", "show a profile", cmd_profile_show},
		{"list", "", "list the profiles", cmd_profile_list},
		{"remove", "NAME...", "remove profiles that no phone has", cmd_profile_remove},
		{0},
	};

	return cli_dispatch(table, "Security profiles of phones.", "", argc, argv, ctx);
}

static int cmd_template(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"add", "NAME [--hardened]", "add a template", cmd_template_add},
		{"set", "NAME", "change a template", cmd_template_set},
		{"secret", "NAME PARAMETER", "set a secret parameter", cmd_template_secret},
		{"rename", "NAME NEW-NAME", "give it another name", cmd_template_rename},
		{"show", "NAME", "show a template", cmd_template_show},
		{"list", "", "list the templates", cmd_template_list},
		{"remove", "NAME...", "remove templates that no phone has", cmd_template_remove},
		{"parameters", "", "list the parameters there are", cmd_template_parameters},
		{0},
	};

	return cli_dispatch(table, "Parameters that many phones share: hardening, as a rule.", "",
			    argc, argv, ctx);
}

static int cmd_digest_user(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"set", "NAME", "make a user, or give it another password", cmd_digest_set},
		{"list", "", "list the users", cmd_digest_list},
		{"remove", "NAME...", "remove users that no phone has", cmd_digest_remove},
		{0},
	};

	return cli_dispatch(table, "Users that SIP phones authenticate as, with digests.", "", argc,
			    argv, ctx);
}

static int cmd_capf(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"set", "NAME OPERATION", "schedule what a phone shall do", cmd_capf_set},
		{"generate", "NAME", "schedule a certificate, with a new string",
		 cmd_capf_generate},
		{"explain", "NAME", "what happens next, and what is missing", cmd_capf_explain},
		{"find", "[--status S]", "list operations", cmd_capf_find},
		{"watch", "", "show progress until nothing is pending", cmd_capf_watch},
		{"report", "", "all phones as CSV, with their strings", cmd_capf_report},
		{"revoke", "SERIAL", "revoke a certificate", cmd_capf_revoke},
		{"crl", "FILE", "write the list of revoked certificates", cmd_capf_crl},
		{"authority", "", "make the certificate of a key on a token", cmd_capf_authority},
		{"csr", "COMMAND ...", "certificates from a third-party authority", cmd_capf_csr},
		{"trust", "COMMAND ...", "manufacturers whose MICs are believed", cmd_capf_trust},
		{"user", "COMMAND ...", "instances of applications and users", cmd_capf_user},
		{0},
	};

	return cli_dispatch(table, "Certificates of phones (CAPF).", "", argc, argv, ctx);
}

static int cmd_phone(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"add", "NAME --model M --protocol P", "add a phone", cmd_phone_add},
		{"set", "NAME", "change a phone", cmd_phone_set},
		{"rename", "NAME NEW-NAME", "put another device in its place", cmd_phone_rename},
		{"show", "NAME", "show a phone", cmd_phone_show},
		{"secrets", "NAME", "show what is secret of it", cmd_phone_secrets},
		{"list", "[--profile P] ...", "list phones", cmd_phone_list},
		{"find", "[--profile P] ...", "the same", cmd_phone_list},
		{"remove", "NAME...", "remove phones", cmd_phone_remove},
		{"cert", "NAME --lsc|--mic FILE", "set its certificates by hand", cmd_phone_cert},
		{"key", "NAME --generate", "set the key that is typed into it", cmd_phone_key},
		{"secret", "NAME PARAMETER", "set a secret parameter", cmd_phone_secret},
		{"import", "FILE", "import phones from CSV", cmd_phone_import},
		{"export", "", "export phones as CSV", cmd_phone_export},
		{"models", "", "list the models there are", cmd_phone_models},
		{0},
	};

	return cli_dispatch(table, "Phones.", "", argc, argv, ctx);
}

int main(int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"node", "COMMAND ...", "nodes of the cluster", cmd_node},
		{"user", "COMMAND ...", "accounts of administrators", cmd_user},
		{"capf", "COMMAND ...", "certificates of phones", cmd_capf},
		{"phone", "COMMAND ...", "phones", cmd_phone},
		{"profile", "COMMAND ...", "security profiles of phones", cmd_profile},
		{"template", "COMMAND ...", "parameters that phones share", cmd_template},
		{"digest-user", "COMMAND ...", "users for SIP digest", cmd_digest_user},
		{"audit", "COMMAND ...", "the audit log", cmd_audit},
		{"backup", "COMMAND ...", "backups of a node", cmd_backup},
		{"export", "tftp DIR", "files for other TFTP servers", cmd_export},
		{0},
	};

	secret_harden_process();
	return cli_dispatch(table, "Administration of a ctlsuite cluster.", "", argc, argv, NULL);
}
