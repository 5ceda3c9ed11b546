/*
 * Many files written together: each is the old or the new one whatever happens, as with
 * file_write(), but the disk is waited for once and not once per file.
 */
#ifndef COMMON_FILE_BATCH_H
#define COMMON_FILE_BATCH_H

#include "common/bytes.h"
#include "common/err.h"

#include <sys/types.h>

struct file_batch;

/* NULL if out of memory. */
struct file_batch *file_batch_new(void);

/* Writes data to a temporary file beside path, making the folder if need be. Nothing is seen under
 * the name path yet. ERR_FAILED "file-write". */
int file_batch_add(struct file_batch *b, const char *path, struct span data, mode_t mode,
		   struct err *e);

/* Syncs what was added, gives every file its name, and syncs the folders. b is empty afterwards and
 * may be used again. If it fails in between, some files are new and the others as before;
 * ERR_FAILED "file-write". */
int file_batch_commit(struct file_batch *b, struct err *e);

/* Removes what was not committed, and frees b. */
void file_batch_free(struct file_batch *b);

#endif
