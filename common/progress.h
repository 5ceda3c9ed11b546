/* A line that tells how far a long job is, on a terminal only. */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start it as {.what = "signing"}. */
struct progress {
	const char *what;
	int64_t shown_ms; /* when the line was drawn last */
	bool drawn;
};

/* Draws "what: done of total" on standard error, unless that is no terminal or it was drawn a
 * moment ago. A total of 0 is not known. */
void progress_show(struct progress *p, size_t done, size_t total);

/* Takes the line away. */
void progress_end(struct progress *p);

#endif
