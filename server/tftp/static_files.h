/*
 * Files that an administrator puts into a folder: ring lists, locales, firmware. A source of the
 * catalog; there is no way out of the folder, no symbolic link, no hidden file, and no list of what
 * is there.
 */
#ifndef SERVER_TFTP_STATIC_FILES_H
#define SERVER_TFTP_STATIC_FILES_H

#include "server/tftp/catalog.h"

enum {
	STATIC_FRESH_MS = 1000,        /* a changed file is looked for after so long */
	STATIC_STALE_MS = 10000,       /* up to then, who asks first still gets the old one */
	STATIC_MEMORY_MAX = 256 << 10, /* bytes; larger ones stay on the disk */
	STATIC_SIGNED_MAX = 16 << 20,  /* bytes of a file that is signed here */
	STATIC_TAG = 40,               /* bytes of a tag that are used; the others are zero */
	STATIC_DEPTH = 8,              /* folders in a name */
	/* Of a folder, that are looked at to find one in another case. */
	STATIC_NAMES = 65536,
};

struct static_files;

/* Opens the folder for one thread. ERR_FAILED "static" with a hint. */
int static_files_open(struct static_files **out, const char *path, struct err *e);
void static_files_close(struct static_files *s);

/* The make function; own is a struct static_files. The tag is made of device, inode, size and time
 * of change. A name that differs in case only finds its file, too. */
void static_files_make(struct catalog_job *j, void *own);

#endif
