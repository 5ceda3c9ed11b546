/*
 * Files that an administrator puts into a folder: ring lists, locales, firmware. A source of the
 * catalog; there is no way out of the folder, no symbolic link, no hidden file, and no list of what
 * is there.
 */
#ifndef SERVER_TFTP_STATIC_FILES_H
#define SERVER_TFTP_STATIC_FILES_H

#include "server/tftp/catalog.h"

enum {
	STATIC_FRESH_MS = 1000,        /* a changed file is noticed after so long */
	STATIC_MEMORY_MAX = 256 << 10, /* bytes; larger ones stay on the disk */
	STATIC_SIGNED_MAX = 16 << 20,  /* bytes of a file that is signed here */
	STATIC_TAG = 40,               /* bytes of a tag that are used; the others are zero */
	STATIC_DEPTH = 8,              /* folders in a name */
	STATIC_LOOKS =
		10000, /* entries of a folder that are compared to find one in another case */
};

/* Opens the folder, for the make function's threads to use as their own; close() it. ERR_FAILED
 * "static" with a hint. */
int static_files_open(int *fd, const char *path, struct err *e);

/* The make function; own points to the folder's descriptor. The tag is made of device, inode,
 * size and time of change. A name that differs in case only finds its file, too. */
void static_files_make(struct catalog_job *j, void *own);

#endif
