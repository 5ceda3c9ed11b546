/* ctlclient: the CTL client. */
#include "common/cli.h"
#include "common/secret.h"
#include "ctlclient/commands.h"

#include <curl/curl.h>

int main(int argc, char **argv)
{
	static const struct cli_cmd table[] = {
		{"token", "list|show|init|...", "security tokens at this desk", cmd_token},
		{"ctl", "create|update|show|...", "trust lists in files", cmd_ctl},
		{"cluster", "status|set-mode|...", "the trust list of a cluster", cmd_cluster},
		{NULL, NULL, NULL, NULL},
	};
	char program[] = "ctlclient";
	int rc;

	secret_harden_process();
	if (argc > 0)
		argv[0] = program;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = cli_dispatch(table,
			  "Signs the trust lists of Cisco-compatible IP phones with security "
			  "tokens.",
			  "Exit codes: 0 done, 1 failed, 2 usage, 3 a check said no, 4 token "
			  "trouble,\n5 the cluster changed meanwhile, 6 done on some nodes only.",
			  argc, argv, NULL);
	curl_global_cleanup();
	return rc;
}
