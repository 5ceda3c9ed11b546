#include "ctlclient/commands.h"

#include "common/cli.h"
#include "ctlclient/cluster_commands.h"

#include <stddef.h>

int cmd_cluster(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"show", "", "nodes, roles, addresses, certificates", cluster_show},
		{"status", "", "mode, list, who signed it, what is outdated", cluster_status},
		{"fetch", "-o FILE", "save the list that the phones get", cluster_fetch},
		{"history", "", "who changed the list, when, with which token", cluster_history},
		{"set-mode", "mixed|nonsecure --signer URI", "switch the cluster's security mode",
		 cluster_set_mode},
		{"update", "--signer URI", "bring the list in line with the cluster",
		 cluster_update},
		{"add-token", "URI|CERT --signer URI", "one more token may sign",
		 cluster_add_token},
		{"remove-token", "SERIAL --signer URI", "one token less may sign",
		 cluster_remove_token},
		{"add-tftp", "host=H,ip=A,cert=FILE --signer URI",
		 "phones may load from this server, too", cluster_add_tftp},
		{"remove-tftp", "H --signer URI", "and no longer from this one",
		 cluster_remove_tftp},
		{"request", "-o BUNDLE ...", "a change to be signed at a desk without a network",
		 cluster_request},
		{"push", "SIGNED", "send a list that was signed before", cluster_push},
		{NULL, NULL, NULL, NULL},
	};

	return cli_dispatch(
		table, "Works on a cluster through its provider.",
		"The provider, the account and how to know it come from --server, --user, --ca or "
		"the\nvariables CTL_PROVIDER, CTL_USER, CTL_PASSWORD_FILE, CTL_CA.",
		argc, argv, ctx);
}
