/* ctlclient: the CTL client. */
#include "common/cli.h"
#include "common/secret.h"
#include "ctlclient/commands.h"
#include "ctlclient/pin_args.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

/* Options without a command are the wizard's, but for those that every program has. */
static bool is_for_wizard(int argc, char **argv)
{
	static const char *const others[] = {"--help", "-?", "--version", "-V"};

	if (argc < 2)
		return true;
	if (argv[1][0] != '-')
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(argv[1], others[i]))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"wizard", "[--plain]", "step by step; what runs without a command", cmd_wizard},
		{"token", "list|show|init|...", "security tokens at this desk", cmd_token},
		{"ctl", "create|update|show|...", "trust lists in files", cmd_ctl},
		{"file", "sign|verify|strip|...",
		 "files that phones download, signed and encrypted", cmd_file},
		{"cluster", "status|set-mode|...", "the trust list of a cluster", cmd_cluster},
		{"bundle", "show|sign", "changes of a cluster for a desk without a network",
		 cmd_bundle},
		{"transcript", "verify FILE", "records of signing ceremonies", cmd_transcript},
		{"doctor", "[URI]", "is this desk ready to sign? what is wrong, what mends it",
		 cmd_doctor},
		{NULL, NULL, NULL, NULL},
	};
	char program[] = "ctlclient";
	struct pin_args pins = {0};
	int rc;

	secret_harden_process();
	pin_args_hide(&pins, argc, argv);
	if (argc > 0)
		argv[0] = program;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (is_for_wizard(argc, argv))
		rc = cmd_wizard(argc, argv, NULL);
	else
		rc = cli_dispatch(
			table,
			"Signs the trust lists of Cisco-compatible IP phones with security "
			"tokens. Without a command\na wizard goes through it step by step, "
			"on a terminal.",
			"Exit codes: 0 done, 1 failed, 2 usage, 3 a check said no, 4 token "
			"trouble,\n5 the cluster changed meanwhile, 6 done on some nodes "
			"only.",
			argc, argv, NULL);
	curl_global_cleanup();
	pin_args_wipe(&pins);
	return rc;
}
