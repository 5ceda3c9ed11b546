/* ctlproviderd: the CTL provider. */
#include "server/net/daemon.h"
#include "server/provider/service.h"

int main(int argc, char **argv)
{
	static const struct daemon_service provider = {
		.name = "ctlproviderd",
		.doc = "The CTL provider: checks and keeps the cluster's CTL, HTTPS on port 2444.",
		.open = service_open,
		.close = service_close,
		.stop = service_stop,
		.reload = service_reload,
	};

	return daemon_main(&provider, argc, argv);
}
