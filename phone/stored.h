/* What a phone keeps over a power cycle, in a folder of its own: the trust list it believes. */
#ifndef PHONE_STORED_H
#define PHONE_STORED_H

#include "trustfile/list.h"

struct stored {
	char *path;       /* DIR/CTLFile.tlv, owned */
	struct buf bytes; /* its content; owned */
	struct tl *ctl;   /* the same, taken apart; owned; NULL if nothing is stored */
};

/* Reads what is stored in the folder dir; a missing file or folder is no error. ERR_FAILED
 * "stored-list" if what is there cannot be read or is no list that verifies: then nobody can tell
 * any more whom this phone trusted, and it must not start again with whoever comes first. On
 * success and on failure, give s to stored_free(). */
int stored_load(struct stored *s, const char *dir, struct err *e);

/* Replaces the list by file, making the folder if need be. s keeps the old one until it is freed.
 */
int stored_install(const struct stored *s, const char *dir, struct span file, struct err *e);

void stored_free(struct stored *s);

#endif
