/* ctltftpd: serves what phones download, over TFTP and HTTP. */
#include "server/net/daemon.h"
#include "server/tftp/service.h"

#include <sys/socket.h>

static const char *user(const struct conf *conf)
{
	return conf->tftp_user;
}

static size_t endpoints(const struct conf *conf, struct daemon_endpoint *list)
{
	list[0] = (struct daemon_endpoint){SOCK_DGRAM, "tftp", &conf->tftp};
	return 1;
}

int main(int argc, char **argv)
{
	static const struct daemon_service tftp = {
		.name = "ctltftpd",
		.doc = "Serves trust lists, configurations and static files to phones over TFTP "
		       "and HTTP.",
		.open = service_open,
		.close = service_close,
		.user = user,
		.endpoints = endpoints,
	};

	return daemon_main(&tftp, argc, argv);
}
