/* A trust list read from a file. */
#ifndef CTLCLIENT_LIST_FILE_H
#define CTLCLIENT_LIST_FILE_H

#include "common/bytes.h"
#include "trustfile/list.h"

struct list_file {
	const char *path; /* borrowed */
	struct buf bytes;
	struct tl *list; /* NULL if the bytes are no list */
	int64_t mtime;   /* seconds since 1970 */
};

/* Reads and parses path; "-" is standard input. On success end with list_file_close(). Errors:
 * those of file_read and tl_parse, with the path in front. */
int list_file_open(struct list_file *f, const char *path, struct err *e);
void list_file_close(struct list_file *f);

#endif
