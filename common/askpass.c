#include "common/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_CLOSED = 3, SCRATCH = 256 };

/* Returns what posix_spawnp() returns: 0 or an errno. */
static int spawn(pid_t *pid, int out, const char *program, const char *prompt)
{
	char *const argv[] = {(char *)program, (char *)prompt, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int why;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	why = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!why)
		why = posix_spawn_file_actions_addclosefrom_np(&actions, FIRST_CLOSED);
	if (!why)
		why = posix_spawnattr_setsigmask(&attr, &none);
	if (!why)
		why = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	if (!why)
		why = posix_spawnp(pid, program, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return why;
}

int askpass_start(struct askpass *a, const char *program, const char *prompt, struct err *e)
{
	int fds[2];
	int why;

	if (pipe2(fds, O_CLOEXEC))
		return err_set(e, ERR_FAILED, "askpass", "cannot make a pipe: %s", strerror(errno));
	why = spawn(&a->pid, fds[1], program, prompt);
	close(fds[1]);
	if (why) {
		close(fds[0]);
		err_set(e, ERR_FAILED, "askpass", "cannot run the askpass program %s: %s", program,
			strerror(why));
		return err_hint(e, "CTL_ASKPASS or SSH_ASKPASS names it, or askpass:PROGRAM");
	}
	a->fd = fds[0];
	return 0;
}

/* To its end: a program that has more to say must not die of a closed pipe. */
static void read_rest(int fd)
{
	char rest[SCRATCH];
	ssize_t n;

	do
		n = read(fd, rest, sizeof(rest));
	while (n > 0 || (n < 0 && errno == EINTR));
	OPENSSL_cleanse(rest, sizeof(rest));
}

int askpass_end(struct askpass *a, const char *program, struct err *e)
{
	int status = 0;

	read_rest(a->fd);
	close(a->fd);
	while (waitpid(a->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_FAILED, "askpass", "cannot wait for %s: %s", program,
				       strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "askpass", "the askpass program %s was cancelled or failed",
		       program);
}
