#include "softhsm-tests/kill/rig.h"

#include "common/file.h"
#include "phone/tftp_get.h"
#include "server/store/store.h"
#include "trustfile/list.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLKSIZE = 1024, VARIABLES_MAX = 512 };

static const char *const programs[RIG_SERVICES] = {"ctlproviderd", "ctltftpd"};

int64_t rig_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void rig_pause_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static int broken(struct err *e, const char *what)
{
	return err_set(e, ERR_FAILED, "rig", "%s: %s", what, strerror(errno));
}

/* ---- the services ---- */

static void pid_path(char path[RIG_PATH_MAX], const struct rig_node *node, enum rig_service service)
{
	snprintf(path, RIG_PATH_MAX, "%.400s/%s.pid", node->folder, programs[service]);
}

static void note_pid(const struct rig_node *node, enum rig_service service)
{
	char path[RIG_PATH_MAX];
	FILE *f;

	pid_path(path, node, service);
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "%d\n", (int)node->pids[service]);
		fclose(f);
	}
}

/* Ours and, for a provider, what makes it count its steps. */
static void set_variables(const char *list[VARIABLES_MAX], const struct rig *r,
			  const struct rig_node *node, enum rig_service service)
{
	static char notify[RIG_PATH_MAX + 32], page[RIG_PATH_MAX + 32], preload[RIG_PATH_MAX + 32];
	static char order[] = "ASAN_OPTIONS=exitcode=99:verify_asan_link_order=0";
	const bool counts = service == RIG_PROVIDER && !r->undisturbed;
	size_t n = 0;

	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", r->notify);
	snprintf(page, sizeof(page), KILL_AT_VARIABLE "=%s/kill_at", node->folder);
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/libkill_at.so", getenv("CTL_TEST_BIN"));
	list[n++] = notify;
	if (counts) {
		list[n++] = page;
		list[n++] = preload;
		list[n++] = order;
	}
	for (char **v = environ; *v && n < VARIABLES_MAX - 1; v++)
		if (strncmp(*v, "ASAN_OPTIONS=", 13) != 0 || !counts)
			list[n++] = *v;
	list[n] = NULL;
}

static int spawn(const struct rig *r, struct rig_node *node, enum rig_service service,
		 struct err *e)
{
	char program[RIG_PATH_MAX], conf[RIG_PATH_MAX + 32], log[RIG_PATH_MAX + 32];
	char option[] = "-c", foreground[] = "--foreground";
	char *argv[] = {program, option, conf, foreground, NULL};
	const char *variables[VARIABLES_MAX];
	posix_spawn_file_actions_t files;
	int rc;

	snprintf(program, sizeof(program), "%s/%s", getenv("CTL_BIN"), programs[service]);
	snprintf(conf, sizeof(conf), "%s/ctlsuite.conf", node->folder);
	snprintf(log, sizeof(log), "%s/%s.log", node->folder, programs[service]);
	set_variables(variables, r, node, service);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	rc = posix_spawn(&node->pids[service], program, &files, NULL, argv, (char **)variables);
	posix_spawn_file_actions_destroy(&files);
	errno = rc;
	return rc ? broken(e, program) : 0;
}

/* Waits for READY=1 (sd_notify(3)). */
static int await_ready(const struct rig *r, const char *program, struct err *e)
{
	struct pollfd p = {.fd = r->notify_fd, .events = POLLIN};
	char text[1024];

	while (poll(&p, 1, RIG_PATIENCE_S * 1000) == 1) {
		const ssize_t n = recv(r->notify_fd, text, sizeof(text) - 1, 0);

		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, "READY=1"))
			return 0;
	}
	return err_set(e, ERR_FAILED, "rig", "%s does not become ready", program);
}

int rig_start(struct rig *r, struct rig_node *node, enum rig_service service, struct err *e)
{
	int rc = spawn(r, node, service, e);

	if (rc)
		return rc;
	note_pid(node, service);
	return await_ready(r, programs[service], e);
}

