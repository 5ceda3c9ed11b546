/*
 * Everything that phones download, as a tree of plain files, for tftpd-hpa or dnsmasq to serve.
 *
 * What was written the last time is known by a list in the state folder, one for each tree: a
 * server hands out whatever is in the tree, and nobody shall get a list of phones.
 */
#ifndef SERVER_ADMIN_EXPORT_H
#define SERVER_ADMIN_EXPORT_H

#include "common/conf.h"

#include <stddef.h>

struct export_result {
	size_t files, phones, removed;
	size_t unreadable; /* static files that were left out: too large for memory */
};

/* Writes the tree into the folder dir, which is made if need be: each file is the old or the new
 * one at any time, all become new together, and those that are there from the last time and are no
 * more are removed. Files of others are left alone. Ctrl-C ends it with nothing changed. Errors of
 * the store, the key and file_write(); ERR_FAILED "interrupted". */
int export_tftp(struct export_result *r, const struct conf *conf, const char *dir, struct err *e);

#endif
