#include "server/store/notify.h"

#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RUN_FOLDER "run"
#define SOCKET_SUFFIX ".sock"

/* The folder STATE/run and a descriptor of it. */
struct run {
	char *path; /* owned */
	int fd;
};

static void run_close(struct run *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->path);
}

static int run_open(struct run *r, const char *state, struct err *e)
{
	r->fd = -1;
	r->path = file_join(state, RUN_FOLDER);
	if (!r->path)
		return err_nomem(e);
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd >= 0)
		return 0;
	err_set(e, ERR_FAILED, "notify", "cannot open the folder %s: %s", r->path, strerror(errno));
	err_hint(e, "\"ctladmin node init\" makes it");
	run_close(r);
	return ERR_FAILED;
}

/* A path that does not fit into an address is reached through the folder's descriptor. False if
 * even that is too long. */
static bool address(struct sockaddr_un *a, const struct run *r, const char *name)
{
	const size_t size = sizeof(a->sun_path);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	return (size_t)snprintf(a->sun_path, size, "%s/%s", r->path, name) < size ||
	       (size_t)snprintf(a->sun_path, size, "/proc/self/fd/%d/%s", r->fd, name) < size;
}

static bool socket_name(char name[NAME_MAX + 1], const char *service)
{
	return snprintf(name, NAME_MAX + 1, "%s" SOCKET_SUFFIX, service) <= NAME_MAX;
}

int notify_listen(int *fd, const char *state, const char *service, struct err *e)
{
	char name[NAME_MAX + 1];
	struct sockaddr_un a;
	struct run r;
	int s = -1;
	int rc = 0;

	if (run_open(&r, state, e))
		return (int)e->kind;
	if (!socket_name(name, service) || !address(&a, &r, name)) {
		rc = err_set(e, ERR_FAILED, "notify", "the name of the service \"%s\" is too long",
			     service);
		goto out;
	}
	(void)unlinkat(r.fd, name, 0);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (const struct sockaddr *)&a, sizeof(a))) {
		rc = err_set(e, ERR_FAILED, "notify", "cannot listen as %s/%s: %s", r.path, name,
			     strerror(errno));
		goto out;
	}
	*fd = s;
	s = -1;
out:
	if (s >= 0)
		close(s);
	run_close(&r);
	return rc;
}

void notify_close(int fd, const char *state, const char *service)
{
	char name[NAME_MAX + 1];
	struct err ignored;
	struct run r;

	close(fd);
	if (run_open(&r, state, &ignored))
		return;
	if (socket_name(name, service))
		(void)unlinkat(r.fd, name, 0);
	run_close(&r);
}

void notify_drain(int fd)
{
	char byte;

	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0 || errno == EINTR)
		;
}

static void tell(int s, const struct run *r, const char *name)
{
	const size_t n = strlen(name), suffix = strlen(SOCKET_SUFFIX);
	struct sockaddr_un a;

	if (n < suffix || strcmp(name + n - suffix, SOCKET_SUFFIX) != 0 || !address(&a, r, name))
		return;
	(void)sendto(s, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&a, sizeof(a));
}

void notify_all(const char *state)
{
	const int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct dirent *entry;
	struct err ignored;
	struct run r;
	DIR *folder;

	if (s < 0)
		return;
	if (run_open(&r, state, &ignored))
		goto out;
	folder = opendir(r.path);
	while (folder && (entry = readdir(folder)))
		tell(s, &r, entry->d_name);
	if (folder)
		closedir(folder);
	run_close(&r);
out:
	close(s);
}
