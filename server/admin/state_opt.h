/* Where the state is: --state, or what the configuration says. */
#ifndef SERVER_ADMIN_STATE_OPT_H
#define SERVER_ADMIN_STATE_OPT_H

#include "common/conf.h"

#include <string.h>

/* A copy of state if it is not NULL, else of the one in the configuration conf (NULL: the usual
 * one). On success *out is the caller's (free). */
static inline int state_opt(char **out, const char *state, const char *conf, struct err *e)
{
	struct conf c;

	if (!state) {
		if (conf_load(&c, conf, e))
			return (int)e->kind;
		*out = c.state;
		c.state = NULL;
		conf_free(&c);
		return 0;
	}
	*out = strdup(state);
	return *out ? 0 : err_nomem(e);
}

#endif
