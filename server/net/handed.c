#include "server/net/handed.h"

#include "server/net/sockets.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* Takes fd and name over. */
static void add(struct handed *h, int fd, char *name)
{
	if (h->n < HANDED_MAX) {
		h->list[h->n].fd = fd;
		h->list[h->n++].name = name;
	} else {
		close(fd);
		free(name);
	}
}

void handed_take(struct handed *h)
{
	char **names = NULL;
	const int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++)
		add(h, SD_LISTEN_FDS_START + i, names[i]);
	free(names);
}

int handed_bind(struct handed *h, int type, const char *name, const struct hostport *at,
		struct err *e)
{
	int fds[HANDED_MAX];
	size_t n;
	int rc = sockets_bind(fds, HANDED_MAX - h->n, &n, type, at, e);

	for (size_t i = 0; i < n; i++)
		add(h, fds[i], strdup(name));
	return rc;
}

size_t handed_give(struct handed *h, int type, const char *name, int *fds, size_t most)
{
	const int listening = type == SOCK_STREAM ? 1 : -1;
	size_t n = 0;

	for (size_t i = 0; i < h->n && n < most; i++) {
		const char *its = h->list[i].name;

		if (h->list[i].fd < 0 || (name && (!its || strcmp(its, name) != 0)) ||
		    sd_is_socket(h->list[i].fd, AF_UNSPEC, type, listening) <= 0)
			continue;
		fds[n++] = h->list[i].fd;
		h->list[i].fd = -1;
	}
	return n;
}

void handed_drop(struct handed *h, const struct log *log)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->list[i].fd >= 0) {
			if (log)
				log_line(log, LOG_LEVEL_WARN,
					 "the service manager's socket \"%s\" is not used",
					 h->list[i].name ? h->list[i].name : "");
			close(h->list[i].fd);
		}
		free(h->list[i].name);
	}
	h->n = 0;
}
