/*
 * kill -9 at the steps of a commit, and two clients at once: whatever dies when, every node holds
 * and serves the old list or the new one, whole; what was accepted is not lost; all nodes end with
 * the same list.
 *
 *   kill_points FOLDER NODES POINTS RACES SEED
 *
 * FOLDER has a cluster of scripts/cluster in mixed mode, whose services do not run. First some
 * commits are left alone, and the steps (kill_at.h) that each node's provider takes are counted.
 * Then so many of these steps, in an order that the seed decides, are the last ones of the provider
 * that takes them; all of them, if POINTS is large enough. What was tried and survived is printed
 * as lines "NAME VALUE". Exit code 1, and a word why, at the first violation.
 */
#include "softhsm-tests/kill/lists.h"
#include "softhsm-tests/kill/push.h"
#include "softhsm-tests/kill/rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALM = 3,       /* commits that are left alone, at the beginning */
	ALL_EVERY = 10, /* so often all providers die together, */
	TFTP_EVERY = 7, /* and the TFTP service dies with its provider */
	LOOK_MS = 10,   /* between looks */
	SPARE = 4,      /* steps behind the last one that was counted */
};

struct point {
	size_t node;
	long step;
};

struct story {
	struct rig rig;
	struct lists *lists;
	struct buf present; /* the list that all nodes have */
	int64_t generation; /* its number */
	long steps[RIG_NODES_MAX];
	uint64_t random;
	/* the figures */
	long kills, reached, kept_new, kept_old, answers_lost;
	int64_t slowest_ms, commit_ms;
};

static uint64_t draw(struct story *s)
{
	/* xorshift64 */
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

static int wrong(struct err *e, const char *what, const struct rig_node *node)
{
	return err_set(e, ERR_FAILED, "violation", "%s: %s", node->folder, what);
}

/* ---- looking ---- */

typedef int rig_read_fn(struct buf *out, const struct rig_node *node, struct err *e);

/* *is_new: it is the new list; *is_old: the present one. */
static int compare(const struct story *s, const struct rig_node *node, rig_read_fn *read,
		   struct span neu, bool *is_new, bool *is_old, struct err *e)
{
	struct buf list = {0};
	const int rc = read(&list, node, e);

	*is_new = !rc && span_eq(buf_view(&list), neu);
	*is_old = !rc && span_eq(buf_view(&list), buf_view(&s->present));
	buf_free(&list);
	return rc;
}

/* Old or new, and nothing between: as a file, and to phones. */
static int check_whole(const struct story *s, struct span neu, struct err *e)
{
	bool is_new, is_old;

	for (size_t i = 0; i < s->rig.n; i++) {
		const struct rig_node *node = &s->rig.nodes[i];

		if (compare(s, node, rig_file, neu, &is_new, &is_old, e))
			return (int)e->kind;
		if (!is_new && !is_old)
			return wrong(e, "the file is neither the old list nor the new one", node);
		if (!node->pids[RIG_TFTP])
			continue;
		if (compare(s, node, rig_served, neu, &is_new, &is_old, e))
			return (int)e->kind;
		if (!is_new && !is_old)
			return wrong(e, "what is served is neither the old list nor the new one",
				     node);
	}
	return 0;
}

/* *newest is the publisher's; *agreed: every node has that list in service, as a file, and phones
 * get it. */
static int look(const struct story *s, struct span neu, int64_t *newest, bool *agreed,
		struct err *e)
{
	int64_t theirs, active;
	bool is_new, is_old;

	*agreed = true;
	if (rig_generations(&s->rig.nodes[0], newest, &active, e))
		return (int)e->kind;
	if (*newest != s->generation && *newest != s->generation + 1)
		return wrong(e, "a generation is there that nobody made", &s->rig.nodes[0]);
	for (size_t i = 0; i < s->rig.n && *agreed; i++) {
		const struct rig_node *node = &s->rig.nodes[i];

		if (compare(s, node, rig_file, neu, &is_new, &is_old, e))
			return (int)e->kind;
		*agreed = *newest == s->generation ? is_old : is_new;
		if (!*agreed)
			break;
		if (rig_generations(node, &theirs, &active, e))
			return (int)e->kind;
		*agreed = active == *newest && theirs == *newest;
	}
	for (size_t i = 0; i < s->rig.n && *agreed; i++) {
		if (compare(s, &s->rig.nodes[i], rig_served, neu, &is_new, &is_old, e))
			return (int)e->kind;
		*agreed = *newest == s->generation ? is_old : is_new;
	}
	return 0;
}

static int await_agreement(const struct story *s, struct span neu, int64_t *newest, struct err *e)
{
	const int64_t until = rig_now_ms() + RIG_PATIENCE_S * 1000;
	bool agreed = false;

	for (;;) {
		if (look(s, neu, newest, &agreed, e))
			return (int)e->kind;
		if (agreed)
			return 0;
		if (rig_now_ms() > until)
			return err_set(e, ERR_FAILED, "violation",
				       "the nodes do not come to agree on generation %" PRId64,
				       *newest);
		rig_pause_ms(LOOK_MS);
	}
}

/* From now on neu is the present list. */
static void turn_over(struct story *s, struct buf *neu, int64_t generation)
{
	buf_free(&s->present);
	s->present = *neu;
	*neu = (struct buf){0};
	s->generation = generation;
}

/* ---- commits that are left alone ---- */

static int commit_calmly(struct story *s, struct err *e)
{
	const int64_t begin = rig_now_ms();
	struct buf neu = {0};
	struct push push;
	int64_t newest;
	int rc = lists_next(&neu, s->lists, buf_view(&s->present), e);

	for (size_t i = 0; i < s->rig.n; i++)
		atomic_store(&s->rig.nodes[i].kill_at->seen, 0);
	if (!rc)
		rc = push_begin(&push, buf_view(&neu), s->generation, e);
	if (!rc && push_end(&push)) {
		*e = push.e;
		rc = err_wrap(e, "a commit that nobody disturbs");
	}
	if (!rc)
		rc = await_agreement(s, buf_view(&neu), &newest, e);
	if (rc) {
		buf_free(&neu);
		return rc;
	}
	turn_over(s, &neu, newest);
	if (rig_now_ms() - begin > s->commit_ms)
		s->commit_ms = rig_now_ms() - begin;
	for (size_t i = 0; i < s->rig.n; i++) {
		const long seen = atomic_load(&s->rig.nodes[i].kill_at->seen);

		if (seen > s->steps[i])
			s->steps[i] = seen;
	}
	return 0;
}

/* ---- a kill ---- */

/* Waits until the victim is dead, or the commit is over everywhere without it having taken the
 * step. */
static int await_death(struct story *s, struct rig_node *victim, const struct push *push,
		       struct span neu, bool *reached, struct err *e)
{
	const int64_t until = rig_now_ms() + RIG_PATIENCE_S * 1000;
	int64_t newest;
	bool agreed = false;

	*reached = true;
	while (!rig_died(victim)) {
		if (atomic_load(&push->done) && look(s, neu, &newest, &agreed, e))
			return (int)e->kind;
		*reached = !agreed;
		if (agreed || rig_now_ms() > until)
			break;
		rig_pause_ms(atomic_load(&push->done) ? LOOK_MS : 1);
	}
	atomic_store(&victim->kill_at->left, 0);
	rig_kill(victim, RIG_PROVIDER);
	return 0;
}

static int start_again(struct story *s, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < s->rig.n; i++)
		for (int service = 0; !rc && service < RIG_SERVICES; service++)
			if (!s->rig.nodes[i].pids[service])
				rc = rig_start(&s->rig, &s->rig.nodes[i], (enum rig_service)service,
					       e);
	return rc;
}

