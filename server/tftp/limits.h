/*
 * How much one address may have, so that it cannot take everything, and cannot be flooded by
 * somebody who forges it. Pure: the clock comes from outside.
 *
 * A fleet that reboots behind one address must never notice. So what is limited is not requests,
 * but what only an attack has a lot of: bytes sent to an address that has not answered yet, and
 * files that nobody has asked for before.
 */
#ifndef SERVER_TFTP_LIMITS_H
#define SERVER_TFTP_LIMITS_H

#include "server/tftp/udp.h"

#include <stdbool.h>
#include <stdint.h>

enum limit {
	LIMIT_UNPROVEN, /* bytes of answers that are larger than their requests, unanswered so far
			 */
	LIMIT_LOOKS,    /* names that a worker had to look at */
	LIMITS,
};

enum {
	LIMIT_UNPROVEN_BYTES = 8 << 20,        /* the 512 bytes of 16,000 clients at once ... */
	LIMIT_UNPROVEN_PER_SECOND = 128 << 10, /* ... of which so many come back unproven */
	LIMIT_LOOKS_MAX = 50000,       /* the files of 10,000 phones, and their other ones */
	LIMIT_LOOKS_PER_SECOND = 2000, /* more than a machine signs */
	LIMIT_ADDRESSES =
		4096, /* that are remembered, a power of two; of IPv6, networks of 64 bits */
};

struct limits;

/* NULL if out of memory or randomness. */
struct limits *limits_new(void);
void limits_free(struct limits *l);

/* Takes n of what the address may have; false, and nothing taken, if it has not got so much left.
 */
bool limits_take(struct limits *l, enum limit what, const union udp_addr *who, uint32_t n,
		 uint64_t now_ms);

/* Gives back what turned out to be harmless. */
void limits_give_back(struct limits *l, enum limit what, const union udp_addr *who, uint32_t n);

#endif
