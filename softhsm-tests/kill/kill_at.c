#include "softhsm-tests/kill/kill_at.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kill_at *page;

__attribute__((constructor)) static void map_page(void)
{
	const char *path = getenv(KILL_AT_VARIABLE);
	const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		page = p;
}

static void step(void)
{
	if (!page)
		return;
	atomic_fetch_add(&page->seen, 1);
	if (atomic_load(&page->left) > 0 && atomic_fetch_sub(&page->left, 1) == 1)
		kill(getpid(), SIGKILL);
}

/* The one that would have been called. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define STEP(type, name, parameters, arguments)                                                    \
	__attribute__((visibility("default"))) type name parameters                                \
	{                                                                                          \
		step();                                                                            \
		return NEXT(name) arguments;                                                       \
	}

/* clang-format off */
STEP(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
STEP(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
STEP(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
STEP(ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags))
STEP(int, fsync, (int fd), (fd))
STEP(int, fdatasync, (int fd), (fd))
STEP(int, ftruncate, (int fd, off_t n), (fd, n))
STEP(int, ftruncate64, (int fd, off64_t n), (fd, n))
STEP(int, rename, (const char *from, const char *to), (from, to))
STEP(int, link, (const char *from, const char *to), (from, to))
STEP(int, unlink, (const char *path), (path))
/* clang-format on */
