#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_CHUNK = 16384 };

static int read_fd(int fd, const char *path, size_t max, struct buf *out, struct err *e)
{
	const size_t start = out->len;

	for (;;) {
		uint8_t *to = buf_room(out, READ_CHUNK);
		ssize_t n;

		if (!to)
			return err_nomem(e);
		n = read(fd, to, READ_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_FAILED, "file-read", "cannot read %s: %s", path,
				       strerror(errno));
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		if (out->len - start > max)
			return err_set(e, ERR_FAILED, "file-too-large",
				       "%s is larger than the %zu bytes it may have", path, max);
	}
}

int file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_set(e, ERR_FAILED, errno == ENOENT ? "file-missing" : "file-read",
			       "cannot open %s: %s", path, strerror(errno));
	rc = read_fd(fd, path, max, out, e);
	close(fd);
	return rc;
}

int file_write_all(int fd, struct span data)
{
	while (data.len) {
		const ssize_t n = write(fd, data.data, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data.data += n;
		data.len -= (size_t)n;
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	char *copy = strdup(path);
	int fd = -1;
	int rc = -1;

	if (!copy)
		return -1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		rc = fsync(fd);
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

/* The temporary file is written and synced under its own name; publish() then gives it the final
 * one: rename() to replace, link() to create only. */
static int write_as(const char *path, struct span data, mode_t mode,
		    int (*publish)(const char *from, const char *to), struct err *e)
{
	char *tmp = NULL;
	int fd = -1;
	int rc = 0;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
		return err_nomem(e);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) || file_write_all(fd, data) || fsync(fd) ||
	    publish(tmp, path)) {
		const int why = errno;

		rc = err_set(e, ERR_FAILED, why == EEXIST ? "file-exists" : "file-write",
			     "cannot write %s: %s", path, strerror(why));
		if (why == ENOSPC || why == EDQUOT)
			err_hint(e, "free some space on that file system and try again; the old "
				    "file is untouched");
		goto out;
	}
	if (sync_folder_of(path))
		rc = err_set(e, ERR_FAILED, "file-write", "cannot sync the folder of %s: %s", path,
			     strerror(errno));
out:
	if (fd >= 0) {
		close(fd);
		unlink(tmp);
	}
	free(tmp);
	return rc;
}

int file_write(const char *path, struct span data, mode_t mode, struct err *e)
{
	return write_as(path, data, mode, rename, e);
}

int file_create(const char *path, struct span data, mode_t mode, struct err *e)
{
	return write_as(path, data, mode, link, e);
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char *copy = strdup(path);
	int rc = 0;

	if (!copy)
		return err_nomem(e);
	for (char *p = copy + 1;; p++) {
		const char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) && errno != EEXIST) {
			rc = err_set(e, ERR_FAILED, "file-write", "cannot make the folder %s: %s",
				     copy, strerror(errno));
			break;
		}
		*p = c;
		if (c == '\0')
			break;
	}
	free(copy);
	return rc;
}

char *file_state_dir(void)
{
	const char *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (xdg && *xdg)
		return file_join(xdg, "ctlsuite");
	return home && *home ? file_join(home, ".local/state/ctlsuite") : NULL;
}

char *file_join(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}
