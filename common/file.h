/* Files, whole: read with a limit, written so that a crash leaves the old or the new one. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "common/bytes.h"
#include "common/err.h"

#include <sys/types.h>

/* Appends the content of path to out. More than max bytes is an error ("file-too-large"), as is
 * anything that cannot be read ("file-read"; "file-missing" if there is no such file). */
int file_read(const char *path, size_t max, struct buf *out, struct err *e);

/* Replaces path by data: a temporary file beside it with the given mode, fsync, rename, fsync of
 * the folder. On any failure ("file-write") the old file is untouched and nothing is left over. */
int file_write(const char *path, struct span data, mode_t mode, struct err *e);

/* As file_write, but fails with "file-exists" instead of replacing a file that is there. */
int file_create(const char *path, struct span data, mode_t mode, struct err *e);

/* Writes all of data, however many calls it takes; -1 and errno if that fails. */
int file_write_all(int fd, struct span data);

/* Makes the folder, and those above it, unless they are there. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);

/* The folder for what this user's programs keep between runs: $XDG_STATE_HOME/ctlsuite, else
 * ~/.local/state/ctlsuite. It need not be there yet. NULL without a home; free() it. */
char *file_state_dir(void);

/* dir "/" name as a new string, or NULL; free() it. */
char *file_join(const char *dir, const char *name);

#endif
