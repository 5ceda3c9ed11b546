/*
 * Commits to a cluster of real processes on loopback: how many a second, and how long until a list
 * is active on all nodes.
 *
 *   bench_cluster FOLDER NODES COMMITS
 *
 * FOLDER has a cluster of scripts/cluster in mixed mode whose services do not run, and the
 * environment what it put into "env".
 */
#include "softhsm-tests/kill/lists.h"
#include "softhsm-tests/kill/push.h"
#include "softhsm-tests/kill/rig.h"

#include <stdio.h>
#include <stdlib.h>

enum { WARM_UP = 3, COMMITS_MAX = 10000 };

struct bench {
	struct rig rig;
	struct lists *lists;
	struct buf present;
	int64_t generation;
	int64_t answered_ms[COMMITS_MAX], active_ms[COMMITS_MAX];
};

/* The file of a node is the last but one thing that happens there; the store is looked at once. */
static bool all_have(const struct bench *b, struct span list, struct err *e)
{
	for (size_t i = 0; i < b->rig.n; i++) {
		struct buf file = {0};
		const bool same =
			!rig_file(&file, &b->rig.nodes[i], e) && span_eq(buf_view(&file), list);
		int64_t newest, active = 0;

		buf_free(&file);
		if (!same || rig_generations(&b->rig.nodes[i], &newest, &active, e) ||
		    active != b->generation + 1)
			return false;
	}
	return true;
}

static int commit(struct bench *b, int64_t *answered_ms, int64_t *active_ms, struct err *e)
{
	struct buf list = {0};
	struct push push;
	int64_t begin;
	int rc = lists_next(&list, b->lists, buf_view(&b->present), e);

	begin = rig_now_ms();
	if (!rc)
		rc = push_begin(&push, buf_view(&list), b->generation, e);
	if (!rc && push_end(&push)) {
		*e = push.e;
		rc = (int)e->kind;
	}
	*answered_ms = rig_now_ms() - begin;
	while (!rc && !all_have(b, buf_view(&list), e)) {
		rig_pause_ms(1);
		if (rig_now_ms() - begin > RIG_PATIENCE_S * 1000)
			rc = err_set(e, ERR_FAILED, "bench", "the list does not get everywhere");
	}
	*active_ms = rig_now_ms() - begin;
	if (rc) {
		buf_free(&list);
		return rc;
	}
	buf_free(&b->present);
	b->present = list;
	b->generation++;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int measure(struct bench *b, size_t commits, struct err *e)
{
	int64_t answered, active, begin;
	int rc = 0;

	for (size_t i = 0; !rc && i < WARM_UP; i++)
		rc = commit(b, &answered, &active, e);
	begin = rig_now_ms();
	for (size_t i = 0; !rc && i < commits; i++)
		rc = commit(b, &b->answered_ms[i], &b->active_ms[i], e);
	if (rc)
		return rc;
	begin = rig_now_ms() - begin;
	qsort(b->answered_ms, commits, sizeof(int64_t), by_size);
	qsort(b->active_ms, commits, sizeof(int64_t), by_size);
	printf("%2zu nodes: %5.1f commits/s; answered after %lld ms, active everywhere after %lld "
	       "ms (median), %lld ms (worst of %zu)\n",
	       b->rig.n, 1000.0 * (double)commits / (double)(begin ? begin : 1),
	       (long long)b->answered_ms[commits / 2], (long long)b->active_ms[commits / 2],
	       (long long)b->active_ms[commits - 1], commits);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	size_t nodes, commits;
	int64_t active;
	struct err e;
	int rc;

	if (argc != 4 || !b) {
		fprintf(stderr, "usage: bench_cluster FOLDER NODES COMMITS\n");
		free(b);
		return ERR_USAGE;
	}
	nodes = strtoul(argv[2], NULL, 10);
	commits = strtoul(argv[3], NULL, 10);
	b->rig.notify_fd = -1;
	b->rig.undisturbed = true;
	rc = nodes < 1 || nodes > RIG_NODES_MAX || commits < 1 || commits > COMMITS_MAX
		     ? err_set(&e, ERR_USAGE, "usage", "1 to %d nodes, 1 to %d commits",
			       RIG_NODES_MAX, COMMITS_MAX)
		     : rig_open(&b->rig, argv[1], nodes, &e);
	if (!rc)
		rc = lists_open(&b->lists, &e);
	if (!rc)
		rc = rig_generations(&b->rig.nodes[0], &b->generation, &active, &e);
	if (!rc)
		rc = rig_file(&b->present, &b->rig.nodes[0], &e);
	if (!rc)
		rc = measure(b, commits, &e);
	if (rc)
		err_print(&e, argv[0]);
	buf_free(&b->present);
	lists_close(b->lists);
	rig_close(&b->rig);
	free(b);
	return rc;
}
