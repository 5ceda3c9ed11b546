#include "ctlclient/commands.h"

#include "common/cli.h"
#include "ctlclient/ctl_commands.h"

#include <stddef.h>

int cmd_ctl(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"create", "-o FILE ...", "make and sign a first trust list", ctl_create},
		{"update", "-i OLD -o NEW ...", "change a list and sign it again", ctl_update},
		{"show", "FILE", "list what is in a file, and whether it verifies", ctl_show},
		{"verify", "FILE", "would phones take this file?", ctl_verify},
		{"diff", "OLD NEW", "what changes from one list to the other", ctl_diff},
		{NULL, NULL, NULL, NULL},
	};

	return cli_dispatch(table, "Works on trust lists in files; no server is needed.", "", argc,
			    argv, ctx);
}
