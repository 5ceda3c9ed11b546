#include "common/file_batch.h"

#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file: where it is now and where it will be. */
struct waiting {
	char *tmp, *path;
	size_t folder; /* its number */
};

struct file_batch {
	struct waiting *files;
	size_t n, room;
	char **folders; /* each once, in the order in which they came up */
	size_t nfolders, folders_room;
};

/* Room for one more element; false if out of memory. */
static bool grow(void *list, size_t n, size_t *room, size_t size)
{
	enum { FIRST = 64 };
	void **at = list;
	void *grown;

	if (n < *room)
		return true;
	grown = reallocarray(*at, *room ? 2 * *room : FIRST, size);
	if (!grown)
		return false;
	*at = grown;
	*room = *room ? 2 * *room : FIRST;
	return true;
}

struct file_batch *file_batch_new(void)
{
	return calloc(1, sizeof(struct file_batch));
}

/* Files of one folder come together, as a rule: the last one is looked at first. */
static int folder_of(size_t *number, struct file_batch *b, const char *path, struct err *e)
{
	char *copy = strdup(path);
	const char *dir = copy ? dirname(copy) : NULL;
	int rc = 0;

	for (size_t i = b->nfolders; dir && i > 0; i--) {
		if (strcmp(b->folders[i - 1], dir) != 0)
			continue;
		*number = i - 1;
		goto out;
	}
	*number = b->nfolders;
	if (!dir || !grow(&b->folders, b->nfolders, &b->folders_room, sizeof(*b->folders)))
		rc = err_nomem(e);
	if (!rc)
		rc = file_mkdirs(dir, 0755, e);
	if (!rc) {
		b->folders[b->nfolders] = strdup(dir);
		rc = b->folders[b->nfolders] ? 0 : err_nomem(e);
		b->nfolders += !rc;
	}
out:
	free(copy);
	return rc;
}

static int fail(const char *path, struct err *e)
{
	const int why = errno;

	err_set(e, ERR_FAILED, "file-write", "cannot write %s: %s", path, strerror(why));
	if (why == ENOSPC || why == EDQUOT)
		err_hint(e, "free some space on that file system and try again; the old file is "
			    "untouched");
	return ERR_FAILED;
}

static int write_tmp(const struct waiting *w, struct span data, mode_t mode, struct err *e)
{
	const int fd = mkostemp(w->tmp, O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return fail(w->path, e);
	if (fchmod(fd, mode) || file_write_all(fd, data))
		rc = fail(w->path, e);
	if (close(fd) && !rc)
		rc = fail(w->path, e);
	if (rc)
		unlink(w->tmp);
	return rc;
}

int file_batch_add(struct file_batch *b, const char *path, struct span data, mode_t mode,
		   struct err *e)
{
	struct waiting w = {0};
	int rc = folder_of(&w.folder, b, path, e);

	if (rc)
		return rc;
	w.path = strdup(path);
	if (!w.path || asprintf(&w.tmp, "%s.XXXXXX", path) < 0 ||
	    !grow(&b->files, b->n, &b->room, sizeof(*b->files)))
		rc = err_nomem(e);
	if (!rc)
		rc = write_tmp(&w, data, mode, e);
	if (rc) {
		free(w.path);
		free(w.tmp);
		return rc;
	}
	b->files[b->n++] = w;
	return 0;
}

/* Calls sync (fsync or syncfs) for a folder. */
static int sync_folder(const char *path, int (*sync)(int fd), struct err *e)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int failed = fd < 0 || sync(fd);
	const int rc = failed ? fail(path, e) : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* One call per file system. */
static int sync_contents(const struct file_batch *b, struct err *e)
{
	dev_t last = 0;

	for (size_t i = 0; i < b->nfolders; i++) {
		struct stat st;

		if (stat(b->folders[i], &st))
			return fail(b->folders[i], e);
		if (i && st.st_dev == last)
			continue;
		last = st.st_dev;
		if (sync_folder(b->folders[i], syncfs, e))
			return ERR_FAILED;
	}
	return 0;
}

static void forget(struct file_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->files[i].tmp)
			unlink(b->files[i].tmp);
		free(b->files[i].tmp);
		free(b->files[i].path);
	}
	for (size_t i = 0; i < b->nfolders; i++)
		free(b->folders[i]);
	b->n = b->nfolders = 0;
}

int file_batch_commit(struct file_batch *b, struct err *e)
{
	int rc = sync_contents(b, e);

	for (size_t i = 0; !rc && i < b->n; i++) {
		struct waiting *w = &b->files[i];

		if (rename(w->tmp, w->path)) {
			rc = fail(w->path, e);
			break;
		}
		free(w->tmp);
		w->tmp = NULL;
	}
	for (size_t i = 0; !rc && i < b->nfolders; i++)
		rc = sync_folder(b->folders[i], fsync, e);
	forget(b);
	return rc;
}

void file_batch_free(struct file_batch *b)
{
	if (!b)
		return;
	forget(b);
	free(b->files);
	free(b->folders);
	free(b);
}
