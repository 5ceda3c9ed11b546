/*
 * Between kill_points and libkill_at.so, which it preloads into a service: a page of memory that
 * both have mapped. Every call that leaves a trace outside the process (a write to a file or a
 * socket, a sync, a rename) is a step; the service is killed on its way into the step that was
 * chosen.
 */
#ifndef SOFTHSM_TESTS_KILL_KILL_AT_H
#define SOFTHSM_TESTS_KILL_KILL_AT_H

#include <stdatomic.h>

/* The file with the page is named in this variable. */
#define KILL_AT_VARIABLE "CTL_KILL_AT"

struct kill_at {
	atomic_long seen; /* steps so far */
	atomic_long left; /* steps until the end; 0: it does not come */
};

#endif
