#include "ctlclient/file_job.h"

#include "common/file.h"
#include "common/hold.h"
#include "common/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_ROOT = 0x300, OPT_NAME, OPT_JSON };

struct file_run {
	const struct file_work *work;
	struct file_batch *batch;
	json_t *results; /* NULL without --json */
	bool *removed;   /* of each file: that it goes when the rest is written */
};

/* ---- options ---- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct file_opts *o = state->input;

	switch (key) {
	case OPT_ROOT:
		o->root = arg;
		return 0;
	case OPT_NAME:
		o->name = arg;
		return 0;
	case 'o':
		o->output = arg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"root", OPT_ROOT, "DIR", 0,
	 "The server's root: a file is called by its path below it (else without folders)", 0},
	{"name", OPT_NAME, "NAME", 0, "What phones call the file, if there is only one", 0},
	{"output", 'o', "DIR|-", 0, "Write below this folder, or to standard output (else beside)",
	 0},
	{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
	{0}};

const struct argp options_file = {options, parse, NULL, NULL, NULL, NULL, NULL};

void file_opts_take(struct file_opts *o, struct argp_state *state)
{
	o->paths = state->argv + state->next;
	o->n = (size_t)(state->argc - state->next);
	state->next = state->argc;
	if (o->name && o->n > 1)
		argp_error(state, "--name is for one file, not for %zu", o->n);
	if (o->output && !strcmp(o->output, "-") && (o->n > 1 || o->json))
		argp_error(state, "standard output takes one file, and no JSON beside it");
}

/* ---- names ---- */

/* The path below root; both as they were typed. */
static int below(char out[FILE_NAME_ROOM], const char *root, const char *path, struct err *e)
{
	char *base = realpath(root, NULL), *full = realpath(path, NULL);
	const size_t n = base ? strlen(base) : 0;
	int rc = 0;

	if (!base || !full || strncmp(base, full, n) != 0 || (full[n] != '/' && n > 1)) {
		rc = err_set(e, ERR_USAGE, "file-name", "%s is not below %s", path, root);
		err_hint(e, "without --root a file is called by its own name, without folders");
	} else {
		snprintf(out, FILE_NAME_ROOM, "%s", full + n + (full[n] == '/'));
	}
	free(base);
	free(full);
	return rc;
}

static int name_of(char out[FILE_NAME_ROOM], const struct file_opts *o, const char *path,
		   struct err *e)
{
	const char *slash = strrchr(path, '/');

	if (o->root && !o->name)
		return below(out, o->root, path, e);
	snprintf(out, FILE_NAME_ROOM, "%s", o->name ? o->name : slash ? slash + 1 : path);
	return 0;
}

int file_name_with(char out[FILE_NAME_ROOM], const struct file_item *item, const char *suffix,
		   struct err *e)
{
	if (snprintf(out, FILE_NAME_ROOM, "%s%s", item->name, suffix) < FILE_NAME_ROOM)
		return 0;
	return err_set(e, ERR_USAGE, "file-name", "the name of %s is too long", item->path);
}

int file_name_without(char out[FILE_NAME_ROOM], const struct file_item *item, const char *suffix,
		      struct err *e)
{
	const size_t n = strlen(item->name), m = strlen(suffix);

	if (n <= m || strcmp(item->name + n - m, suffix) != 0)
		return err_set(e, ERR_USAGE, "file-name", "the name does not end in %s", suffix);
	snprintf(out, FILE_NAME_ROOM, "%.*s", (int)(n - m), item->name);
	return 0;
}

/* ---- writing ---- */

/* Where it goes: below the output folder by its name, or into the file's own folder. */
static char *target(const struct file_item *item, const char *name)
{
	const char *output = item->run->work->opts->output;
	const char *slash = strrchr(item->path, '/');
	const char *own = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	char *path = NULL;

	if (output)
		return file_join(output, name);
	if (asprintf(&path, "%.*s%s", slash ? (int)(slash - item->path + 1) : 0, item->path, own) <
	    0)
		return NULL;
	return path;
}

static int put_out(struct span data, struct err *e)
{
	if (fwrite(data.data, 1, data.len, stdout) != data.len || fflush(stdout))
		return err_set(e, ERR_FAILED, "output", "standard output cannot be written");
	return 0;
}