/* What the client was told must be what is. */
static int check_answer(struct story *s, const struct push *push, bool publisher_died,
			int64_t newest, struct err *e)
{
	const bool accepted = newest != s->generation;

	if (!push->rc && !accepted)
		return err_set(e, ERR_FAILED, "violation", "an accepted list was lost");
	if (push->rc && !publisher_died) {
		*e = push->e;
		return err_wrap(e, "the publisher lives, and does not accept");
	}
	s->kept_new += accepted;
	s->kept_old += !accepted;
	s->answers_lost += push->rc && accepted;
	return 0;
}

static int disturb(struct story *s, const struct point *at, struct buf *neu, struct err *e)
{
	struct rig_node *victim = &s->rig.nodes[at->node];
	const bool all = ++s->kills % ALL_EVERY == 0;
	struct push push;
	int64_t newest, begin;
	bool reached = false;
	int rc;

	atomic_store(&victim->kill_at->left, at->step);
	if (push_begin(&push, buf_view(neu), s->generation, e))
		return (int)e->kind;
	rc = await_death(s, victim, &push, buf_view(neu), &reached, e);
	s->reached += reached;
	for (size_t i = 0; all && i < s->rig.n; i++)
		rig_kill(&s->rig.nodes[i], RIG_PROVIDER);
	if (s->kills % TFTP_EVERY == 0)
		rig_kill(victim, RIG_TFTP);
	if (!rc)
		rc = check_whole(s, buf_view(neu), e);
	push_end(&push);
	begin = rig_now_ms();
	if (!rc)
		rc = start_again(s, e);
	if (!rc)
		rc = await_agreement(s, buf_view(neu), &newest, e);
	if (rig_now_ms() - begin > s->slowest_ms)
		s->slowest_ms = rig_now_ms() - begin;
	if (!rc)
		rc = check_whole(s, buf_view(neu), e);
	if (!rc)
		rc = check_answer(s, &push, all || !at->node, newest, e);
	if (!rc && newest != s->generation)
		turn_over(s, neu, newest);
	return rc;
}

static int one_point(struct story *s, const struct point *at, struct err *e)
{
	struct buf neu = {0};
	int rc = lists_next(&neu, s->lists, buf_view(&s->present), e);

	if (!rc)
		rc = disturb(s, at, &neu, e);
	if (rc)
		err_wrap(e, "kill %ld, of node %zu at step %ld", s->kills, at->node + 1, at->step);
	buf_free(&neu);
	return rc;
}