void rig_kill(struct rig_node *node, enum rig_service service)
{
	if (node->pids[service] <= 0)
		return;
	kill(node->pids[service], SIGKILL);
	waitpid(node->pids[service], NULL, 0);
	node->pids[service] = 0;
}

bool rig_died(struct rig_node *node)
{
	const pid_t pid = node->pids[RIG_PROVIDER];

	if (pid > 0 && waitpid(pid, NULL, WNOHANG) != pid)
		return false;
	node->pids[RIG_PROVIDER] = 0;
	return true;
}

/* ---- beginning and end ---- */

static int listen_for_ready(struct rig *r, const char *folder, struct err *e)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(r->notify, sizeof(r->notify), "%.90s/ready", folder);
	snprintf(name.sun_path, sizeof(name.sun_path), "%.100s", r->notify);
	unlink(r->notify);
	r->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->notify_fd < 0 || bind(r->notify_fd, (struct sockaddr *)&name, sizeof(name)))
		return broken(e, r->notify);
	return 0;
}

static int map_page(struct rig_node *node, struct err *e)
{
	char path[RIG_PATH_MAX + 32];
	void *p = MAP_FAILED;
	int fd;

	snprintf(path, sizeof(path), "%s/kill_at", node->folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && !ftruncate(fd, sizeof(*node->kill_at)))
		p = mmap(NULL, sizeof(*node->kill_at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return broken(e, path);
	node->kill_at = p;
	return 0;
}

static int find_node(struct rig_node *node, const char *folder, size_t number, struct err *e)
{
	char variable[32] = "CTL_TFTP";
	const char *tftp;

	if (number > 1)
		snprintf(variable, sizeof(variable), "CTL_TFTP_%zu", number);
	tftp = getenv(variable);
	if (!tftp)
		return err_set(e, ERR_USAGE, "rig", "%s is not set", variable);
	snprintf(node->folder, sizeof(node->folder), "%.400s/node%zu", folder, number);
	snprintf(node->state, sizeof(node->state), "%.450s/state", node->folder);
	snprintf(node->list, sizeof(node->list), "%.450s/tftp/" TL_CTL_NAME, node->state);
	if (hostport_parse(&node->tftp, tftp, 0, e) || map_page(node, e))
		return (int)e->kind;
	return 0;
}

int rig_open(struct rig *r, const char *folder, size_t nodes, struct err *e)
{
	int rc = listen_for_ready(r, folder, e);

	for (size_t i = 0; !rc && i < nodes; i++, r->n++)
		rc = find_node(&r->nodes[i], folder, i + 1, e);
	for (size_t i = 0; !rc && i < nodes; i++)
		for (int service = 0; !rc && service < RIG_SERVICES; service++)
			rc = rig_start(r, &r->nodes[i], (enum rig_service)service, e);
	return rc;
}

void rig_close(struct rig *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->nodes[i].kill_at)
			munmap(r->nodes[i].kill_at, sizeof(*r->nodes[i].kill_at));
	close(r->notify_fd);
	unlink(r->notify);
}

/* ---- what a node has ---- */

int rig_generations(const struct rig_node *node, int64_t *newest, int64_t *active, struct err *e)
{
	struct store *s = NULL;
	struct store_ctl ctl = {0};
	struct store_active a = {0};
	int rc = store_open(&s, node->state, STORE_READ, e);

	if (!rc)
		rc = store_ctl_current(s, &ctl, e);
	if (!rc)
		rc = store_active_get(s, &a, e);
	*newest = ctl.generation;
	*active = a.generation;
	store_ctl_free(&ctl);
	buf_free(&a.file);
	store_close(s);
	return rc;
}

int rig_file(struct buf *out, const struct rig_node *node, struct err *e)
{
	return file_read(node->list, TL_FILE_MAX, out, e);
}

int rig_served(struct buf *out, const struct rig_node *node, struct err *e)
{
	const struct tftp_get how = {.server = node->tftp, .blksize = BLKSIZE, .max = TL_FILE_MAX};

	return tftp_get(out, &how, TL_CTL_NAME, e);
}