int file_put(const struct file_item *item, const char *suffix, struct span data, mode_t mode,
	     struct err *e)
{
	const char *output = item->run->work->opts->output;
	char name[FILE_NAME_ROOM];
	char *path;
	int rc = file_name_with(name, item, suffix, e);

	if (rc)
		return rc;
	if (output && !strcmp(output, "-"))
		return put_out(data, e);
	path = target(item, name);
	rc = path ? file_batch_add(item->run->batch, path, data, mode, e) : err_nomem(e);
	if (!rc && item->facts)
		json_object_set_new(item->facts, "output", json_chars(path));
	free(path);
	return rc;
}

void file_remove_after(const struct file_item *item)
{
	item->run->removed[item->index] = true;
}

/* ---- the run ---- */

static json_t *error_json(const struct err *e)
{
	return json_pack("{s:s, s:o, s:o}", "id", e->id, "text", json_chars(e->what), "hint",
			 json_chars(e->hint));
}

static int run_one(struct file_run *r, size_t index, struct err *e)
{
	const struct file_work *w = r->work;
	const char *path = w->opts->paths[index];
	char name[FILE_NAME_ROOM];
	struct file_item item = {.path = path, .name = name, .run = r, .index = index};
	struct buf content = {0};
	int rc = name_of(name, w->opts, path, e);

	if (r->results) {
		item.facts = json_pack("{s:o}", "file", json_chars(path));
		json_array_append_new(r->results, item.facts);
	}
	if (!rc)
		rc = file_read(path, FILE_JOB_MAX, &content, e);
	item.content = buf_view(&content);
	if (!rc)
		rc = w->fn(w->arg, &item, e);
	if (rc && item.facts)
		json_object_set_new(item.facts, "reason", error_json(e));
	buf_wipe(&content);
	return rc;
}

/* The worse of two exit codes: a failure hides what a rule said of another file. */
static int worse(int a, int b)
{
	if (!a || !b)
		return a ? a : b;
	return a == ERR_REFUSED ? b : a;
}

static int run_all(struct file_run *r, const char *program)
{
	const struct file_work *w = r->work;
	struct progress progress = {.what = w->doing};
	int worst = 0;

	for (size_t i = 0; i < w->opts->n; i++) {
		struct err e = {0};
		int rc;

		if (hold_asked()) {
			progress_end(&progress);
			fprintf(stderr, "%s: interrupted; nothing was written\n", program);
			return ERR_FAILED;
		}
		rc = run_one(r, i, &e);
		if (rc) {
			progress_end(&progress);
			err_wrap(&e, "%s", w->opts->paths[i]);
			err_print(&e, program);
		}
		worst = worse(worst, rc);
		if (rc && !w->go_on)
			return rc;
		progress_show(&progress, i + 1, w->opts->n);
	}
	progress_end(&progress);
	return worst;
}

/* The new files are safe: now the old ones may go. */
static int finish(struct file_run *r, struct err *e)
{
	const struct file_opts *o = r->work->opts;
	int rc = file_batch_commit(r->batch, e);

	for (size_t i = 0; !rc && i < o->n; i++)
		if (r->removed[i] && unlink(o->paths[i]))
			rc = err_set(e, ERR_FAILED, "file-remove", "cannot remove %s: %s",
				     o->paths[i], strerror(errno));
	return rc;
}

int file_work_run(const struct file_work *w, const char *program)
{
	struct file_run r = {
		.work = w, .batch = file_batch_new(), .removed = calloc(w->opts->n, sizeof(bool))};
	struct err e = {0};
	sigset_t before;
	int rc, written = 0;

	if (!r.batch || !r.removed) {
		err_nomem(&e);
		err_print(&e, program);
		file_batch_free(r.batch);
		free(r.removed);
		return ERR_FAILED;
	}
	if (w->opts->json)
		r.results = json_array();
	hold_begin(&before);
	rc = run_all(&r, program);
	if (!rc || w->go_on)
		written = finish(&r, &e);
	if (written)
		err_print(&e, program);
	file_batch_free(r.batch);
	free(r.removed);
	hold_end(&before);
	if (r.results && json_print(r.results))
		written = ERR_FAILED;
	return rc ? rc : written;
}
