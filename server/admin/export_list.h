/* Which files of a tree are an export's own: STATE/export/DIGEST, one name a line, DIGEST being the
 * SHA-256 of the tree's path. */
#ifndef SERVER_ADMIN_EXPORT_LIST_H
#define SERVER_ADMIN_EXPORT_LIST_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct export_list {
	char **names; /* n of them, owned, sorted after export_list_sort() and export_list_read() */
	size_t n, room;
};

int export_list_add(struct export_list *l, const char *name, struct err *e);
void export_list_sort(struct export_list *l);

/* l is sorted. */
bool export_list_has(const struct export_list *l, const char *name);

/* Reads the list for the tree dir, which exists; an empty one if there is none. Names that could
 * lead out of the tree are left out. ERR_FAILED "file-read". */
int export_list_read(struct export_list *l, const char *state, const char *dir, struct err *e);

/* Writes the names of both lists; more may be NULL. */
int export_list_write(const struct export_list *more, const struct export_list *l,
		      const char *state, const char *dir, struct err *e);

void export_list_free(struct export_list *l);

#endif
