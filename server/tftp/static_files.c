#include "server/tftp/static_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int static_files_open(int *fd, const char *path, struct err *e)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	err_set(e, ERR_FAILED, "static", "cannot open the folder of static files %s: %s", path,
		strerror(errno));
	return err_hint(e, "make it, or correct \"static = \" in the section tftp of the "
			   "configuration");
}

/* ---- walking ---- */

/* The name in the folder that is part in another case; false if there is none. */
static bool find_case(int dir, char part[NAME_BYTES])
{
	const int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	bool found = false;

	if (!d) {
		if (again >= 0)
			close(again);
		return false;
	}
	for (int i = 0; !found && i < STATIC_LOOKS && (entry = readdir(d)); i++) {
		found = !strcasecmp(entry->d_name, part);
		if (found)
			memcpy(part, entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(d);
	return found;
}

/* Never through a symbolic link. O_NONBLOCK: a FIFO would wait for its other end. */
static int open_part(int dir, char part[NAME_BYTES], int flags)
{
	const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags;
	const int fd = openat(dir, part, how);

	if (fd >= 0 || errno != ENOENT || !find_case(dir, part))
		return fd;
	return openat(dir, part, how);
}

/* The next part of the name up to its slash or end. */
static const char *take_part(const char *at, char part[NAME_BYTES])
{
	const size_t n = strcspn(at, "/");

	memcpy(part, at, n);
	part[n] = '\0';
	return at[n] ? at + n + 1 : NULL;
}

static int open_beneath(int root, const struct name *n)
{
	const char *at = n->text;
	char part[NAME_BYTES];
	int dir = root;

	for (int depth = 0; depth <= STATIC_DEPTH; depth++) {
		int next;

		at = take_part(at, part);
		next = open_part(dir, part, at ? O_DIRECTORY : 0);
		if (dir != root) {
			const int why = errno;

			close(dir);
			errno = why;
		}
		if (!at || next < 0)
			return next;
		dir = next;
	}
	close(dir);
	errno = ENOENT;
	return -1;
}

/* ---- making ---- */

static void tag_of(struct catalog_tag *tag, const struct stat *st)
{
	const struct {
		uint64_t dev, ino, size, s, ns;
	} what = {st->st_dev, st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_ctim.tv_sec,
		  (uint64_t)st->st_ctim.tv_nsec};

	_Static_assert(sizeof(what) == STATIC_TAG, "a tag has to hold it");
	memset(tag, 0, sizeof(*tag));
	memcpy(tag->bytes, &what, sizeof(what));
}

static int read_all(struct buf *to, int fd, size_t size, struct err *e)
{
	uint8_t *room = buf_room(to, size);

	if (!room)
		return err_nomem(e);
	while (to->len < size) {
		const ssize_t n = read(fd, room + to->len, size - to->len);

		if (n <= 0)
			return err_set(e, ERR_FAILED, "static",
				       "a static file became shorter while it was read");
		to->len += (size_t)n;
	}
	return 0;
}

/* Takes fd over. */
static void make_content(struct catalog_job *j, int fd, const struct stat *st)
{
	struct buf bytes = {0};

	if (st->st_size > STATIC_MEMORY_MAX) {
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
		j->content = content_of_file(fd, (uint64_t)st->st_size,
					     span_of(j->tag.bytes, sizeof(j->tag.bytes)));
	} else {
		if (!read_all(&bytes, fd, (size_t)st->st_size, &j->e))
			j->content = content_new(&bytes);
		else
			buf_free(&bytes);
		close(fd);
	}
	if (j->content)
		j->made = CATALOG_MADE;
}

void static_files_make(struct catalog_job *j, void *own)
{
	const int fd = open_beneath(*(const int *)own, &j->name);
	struct stat st;

	err_set(&j->e, ERR_FAILED, "static", "cannot read the static file %s: %s", j->name.text,
		strerror(errno));
	j->content = NULL;
	if (fd < 0) {
		const bool out_of_files = errno == EMFILE || errno == ENFILE || errno == ENOMEM;

		j->made = out_of_files ? CATALOG_FAILED : CATALOG_NONE;
		return;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		j->made = CATALOG_NONE;
		return;
	}
	tag_of(&j->tag, &st);
	if (!memcmp(&j->tag, &j->was, sizeof(j->tag))) {
		close(fd);
		j->made = CATALOG_UNCHANGED;
		return;
	}
	make_content(j, fd, &st);
}
