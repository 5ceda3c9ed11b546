/* ctlcapfd: certificates for phones. */
#include "server/capf/service.h"

#include <sys/socket.h>

static const char *user(const struct conf *conf)
{
	return conf->capf.user;
}

static size_t endpoints(const struct conf *conf, struct daemon_endpoint *list)
{
	list[0] = (struct daemon_endpoint){SOCK_STREAM, "capf", &conf->capf.listen};
	return 1;
}

int main(int argc, char **argv)
{
	static const struct daemon_service capf = {
		.name = "ctlcapfd",
		.doc = "CAPF: issues, upgrades, deletes and reads back the certificates of phones, "
		       "TLS on port 3804. Runs on the first node.",
		.open = service_open,
		.close = service_close,
		.user = user,
		.endpoints = endpoints,
	};

	return daemon_main(&capf, argc, argv);
}
