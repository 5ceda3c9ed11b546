/* A question and its answer, for every protocol: who may have what, and how much of it. */
#ifndef SERVER_TFTP_SERVE_H
#define SERVER_TFTP_SERVE_H

#include "server/tftp/asked.h"
#include "server/tftp/catalog.h"
#include "server/tftp/limits.h"

struct serve {
	struct catalog *catalog;
	struct limits *limits;
	struct asked *asked;
};

struct serve_ask {
	const struct name *name;
	const union udp_addr *peer;
	const char *device; /* the device that the peer has proved to be; NULL: it could not */
	uint64_t now_ms;
};

/* As catalog_find(); besides:
 *
 * A peer that has proved to be a device gets no other device's files: CATALOG_ABSENT, as if there
 * were none. CATALOG_TROUBLE with ERR_FAILED "limit" if the peer's address has asked for too much
 * that has to be made. */
enum catalog_answer serve_find(struct serve *s, const struct serve_ask *ask,
			       struct catalog_waiter *w, struct content **out,
			       const struct err **e);

#endif
