/* ctltftpd: serves what phones download, over TFTP and HTTP. */
#include "server/net/daemon.h"
#include "server/tftp/service.h"

int main(int argc, char **argv)
{
	static const struct daemon_service tftp = {
		.name = "ctltftpd",
		.doc = "Serves trust lists, configurations and static files to phones over TFTP "
		       "and HTTP.",
		.open = service_open,
		.close = service_close,
	};

	return daemon_main(&tftp, argc, argv);
}