/* Every step of every node, in an order of the seed's. */
static struct point *all_points(struct story *s, size_t *n)
{
	struct point *list;
	size_t most = 0, k = 0;

	for (size_t i = 0; i < s->rig.n; i++)
		most += (size_t)s->steps[i] + SPARE;
	list = calloc(most, sizeof(*list));
	for (size_t i = 0; list && i < s->rig.n; i++)
		for (long step = 1; step <= s->steps[i] + SPARE; step++)
			list[k++] = (struct point){i, step};
	for (size_t i = k; list && i > 1; i--) {
		const size_t other = draw(s) % i;
		const struct point t = list[i - 1];

		list[i - 1] = list[other];
		list[other] = t;
	}
	*n = k;
	return list;
}

static int kill_at_points(struct story *s, size_t points, struct err *e)
{
	size_t n;
	struct point *list = all_points(s, &n);
	int rc = list ? 0 : err_nomem(e);

	for (size_t i = 0; !rc && i < points; i++)
		rc = one_point(s, &list[i % n], e);
	free(list);
	return rc;
}

/* ---- two clients at once ---- */

static int race(struct story *s, struct err *e)
{
	struct buf lists[2] = {{0}};
	struct push pushes[2];
	int64_t newest = 0, active;
	int rc = 0;

	for (size_t i = 0; !rc && i < 2; i++)
		rc = lists_next(&lists[i], s->lists, buf_view(&s->present), e);
	if (!rc)
		rc = push_begin(&pushes[0], buf_view(&lists[0]), s->generation, e);
	if (!rc) {
		rc = push_begin(&pushes[1], buf_view(&lists[1]), s->generation, e);
		push_end(&pushes[0]);
	}
	if (!rc) {
		push_end(&pushes[1]);
		rc = rig_generations(&s->rig.nodes[0], &newest, &active, e);
	}
	if (!rc && (newest != s->generation + 1 || pushes[0].rc + pushes[1].rc != ERR_CONFLICT ||
		    (pushes[0].rc && pushes[1].rc)))
		rc = err_set(e, ERR_FAILED, "violation",
			     "of two clients that commit at once, one has %d and the other %d",
			     pushes[0].rc, pushes[1].rc);
	if (!rc)
		turn_over(s, &lists[pushes[0].rc ? 1 : 0], newest);
	buf_free(&lists[0]);
	buf_free(&lists[1]);
	return rc;
}

static int races(struct story *s, size_t n, struct err *e)
{
	int64_t newest;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		rc = race(s, e);
		if (rc)
			err_wrap(e, "race %zu", i + 1);
	}
	return rc ? rc : await_agreement(s, buf_view(&s->present), &newest, e);
}

/* ---- */

static int begin(struct story *s, const char *folder, size_t nodes, struct err *e)
{
	int64_t active;

	if (rig_open(&s->rig, folder, nodes, e) || lists_open(&s->lists, e) ||
	    rig_generations(&s->rig.nodes[0], &s->generation, &active, e) ||
	    rig_file(&s->present, &s->rig.nodes[0], e))
		return (int)e->kind;
	for (int i = 0; i < CALM; i++)
		if (commit_calmly(s, e))
			return (int)e->kind;
	return 0;
}

static void print_figures(const struct story *s, size_t races_done)
{
	long steps = 0;

	for (size_t i = 0; i < s->rig.n; i++)
		steps += s->steps[i];
	printf("kills %ld\nkills_in_a_step %ld\nkills_new_list %ld\nkills_old_list %ld\n"
	       "kills_answer_lost %ld\nkills_slowest_ms %" PRId64 "\nsteps %ld\n"
	       "commit_ms %" PRId64 "\nraces %zu\n",
	       s->kills, s->reached, s->kept_new, s->kept_old, s->answers_lost, s->slowest_ms,
	       steps, s->commit_ms, races_done);
}

int main(int argc, char **argv)
{
	struct story s = {.rig.notify_fd = -1};
	struct err e;
	size_t nodes, points, contests;
	int rc;

	if (argc != 6) {
		fprintf(stderr, "usage: kill_points FOLDER NODES POINTS RACES SEED\n");
		return ERR_USAGE;
	}
	nodes = strtoul(argv[2], NULL, 10);
	points = strtoul(argv[3], NULL, 10);
	contests = strtoul(argv[4], NULL, 10);
	/* The seed of an xorshift is not 0. */
	s.random = strtoull(argv[5], NULL, 10) * 0x9e3779b97f4a7c15u | 1;
	rc = nodes < 1 || nodes > RIG_NODES_MAX
		     ? err_set(&e, ERR_USAGE, "usage", "1 to %d nodes", RIG_NODES_MAX)
		     : begin(&s, argv[1], nodes, &e);
	if (!rc)
		rc = kill_at_points(&s, points, &e);
	if (!rc)
		rc = races(&s, contests, &e);
	if (rc)
		err_print(&e, argv[0]);
	else
		print_figures(&s, contests);
	buf_free(&s.present);
	lists_close(s.lists);
	rig_close(&s.rig);
	return rc;
}
