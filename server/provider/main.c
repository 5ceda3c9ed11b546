/* ctlproviderd: the CTL provider. */
#include "server/net/daemon.h"
#include "server/provider/service.h"

#include <sys/socket.h>

static const char *user(const struct conf *conf)
{
	return conf->provider_user;
}

static size_t endpoints(const struct conf *conf, struct daemon_endpoint *list)
{
	size_t n = 0;

	list[n++] = (struct daemon_endpoint){SOCK_STREAM, "provider", &conf->provider};
	if (*conf->metrics.host)
		list[n++] = (struct daemon_endpoint){SOCK_STREAM, "metrics", &conf->metrics};
	return n;
}

int main(int argc, char **argv)
{
	static const struct daemon_service provider = {
		.name = "ctlproviderd",
		.doc = "The CTL provider: checks and keeps the cluster's CTL, HTTPS on port 2444.",
		.open = service_open,
		.close = service_close,
		.stop = service_stop,
		.reload = service_reload,
		.user = user,
		.endpoints = endpoints,
	};

	return daemon_main(&provider, argc, argv);
}
