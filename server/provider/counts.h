/* What happened since the service came up, counted for /metrics. On the loop only. */
#ifndef SERVER_PROVIDER_COUNTS_H
#define SERVER_PROVIDER_COUNTS_H

#include <stddef.h>
#include <stdint.h>

enum { COUNTS_REQUESTS_MAX = 256 };

struct counts {
	struct {
		const char *method, *path; /* of the route: compared by address */
		int status;
		uint64_t n;
	} requests[COUNTS_REQUESTS_MAX];
	size_t nrequests;
	uint64_t logins_accepted;   /* the password was hashed */
	uint64_t logins_remembered; /* and here it was not */
	uint64_t logins_refused;
	uint64_t logins_throttled;
};

static inline void counts_request(struct counts *c, const char *method, const char *path,
				  int status)
{
	size_t i = 0;

	while (i < c->nrequests &&
	       (c->requests[i].path != path || c->requests[i].method != method ||
		c->requests[i].status != status))
		i++;
	if (i == COUNTS_REQUESTS_MAX)
		return;
	if (i == c->nrequests) {
		c->nrequests++;
		c->requests[i].method = method;
		c->requests[i].path = path;
		c->requests[i].status = status;
	}
	c->requests[i].n++;
}

#endif
