#include "server/tftp/static_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SETTLED_S = 2 }; /* more than the clock of any file system is coarse */

/* The names in one folder, to find one in another case: most requests are for names that are not
 * there, and reading the folder anew for each of them would take longer than all the rest. */
struct names {
	char **list; /* n of them, sorted without case; owned */
	size_t n;
	struct timespec changed; /* the folder's time when they were read */
	bool settled;            /* it was long ago then: a later change has another time */
};

struct static_files {
	int root;
	struct names names; /* of root */
};

/* ---- the names in a folder ---- */

static int compare(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(struct names *names)
{
	while (names->n)
		free(names->list[--names->n]);
	free(names->list);
	*names = (struct names){0};
}

static bool names_add(struct names *names, size_t *room, const char *name)
{
	if (names->n == *room) {
		const size_t more = *room ? 2 * *room : 64;
		char **grown = realloc(names->list, more * sizeof(*grown));

		if (!grown)
			return false;
		names->list = grown;
		*room = more;
	}
	names->list[names->n] = strdup(name);
	return names->list[names->n] && ++names->n < STATIC_NAMES;
}

static void names_read(struct names *names, int dir)
{
	const int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	size_t room = 0;

	if (!d) {
		if (again >= 0)
			close(again);
		return;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && !names_add(names, &room, entry->d_name))
			break;
	closedir(d);
	if (names->n)
		qsort(names->list, names->n, sizeof(*names->list), compare);
}

/* The name among them that is part in another case; false if there is none. */
static bool names_find(const struct names *names, char part[NAME_BYTES])
{
	char *key = part, **found = NULL;

	if (names->n)
		found = bsearch(&key, names->list, names->n, sizeof(*names->list), compare);
	if (found)
		memcpy(part, *found, strlen(*found) + 1);
	return found != NULL;
}

/* The same for a folder below the root, which is read for it. */
static bool find_below(int dir, char part[NAME_BYTES])
{
	struct names names = {0};
	bool found;

	names_read(&names, dir);
	found = names_find(&names, part);
	names_free(&names);
	return found;
}

static bool find_case(struct static_files *s, int dir, char part[NAME_BYTES])
{
	struct names *names = &s->names;
	struct timespec now;
	struct stat st;

	if (dir != s->root)
		return find_below(dir, part);
	if (fstat(dir, &st))
		return false;
	if (!names->settled || memcmp(&names->changed, &st.st_mtim, sizeof(st.st_mtim)) != 0) {
		clock_gettime(CLOCK_REALTIME, &now);
		names_free(names);
		names_read(names, dir);
		names->changed = st.st_mtim;
		names->settled = now.tv_sec - st.st_mtim.tv_sec > SETTLED_S;
	}
	return names_find(names, part);
}

/* ---- opening ---- */

int static_files_open(struct static_files **out, const char *path, struct err *e)
{
	struct static_files *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem(e);
	s->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root >= 0) {
		*out = s;
		return 0;
	}
	err_set(e, ERR_FAILED, "static", "cannot open the folder of static files %s: %s", path,
		strerror(errno));
	free(s);
	return err_hint(e, "make it, or correct \"static = \" in the section tftp of the "
			   "configuration");
}

void static_files_close(struct static_files *s)
{
	if (!s)
		return;
	names_free(&s->names);
	close(s->root);
	free(s);
}

/* ---- walking ---- */

/* Never through a symbolic link. O_NONBLOCK: a FIFO would wait for its other end. */
static int open_part(struct static_files *s, int dir, char part[NAME_BYTES], int flags)
{
	const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags;
	const int fd = openat(dir, part, how);

	if (fd >= 0 || errno != ENOENT || !find_case(s, dir, part))
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

static int open_beneath(struct static_files *s, const struct name *n)
{
	const char *at = n->text;
	char part[NAME_BYTES];
	int dir = s->root;

	for (int depth = 0; depth <= STATIC_DEPTH; depth++) {
		int next;

		at = take_part(at, part);
		next = open_part(s, dir, part, at ? O_DIRECTORY : 0);
		if (dir != s->root) {
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
	const int fd = open_beneath(own, &j->name);
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
