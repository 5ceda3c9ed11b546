#include "common/progress.h"
#include "common/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { BETWEEN_MS = 100 };

void progress_show(struct progress *p, size_t done, size_t total)
{
	const int64_t now = clock_ms();

	if (now - p->shown_ms < BETWEEN_MS || !isatty(STDERR_FILENO))
		return;
	p->shown_ms = now;
	p->drawn = true;
	fprintf(stderr, "\r%s: %zu", p->what, done);
	if (total)
		fprintf(stderr, " of %zu", total);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
