/* ctlcapfd: certificates for phones. */
#include "server/capf/service.h"

#include <malloc.h>
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

/* Memory that is free goes back to the system when it is much: glibc would give it back and fetch
 * it again with every phone, at a quarter of a millisecond each time. */
enum { TRIM_BYTES = 16 << 20 };

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

	(void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	return daemon_main(&capf, argc, argv);
}
