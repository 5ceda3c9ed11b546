/* ctltftpd: serves the trust lists of this node over TFTP. */
#include "server/net/daemon.h"
#include "server/tftp/listener.h"
#include "server/tftp/source.h"

#include <stdlib.h>
#include <sys/socket.h>

struct service {
	struct source *source;
	struct listener *listener;
};

static void service_close(void *own)
{
	struct service *s = own;

	if (!s)
		return;
	listener_close(s->listener);
	source_close(s->source);
	free(s);
}

static int set_up(struct service *s, struct daemon *d, struct err *e)
{
	const struct conf *conf = daemon_conf(d);
	int fd = -1;
	int rc;

	(void)daemon_sockets(d, SOCK_DGRAM, NULL, &fd, 1);
	/* The port first: whoever comes second must not disturb the one that runs. */
	rc = listener_open(&s->listener, daemon_base(d), &conf->tftp, fd, daemon_log(d), e);
	if (!rc)
		rc = source_open(&s->source, conf->state, daemon_log(d), e);
	if (!rc)
		rc = listener_serve(s->listener, s->source, e);
	return rc;
}

static int service_open(void **own, struct daemon *d, struct err *e)
{
	const struct hostport *at = &daemon_conf(d)->tftp;
	struct service *s = calloc(1, sizeof(*s));
	int rc = s ? set_up(s, d, e) : err_nomem(e);

	if (rc) {
		service_close(s);
		return rc;
	}
	*own = s;
	daemon_ready(d, "version %s, listening at %s, UDP port %u", CTL_VERSION, at->host,
		     at->port);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct daemon_service tftp = {
		.name = "ctltftpd",
		.doc = "Serves CTLFile.tlv and CTLSEP<MAC>.tlv to phones over TFTP.",
		.open = service_open,
		.close = service_close,
	};

	return daemon_main(&tftp, argc, argv);
}
