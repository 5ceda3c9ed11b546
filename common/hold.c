#include "common/hold.h"

#include <stddef.h>

void hold_begin(sigset_t *before)
{
	sigset_t both;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &both, before);
}

bool hold_asked(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

void hold_end(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}
