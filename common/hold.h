/* Ctrl-C held back, so that a long job can end between two steps and leave nothing half done. */
#ifndef COMMON_HOLD_H
#define COMMON_HOLD_H

#include <signal.h>
#include <stdbool.h>

/* Holds SIGINT and SIGTERM back from now on, in this thread; *before is for hold_end(). */
void hold_begin(sigset_t *before);

/* Whether one of them has come meanwhile. */
bool hold_asked(void);

/* Lets them through again: one that came ends the program here. */
void hold_end(const sigset_t *before);

#endif
