/*
 * What the commands below "ctlclient file" have in common: many files in, one result for each, all
 * of them written together.
 */
#ifndef CTLCLIENT_FILE_JOB_H
#define CTLCLIENT_FILE_JOB_H

#include "common/bytes.h"
#include "common/file_batch.h"
#include "common/json.h"

#include <argp.h>
#include <stdbool.h>
#include <sys/types.h>

enum {
	FILE_JOB_MAX = 32 << 20, /* bytes of a file */
	FILE_NAME_ROOM = 1024,   /* bytes of FILENAME, NUL included */
};

/* --root, --name, --output, --json and the files: the input of the argp is zeroed before. */
struct file_opts {
	const char *root;   /* names are paths below it; NULL: names are without folders */
	const char *name;   /* of the only file; NULL: by its path */
	const char *output; /* a folder, or "-" for standard output; NULL: beside each file */
	bool json;
	char **paths;
	size_t n;
};

extern const struct argp options_file;

/* Takes the files that argp has left over; for ARGP_KEY_ARGS of a command's parser. */
void file_opts_take(struct file_opts *o, struct argp_state *state);

struct file_run;

/* One file and what came of it. */
struct file_item {
	const char *path; /* as it was typed */
	const char *name; /* as phones ask for it, without what the command puts behind */
	struct span content;
	json_t *facts; /* for --json: an object that fn may add to; NULL without it */
	struct file_run *run;
	size_t index;
};

/* What is done with a file. Text for people goes to standard output, unless there is JSON. */
typedef int file_fn(void *arg, const struct file_item *item, struct err *e);

struct file_work {
	const struct file_opts *opts;
	const char *doing; /* "signing", for the line of progress */
	bool go_on;        /* a file that is refused or cannot be read does not end the run */
	file_fn *fn;
	void *arg;
};

/* Does the work for every file; then writes what file_put() was given; prints the JSON. Ctrl-C ends
 * it between two files, and nothing is written. Returns the exit code: with go_on the worst of all;
 * errors have been printed for program. */
int file_work_run(const struct file_work *w, const char *program);

/* Writes data to standard output, or beside the file, or below the output folder: under the item's
 * name with that suffix, by the end of the run. */
int file_put(const struct file_item *item, const char *suffix, struct span data, mode_t mode,
	     struct err *e);

/* Removes the item's own file at the end, when everything else has been written. */
void file_remove_after(const struct file_item *item);

/* The item's name with suffix behind; ERR_USAGE "file-name" if that is too long. */
int file_name_with(char out[FILE_NAME_ROOM], const struct file_item *item, const char *suffix,
		   struct err *e);

/* What the item is called without the suffix ("x.sgn" is x inside); ERR_USAGE "file-name" if its
 * name does not end in it. */
int file_name_without(char out[FILE_NAME_ROOM], const struct file_item *item, const char *suffix,
		      struct err *e);

#endif
