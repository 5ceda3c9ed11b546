/* ctlcapfd: certificates for phones. */
#include "server/capf/service.h"

int main(int argc, char **argv)
{
	static const struct daemon_service capf = {
		.name = "ctlcapfd",
		.doc = "CAPF: issues, upgrades, deletes and reads back the certificates of phones, "
		       "TLS on port 3804. Runs on the first node.",
		.open = service_open,
		.close = service_close,
	};

	return daemon_main(&capf, argc, argv);
}
