/*
 * store_put STATE FILE: makes the bytes of FILE the active list of the node in STATE, right or
 * wrong, as if the provider had activated them. A test tool: makes the store if there is none.
 */
#include "common/file.h"
#include "server/store/notify.h"
#include "server/store/store.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE_MAX_TAKEN = 8 << 20 }; /* more than any list, to test what is too large */

static int need_self(struct store *s, struct err *e)
{
	struct store_node self = {
		.name = "localhost", .ip = "127.0.0.1", .first = true, .self = true};
	struct store_node *nodes;
	size_t n;
	int rc = store_nodes(s, &nodes, &n, e);

	if (rc)
		return rc;
	store_nodes_free(nodes, n);
	return n ? 0 : store_node_add(s, &self, e);
}

static int activate(struct store *s, const char *path, struct err *e)
{
	struct store_active active;
	int rc = need_self(s, e);

	if (rc)
		return rc;
	rc = store_active_get(s, &active, e);
	if (rc)
		return rc;
	buf_free(&active.file);
	active.generation++;
	active.mixed = true;
	rc = file_read(path, SIZE_MAX_TAKEN, &active.file, e);
	if (!rc)
		rc = store_active_set(s, &active, "test", e);
	buf_free(&active.file);
	return rc;
}

/* The store, and the folder for notifications that "ctladmin node init" would have made. */
static int open_store(struct store **s, const char *state, struct err *e)
{
	char *run = file_join(state, "run");
	int rc = run ? file_mkdirs(run, 0700, e) : err_nomem(e);

	free(run);
	return rc ? rc : store_open(s, state, STORE_CREATE, e);
}

int main(int argc, char **argv)
{
	struct store *s;
	struct err e;
	int rc;

	if (argc != 3) {
		fprintf(stderr, "usage: store_put STATE FILE\n");
		return ERR_USAGE;
	}
	rc = open_store(&s, argv[1], &e);
	if (!rc) {
		rc = activate(s, argv[2], &e);
		store_close(s);
	}
	if (rc)
		err_print(&e, "store_put");
	else
		notify_all(argv[1]);
	return rc;
}
