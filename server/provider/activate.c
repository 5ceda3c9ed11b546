#include "server/provider/activate.h"

#include "common/file.h"
#include "server/cluster/follow.h"
#include "server/store/notify.h"
#include "trustfile/list.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct activator {
	pthread_mutex_t lock; /* one at a time, or an older list might overtake */
	const char *state;
	const struct log *log;
	char *path; /* of the list as a file */
	char *kept; /* of the one before, for the moment of the switch */
};

int activator_new(struct activator **out, const char *state, const struct log *log, struct err *e)
{
	struct activator *a = calloc(1, sizeof(*a));

	if (!a)
		return err_nomem(e);
	pthread_mutex_init(&a->lock, NULL);
	a->state = state;
	a->log = log;
	a->path = file_join(state, "tftp/" TL_CTL_NAME);
	a->kept = file_join(state, "tftp/" TL_CTL_NAME ".before");
	if (!a->path || !a->kept) {
		activator_free(a);
		return err_nomem(e);
	}
	*out = a;
	return 0;
}

void activator_free(struct activator *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a->path);
	free(a->kept);
	free(a);
}

/* ---- following the generations ---- */

/* From the active list to the newest generation, which replaces it in *to. */
static int follow(struct store_active *to, struct store *s, const struct store_active *from,
		  int64_t newest, struct err *e)
{
	struct store_ctl c;
	int rc = 0;

	buf_span(&to->file, buf_view(&from->file));
	for (int64_t g = from->generation + 1; !rc && g <= newest; g++) {
		rc = store_ctl_at(s, g, &c, e);
		if (rc)
			return rc;
		/* A node that came late has no early ones. */
		if (!c.generation)
			continue;
		rc = follow_step(buf_view(&to->file), buf_view(&c.file), &to->mixed, e);
		if (rc)
			err_wrap(e, "generation %lld", (long long)g);
		to->generation = g;
		buf_free(&to->file);
		to->file = c.file;
		c.file = (struct buf){0};
		store_ctl_free(&c);
	}
	return rc;
}

/* ---- switching ---- */

static bool file_is(const char *path, struct span want)
{
	struct buf there = {0};
	struct err ignored;
	const bool same =
		!file_read(path, want.len, &there, &ignored) && span_eq(buf_view(&there), want);

	buf_free(&there);
	return same;
}

static int put_file(const struct activator *a, const struct store_active *list, struct err *e)
{
	return file_is(a->path, buf_view(&list->file))
		       ? 0
		       : file_write(a->path, buf_view(&list->file), 0644, e);
}

/* File and store must say the same, also when one of them fails for want of space: the old file is
 * kept under a second name, which takes none. */
static int switch_to(const struct activator *a, struct store *s, const struct store_active *neu,
		     const struct store_active *old, struct err *e)
{
	int rc;

	unlink(a->kept);
	if (old->generation)
		(void)!link(a->path, a->kept);
	rc = put_file(a, neu, e);
	if (!rc)
		rc = store_active_set(s, neu, a->path, e);
	if (rc && old->generation)
		(void)rename(a->kept, a->path);
	else if (rc)
		unlink(a->path);
	unlink(a->kept);
	return rc;
}

static int bring_up_to_date(const struct activator *a, struct store *s,
			    const struct store_active *old, int64_t newest, struct err *e)
{
	struct store_active neu = {0};
	int rc = follow(&neu, s, old, newest, e);

	if (!rc)
		rc = switch_to(a, s, &neu, old, e);
	if (!rc) {
		log_event(a->log, LOG_LEVEL_INFO,
			  &(struct log_event){.event = "ctl-active", .generation = newest},
			  "generation %lld is active: %s", (long long)newest, a->path);
		notify_all(a->state);
	}
	buf_free(&neu.file);
	return rc;
}

/* ---- telling of failure ---- */

static void note_failure(const struct activator *a, struct store *s, int64_t generation,
			 const struct err *why)
{
	struct store_dist d = {.generation = generation, .state = STORE_FAILED, .time = time(NULL)};
	struct store_node *nodes;
	struct err e;
	size_t n;

	log_event(a->log, LOG_LEVEL_ERROR,
		  &(struct log_event){
			  .event = "ctl-not-active", .generation = generation, .reason = why->id},
		  "generation %lld cannot be served, the old list stays: %s", (long long)generation,
		  why->what);
	if (store_nodes(s, &nodes, &n, &e))
		return;
	snprintf(d.detail, sizeof(d.detail), "%.*s", (int)sizeof(d.detail) - 1, why->what);
	for (size_t i = 0; i < n; i++) {
		d.node = nodes[i].id;
		if (nodes[i].self && store_dist_set(s, &d, &e))
			log_line(a->log, LOG_LEVEL_ERROR, "%s", e.what);
	}
	store_nodes_free(nodes, n);
}

int activate(struct activator *a, struct store *s, struct err *e)
{
	struct store_active old = {0};
	struct store_ctl newest = {0};
	int rc;

	pthread_mutex_lock(&a->lock);
	rc = store_ctl_current(s, &newest, e);
	if (!rc)
		rc = store_active_get(s, &old, e);
	if (rc)
		log_line(a->log, LOG_LEVEL_ERROR, "cannot look for a new CTL: %s", e->what);
	else if (newest.generation > old.generation)
		rc = bring_up_to_date(a, s, &old, newest.generation, e);
	else if (old.generation)
		rc = put_file(a, &old, e);
	if (rc && newest.generation)
		note_failure(a, s, newest.generation, e);
	pthread_mutex_unlock(&a->lock);
	buf_free(&old.file);
	store_ctl_free(&newest);
	return rc;
}
